/* Changes by files under traffic: seen soon, and one bad file or object harms no other route. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakes/name_backend.h"
#include "support/ask.h"
#include "support/manifest_writer.h"
#include "support/scene.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define CHANGES 50
#define STABLE  "stable.files.test"
#define MOVING  "moving.files.test"

#define PATIENCE_MS 20000u

/* What is promised: a change is seen within a second.  A busy machine may hold up a few of them. */
#define SEEN_US 1000000u
#define HELD_UP 3

struct stage {
    struct scene *scene;
    struct name_backend *stable, *blue, *green;
    struct traffic *traffic;
};

static void route_to(struct stage *g, const char *name, const char *host,
                     const struct name_backend *b)
{
    struct netaddr addr = name_backend_addr(b);

    manifest_route(&g->scene->manifests, name, host, &addr, 1);
}

static int stage_setup(void **state)
{
    struct stage *g = calloc(1, sizeof(*g));
    void *scene;

    if (g == NULL || scene_setup(&scene) != 0) {
        abort();
    }
    g->scene = scene;
    g->stable = name_backend_start("127.0.0.1", "stable");
    g->blue = name_backend_start("127.0.0.1", "blue");
    g->green = name_backend_start("127.0.0.1", "green");
    route_to(g, "stable", STABLE, g->stable);
    route_to(g, "moving", MOVING, g->blue);
    scene_start(g->scene, NULL);
    g->traffic = traffic_start(&g->scene->addr, 2, STABLE, "stable");
    *state = g;
    return 0;
}

/* Whatever a test did, the other host's connections went on without a single failure. */
static int stage_teardown(void **state)
{
    struct stage *g = *state;
    void *scene = g->scene;
    struct traffic_report report;
    int rc;

    rc = traffic_wait_for(g->traffic, 1) ? 0 : -1;
    traffic_stop(g->traffic, &report);
    rc |= scene_teardown(&scene);
    name_backend_stop(g->stable);
    name_backend_stop(g->blue);
    name_backend_stop(g->green);
    free(g);
    print_message("             %" PRIu64 " connections to another host, %" PRIu64 " failed %s\n",
                  report.asked, report.failed, report.first);
    return report.failed == 0 ? rc : -1;
}

struct expected {
    const struct stage *stage;
    const char *host, *from; /* from NULL: refused by an alert */
};

static bool is_so(void *ctx)
{
    const struct expected *x = ctx;
    struct ask_answer answer;

    if (x->from != NULL) {
        return ask_reaches(&x->stage->scene->addr, x->host, x->from);
    }
    ask_name(&x->stage->scene->addr, x->host, &answer);
    return ask_is_alert(&answer, 112);
}

static bool becomes(const struct stage *g, const char *host, const char *from)
{
    struct expected x = {.stage = g, .host = host, .from = from};

    return wait_until(is_so, &x, PATIENCE_MS);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void of_fifty_changes_all_but_three_are_seen_within_a_second(void **state)
{
    struct stage *g = *state;
    uint64_t took_us[CHANGES];

    for (size_t i = 0; i < CHANGES; i++) {
        const bool to_green = i % 2 == 0;
        uint64_t began = clock_now_us();

        route_to(g, "moving", MOVING, to_green ? g->green : g->blue);
        assert_true(becomes(g, MOVING, to_green ? "green" : "blue"));
        took_us[i] = clock_now_us() - began;
    }
    qsort(took_us, CHANGES, sizeof(took_us[0]), compare_u64);
    print_message("             routed after %" PRIu64 " us (median), %" PRIu64 " us (most)\n",
                  took_us[CHANGES / 2], took_us[CHANGES - 1]);
    assert_in_range(took_us[CHANGES - 1 - HELD_UP], 0, SEEN_US);
}

static bool has_said_invalid(void *ctx)
{
    const struct stage *g = ctx;
    char *said = sealway_stderr(g->scene->program);
    bool yes = strstr(said, "moving.yaml") != NULL;

    free(said);
    return yes;
}

static void a_broken_file_keeps_its_last_good_objects(void **state)
{
    struct stage *g = *state;

    tempdir_replace(&g->scene->manifests, "moving.yaml", "kind: [Ingress\n  half a file");
    assert_true(wait_until(has_said_invalid, g, PATIENCE_MS));
    route_to(g, "new", "new.files.test", g->green);
    assert_true(becomes(g, "new.files.test", "green"));
    assert_true(ask_reaches(&g->scene->addr, MOVING, "blue"));
    route_to(g, "moving", MOVING, g->green);
    assert_true(becomes(g, MOVING, "green"));
}

static void a_port_its_service_lacks_costs_only_that_host(void **state)
{
    struct stage *g = *state;
    static const char wrong[] =
        "apiVersion: networking.k8s.io/v1\n"
        "kind: Ingress\n"
        "metadata: {name: wrong, namespace: test}\n"
        "spec:\n"
        "  ingressClassName: sealway\n"
        "  rules:\n"
        "  - host: wrong.files.test\n"
        "    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: stable, "
        "port: {number: 9999}}}}]}\n"
        "  - host: right.files.test\n"
        "    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: stable, "
        "port: {number: 443}}}}]}\n";

    tempdir_replace(&g->scene->manifests, "wrong.yaml", wrong);
    assert_true(becomes(g, "right.files.test", "stable"));
    assert_false(ask_reaches(&g->scene->addr, "wrong.files.test", "stable"));
    assert_true(ask_reaches(&g->scene->addr, MOVING, "blue"));
}

static void a_removed_file_takes_its_route_with_it(void **state)
{
    struct stage *g = *state;
    char path[PATH_MAX];

    assert_int_equal(unlink(tempdir_path(&g->scene->manifests, "moving.yaml", path)), 0);
    assert_true(becomes(g, MOVING, NULL));
}

/* "mark" shows that one worker has the table with both; the other workers follow. */
static bool has_no_endpoint(void *ctx)
{
    const struct stage *g = ctx;
    struct ask_answer answer;

    ask_name(&g->scene->addr, "empty.files.test", &answer);
    return ask_is_alert(&answer, 80);
}

static void endpoints_that_all_vanish_are_told_apart_from_an_unknown_name(void **state)
{
    struct stage *g = *state;

    manifest_route(&g->scene->manifests, "empty", "empty.files.test", NULL, 0);
    route_to(g, "mark", "mark.files.test", g->blue);
    assert_true(becomes(g, "mark.files.test", "blue"));
    assert_true(wait_until(has_no_endpoint, g, PATIENCE_MS));
}

#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STAGE(of_fifty_changes_all_but_three_are_seen_within_a_second),
        WITH_STAGE(a_broken_file_keeps_its_last_good_objects),
        WITH_STAGE(a_port_its_service_lacks_costs_only_that_host),
        WITH_STAGE(a_removed_file_takes_its_route_with_it),
        WITH_STAGE(endpoints_that_all_vanish_are_told_apart_from_an_unknown_name),
    };

    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
