/* Thousands of clients that say nothing, or one byte at a time: each ends at its own deadline,
 * costs little until then, and nobody else notices.
 *
 * Runs alone: memory and time are measured. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/form.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/traffic.h"

#define CLIENTS   form_pick(10000, 10000, 1000)
#define PROMPT_MS 60000u

#define DEADLINE    "4s"
#define DEADLINE_US UINT64_C(4000000)
#define LATE_US     UINT64_C(5000000) /* and so much more for a busy machine */

/* What they cost is measured under a deadline that no machine is too slow for. */
#define FAR_DEADLINE "120s"
#define MEASURE_MS   1000u /* after the last one came */

/* What each client may cost in memory, and all of them in CPU time while nobody else asks. */
struct cost {
    double bytes;
    unsigned percent;
};

/* Those that have sent nothing: 0 %, when measured. */
static const struct cost silence = {2048.0, 5};

/* Those that have sent a few bytes and send two a second, each of which is read by itself: 20 %,
 * when measured. */
static const struct cost drops = {6144.0, 60};

struct siege {
    struct mass_scene *m;
    struct crowd *crowd;
    struct traffic_report others;
    struct procinfo_memory before, during;
    unsigned percent;
};

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Every client ended not before its deadline, and not much later. */
static void assert_deadlines_held(const struct siege *g)
{
    unsigned n = crowd_clients(g->crowd);
    uint64_t *lives_us = calloc(n, sizeof(*lives_us));

    assert_non_null(lives_us);
    for (unsigned i = 0; i < n; i++) {
        const struct crowd_member *m = crowd_member(g->crowd, i);
        assert_in_range(m->end, CROWD_FIN, CROWD_RESET); /* reset: a byte crossed the FIN */
        assert_true(m->ended_us - m->began_us >= DEADLINE_US);
        lives_us[i] = m->ended_us - m->connected_us;
    }
    qsort(lives_us, n, sizeof(*lives_us), compare);
    print_message("             %u ended %" PRIu64 " ms after they came (half of them), %" PRIu64
                  " (99 of 100), %" PRIu64 " (the last); deadline " DEADLINE "\n",
                  n, lives_us[n / 2] / 1000, lives_us[n - n / 100 - 1] / 1000,
                  lives_us[n - 1] / 1000);
    assert_true(lives_us[n - 1] < DEADLINE_US + LATE_US);
    free(lives_us);
}

static double bytes_each(const struct siege *g, long before_kib, long during_kib)
{
    return (double)(during_kib - before_kib) * 1024.0 / crowd_clients(g->crowd);
}

static void assert_cost_is_below(const struct siege *g, const struct cost *most)
{
    double rss = bytes_each(g, g->before.rss_kib, g->during.rss_kib);
    double anonymous = bytes_each(g, g->before.anonymous_kib, g->during.anonymous_kib);

    print_message(
        "             %u at once cost %.0f bytes each (%.0f of them private), %u %% CPU\n",
        crowd_clients(g->crowd), rss, anonymous, g->percent);
    if (!FORM_SANITIZED) {
        assert_true(rss <= most->bytes);
        assert_true(g->percent < most->percent);
    }
}

static void assert_others_were_served(const struct siege *g)
{
    print_message("             %" PRIu64 " others asked meanwhile, %" PRIu64 " in vain\n",
                  g->others.asked, g->others.failed);
    assert_string_equal(g->others.first, "");
    assert_true(g->others.asked > 0);
}

/* Let all come while others ask, and measure them: the time when the others have gone, who cost
 * more. */
static void weigh(struct siege *g, struct crowd_config cfg, const struct cost *most)
{
    static const char *const args[] = {"--hello-timeout", FAR_DEADLINE, NULL};
    struct procinfo_load load;
    struct traffic *others;
    pid_t pid;

    mass_scene_start(g->m, MASS_ECHO, args);
    cfg.to = g->m->s->addr;
    pid = sealway_pid(g->m->s->program);
    others = traffic_start(&cfg.to, 2, MASS_SCENE_SHORT_HOST, "short");
    assert_true(traffic_wait_for(others, 200)); /* what is allocated once, is */
    procinfo_memory(pid, &g->before);
    g->crowd = mass_scene_crowd(g->m, &cfg);
    assert_true(crowd_until_count(g->crowd, CROWD_OPEN, cfg.clients, PROMPT_MS));
    crowd_run(g->crowd, MEASURE_MS);
    procinfo_memory(pid, &g->during);
    traffic_stop(others, &g->others);
    procinfo_load_begin(&load, pid);
    crowd_run(g->crowd, MEASURE_MS);
    g->percent = procinfo_load_percent(&load);
    assert_int_equal(crowd_count(g->crowd, CROWD_ENDED), 0);
    assert_cost_is_below(g, most);
    assert_others_were_served(g);
}

/* Let them come while others ask, until the last one is gone. */
static void besiege(struct siege *g, struct crowd_config cfg)
{
    static const char *const args[] = {"--hello-timeout", DEADLINE, NULL};
    struct traffic *others;

    mass_scene_start(g->m, MASS_ECHO, args);
    cfg.to = g->m->s->addr;
    others = traffic_start(&cfg.to, 2, MASS_SCENE_SHORT_HOST, "short");
    g->crowd = mass_scene_crowd(g->m, &cfg);
    assert_true(crowd_until_count(g->crowd, CROWD_ENDED, cfg.clients, PROMPT_MS));
    traffic_stop(others, &g->others);
    assert_deadlines_held(g);
    assert_others_were_served(g);
}

/* The program has room for two descriptors of each connection that it lets in, though a client that
 * says nothing has one: so here, too, the limit allows for half as many. */
static unsigned clients(void)
{
    unsigned fitting = crowd_fitting(CLIENTS);

    if (fitting < CLIENTS) {
        print_message("             only %u of %u: a proxy below the hard limit of descriptors "
                      "lets no more in\n",
                      fitting, CLIENTS);
    }
    return fitting;
}

static struct crowd_config silent(void)
{
    return (struct crowd_config){.clients = clients()};
}

static struct crowd_config dripping(const struct mass_scene *m)
{
    return (struct crowd_config){.clients = clients(),
                                 .drip = m->s->hello.data,
                                 .drip_len = m->s->hello.len,
                                 .drip_ms = 500};
}

static void silent_clients_cost_next_to_nothing(void **state)
{
    struct siege g = {.m = *state};

    weigh(&g, silent(), &silence);
}

static void dripping_clients_cost_little(void **state)
{
    struct siege g = {.m = *state};

    weigh(&g, dripping(g.m), &drops);
}

static void silent_clients_end_at_their_deadline(void **state)
{
    struct siege g = {.m = *state};

    besiege(&g, silent());
    assert_int_equal(mass_scene_logged(g.m, "reason=hello_timeout"), 0); /* not worth a line */
}

/* The deadline is one from the accept on: no byte prolongs it. */
static void a_byte_now_and_then_does_not_prolong_the_deadline(void **state)
{
    struct siege g = {.m = *state};

    besiege(&g, dripping(g.m));
}

/* Those who are slow and yet in time are served. */
static void a_slow_hello_that_is_complete_in_time_is_routed(void **state)
{
    static const char *const args[] = {"--hello-timeout", "20s", NULL};
    struct mass_scene *m = *state;
    struct crowd_config cfg;
    struct crowd *slow;

    mass_scene_start(m, MASS_ECHO, args);
    cfg = (struct crowd_config){.to = m->s->addr,
                                .clients = 200,
                                .drip = m->s->hello.data,
                                .drip_len = m->s->hello.len,
                                .drip_ms = 10};
    slow = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_told(slow, PROMPT_MS));
    assert_int_equal(crowd_count_echoed(slow), 200);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(silent_clients_cost_next_to_nothing),
        WITH_SCENE(dripping_clients_cost_little),
        WITH_SCENE(silent_clients_end_at_their_deadline),
        WITH_SCENE(a_byte_now_and_then_does_not_prolong_the_deadline),
        WITH_SCENE(a_slow_hello_that_is_complete_in_time_is_routed),
    };

    (void)own_net_enter(); /* so that ten thousand ports are nobody else's; if it may be */
    return cmocka_run_group_tests_name("loris", tests, NULL, NULL);
}
