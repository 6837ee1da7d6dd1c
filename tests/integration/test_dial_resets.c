/* Clients that reset while their endpoint is dialled, and endpoints that refuse or reset at the
 * same moment, thousands of times in every order: each connection is told as what it was, none is
 * left, and the next client is served. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/name_backend.h"
#include "fakes/scripted_peer.h"
#include "support/ask.h"
#include "support/form.h"
#include "support/http_ask.h"
#include "support/manifest_writer.h"
#include "support/metric_lines.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"
#include "support/scene.h"
#include "support/sockopt.h"
#include "support/wait_until.h"

#define ROUNDS      form_pick(20000, 400, 200) /* of five connections */
#define MOST_US     400u /* about as long as all takes from the hello to the endpoint's reset */
#define PATIENCE_MS 20000

#define CLOSED "sealway_connections_closed_total{"

/* Who resets, and when. */
enum way { NO_ANSWER, REFUSED, BEFORE_ACCEPT, CLIENT_THEN_SERVER, SERVER_THEN_CLIENT, WAYS };

struct stage {
    struct scene *s;
    struct hello_bytes hellos[WAYS];
    struct netaddr silent, refusing;
    int staller, fill[2], refuser;
    struct name_backend *good;
};

static int dial(const struct stage *g, enum way way)
{
    const struct hello_bytes *hello = &g->hellos[way];
    int fd = proxy_fixture_dial(&g->s->addr);

    assert_int_equal(send(fd, hello->data, hello->len, MSG_NOSIGNAL), hello->len);
    return fd;
}

/* The next that was dialled; -1: nobody within `ms`. */
static int take(const struct stage *g, int ms)
{
    struct pollfd p = {.fd = g->s->listener, .events = POLLIN};

    return poll(&p, 1, ms) == 1 ? accept(g->s->listener, NULL, NULL) : -1;
}

/* Those before whose clients had left: they are dialled, or not. */
static void reset_the_rest(const struct stage *g)
{
    for (int fd; (fd = take(g, 0)) >= 0;) {
        sockopt_reset(fd);
    }
}

static void play(const struct stage *g, enum way way, unsigned us)
{
    int client, server = -1;

    reset_the_rest(g);
    client = dial(g, way);
    if (way == CLIENT_THEN_SERVER || way == SERVER_THEN_CLIENT) {
        server = take(g, PATIENCE_MS);
        assert_true(server >= 0);
    }
    if (way == SERVER_THEN_CLIENT) {
        sockopt_reset(server);
    }
    if (us != 0) {
        usleep(us);
    }
    sockopt_reset(client);
    if (way == CLIENT_THEN_SERVER) {
        sockopt_reset(server);
    }
}

static uint64_t metric(const struct scene *s, const char *beginning)
{
    const struct netaddr admin = sealway_admin(s->program);
    struct http_answer answer;
    uint64_t sum;

    http_ask(&admin, "GET", "/metrics", &answer);
    assert_int_equal(answer.status, 200);
    sum = metric_lines_sum(answer.body, beginning);
    http_answer_fini(&answer);
    return sum;
}

struct expected {
    const struct scene *s;
    uint64_t closed;
    size_t fds;
};

static bool is_closed(void *ctx)
{
    const struct expected *e = ctx;

    return metric(e->s, CLOSED) >= e->closed;
}

static bool is_all_gone(void *ctx)
{
    const struct expected *e = ctx;

    return is_closed(ctx) && procinfo_fds(sealway_pid(e->s->program)) <= e->fds;
}

/* The hosts of the ways, in their order; the last three have the test's own listener. */
static void begin(struct stage *g)
{
    static const char *const args[] = {"--connect-timeout", "60s", "--connect-retries", "0", NULL};
    static const char *const hosts[WAYS] = {"silent.scene.test", "refusing.scene.test", SCENE_HOST,
                                            SCENE_HOST, SCENE_HOST};
    struct netaddr good;

    g->staller = proxy_fixture_staller(&g->silent, g->fill);
    g->refuser = proxy_fixture_refuser(&g->refusing);
    g->good = name_backend_start("127.0.0.1", "good");
    good = name_backend_addr(g->good);
    manifest_route(&g->s->manifests, "silent", hosts[NO_ANSWER], &g->silent, 1);
    manifest_route(&g->s->manifests, "refusing", hosts[REFUSED], &g->refusing, 1);
    manifest_route(&g->s->manifests, "good", "good.scene.test", &good, 1);
    for (unsigned way = 0; way < WAYS; way++) {
        hello_simple(&g->hellos[way], hosts[way], NULL);
    }
    scene_start_with_backend(g->s, NULL, args);
}

static void end(struct stage *g)
{
    for (unsigned way = 0; way < WAYS; way++) {
        hello_bytes_free(&g->hellos[way]);
    }
    name_backend_stop(g->good);
    close(g->refuser);
    close(g->staller);
    close(g->fill[0]);
    close(g->fill[1]);
}

static uint64_t closed(const struct scene *s, const char *route, const char *reason)
{
    char beginning[128];

    (void)snprintf(beginning, sizeof(beginning),
                   CLOSED "namespace=\"test\",route=\"%s\",reason=\"%s\"}", route, reason);
    return metric(s, beginning);
}

/* Of each way for a reason of its own; which of two at the same moment comes first is luck. */
static void check_reasons(const struct scene *s)
{
    uint64_t silent = closed(s, "silent", "client_reset");
    uint64_t refused = closed(s, "refusing", "connect_failed");
    uint64_t left = closed(s, "refusing", "client_reset");
    uint64_t client = closed(s, "app", "client_reset"), server = closed(s, "app", "server_reset");
    uint64_t failed = closed(s, "app", "connect_failed"); /* reset before the worker looked */

    print_message("             %" PRIu64 " left while dialled, %" PRIu64 " were refused, %" PRIu64
                  " left then; %" PRIu64 " reset, %" PRIu64 " were reset, %" PRIu64
                  " at the end of the dial\n",
                  silent, refused, left, client, server, failed);
    assert_int_equal(silent, ROUNDS);
    assert_int_equal(refused + left, ROUNDS);
    assert_true(refused > 0);
    assert_int_equal(client + server + failed, 3 * ROUNDS);
    assert_true(client > 0);
    assert_true(server > 0);
}

static void resets_of_both_ends_in_any_order_leave_nothing(void **state)
{
    struct stage g = {.s = *state};
    struct expected gone = {.s = *state, .closed = 1};

    begin(&g);
    assert_true(ask_reaches(&g.s->addr, "good.scene.test", "good"));
    assert_true(wait_until(is_closed, &gone, PATIENCE_MS));
    gone.fds = procinfo_fds(sealway_pid(g.s->program));
    gone.closed += ROUNDS * WAYS;
    for (unsigned i = 0; i < ROUNDS; i++) {
        for (unsigned way = 0; way < WAYS; way++) {
            play(&g, (enum way)way, i % 2 == 0 ? 0 : i * 37 % MOST_US);
        }
    }
    assert_true(wait_until(is_all_gone, &gone, PATIENCE_MS));
    check_reasons(g.s);
    assert_true(ask_reaches(&g.s->addr, "good.scene.test", "good"));
    end(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(resets_of_both_ends_in_any_order_leave_nothing, scene_setup,
                                        scene_teardown),
    };

    return cmocka_run_group_tests_name("dial_resets", tests, NULL, NULL);
}
