#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <event2/event.h>

#include "controller/kubewriter.h"

#include "base/clock.h"
#include "controller/eventlog.h"
#include "controller/statuswriter.h"
#include "kube/kubeclient.h"
#include "kube/leader.h"
#include "support/failalloc.h"

/* What the writer is made of, played by this test. */
static struct played {
    struct leader_config leader;
    int clients, leaders, statuses, logs; /* alive */
    int turns, looks, reloads;
    bool status_may, events_may, released, owes;
    uint64_t due_ms;
    const char *refused; /* which of them cannot be made */
} played;

static struct statuswriter_stats status_stats;
static struct eventlog_stats event_stats;

static bool is_refused(const char *what, struct err *e)
{
    bool yes = played.refused != NULL && strcmp(played.refused, what) == 0;

    if (yes && e != NULL) {
        err_set(e, "no %s", what);
    }
    return yes;
}

struct kubeclient *kubeclient_new(const struct kubeclient_config *cfg, struct err *e)
{
    (void)cfg;
    return is_refused("client", e) ? NULL : (played.clients++, (struct kubeclient *)&played);
}

void kubeclient_free(struct kubeclient *c)
{
    played.clients -= c != NULL;
}

void kubeclient_turn(struct kubeclient *c, uint64_t now_ms)
{
    (void)c;
    (void)now_ms;
}

uint64_t kubeclient_due_ms(const struct kubeclient *c)
{
    (void)c;
    return UINT64_MAX;
}

void kubeclient_reload(struct kubeclient *c)
{
    (void)c;
    played.reloads++;
}

struct leader *leader_new(const struct leader_config *cfg, struct err *e)
{
    played.leader = *cfg;
    return is_refused("leader", e) ? NULL : (played.leaders++, (struct leader *)&played);
}

void leader_free(struct leader *l)
{
    played.leaders -= l != NULL;
}

void leader_turn(struct leader *l, uint64_t now_ms)
{
    (void)l;
    (void)now_ms;
    played.turns++;
    played.due_ms = UINT64_MAX;
}

uint64_t leader_due_ms(const struct leader *l)
{
    (void)l;
    return played.due_ms;
}

void leader_release(struct leader *l)
{
    (void)l;
    played.released = true;
}

bool leader_is_released(const struct leader *l)
{
    (void)l;
    return played.released;
}

void leader_reload(struct leader *l)
{
    (void)l;
    played.reloads++;
}

struct statuswriter *statuswriter_new(const struct statuswriter_config *cfg)
{
    (void)cfg;
    return is_refused("status", NULL) ? NULL : (played.statuses++, (struct statuswriter *)&played);
}

void statuswriter_free(struct statuswriter *w)
{
    played.statuses -= w != NULL;
}

void statuswriter_look(struct statuswriter *w, const struct store *s, const struct table *t)
{
    (void)w;
    (void)s;
    (void)t;
    played.looks++;
}

bool statuswriter_owes_look(const struct statuswriter *w)
{
    (void)w;
    return played.owes;
}

void statuswriter_allow(struct statuswriter *w, bool may)
{
    (void)w;
    played.status_may = may;
}

void statuswriter_turn(struct statuswriter *w, uint64_t now_ms)
{
    (void)w;
    (void)now_ms;
}

uint64_t statuswriter_due_ms(const struct statuswriter *w)
{
    (void)w;
    return UINT64_MAX;
}

const struct statuswriter_stats *statuswriter_stats(const struct statuswriter *w)
{
    (void)w;
    return &status_stats;
}

struct eventlog *eventlog_new(const struct eventlog_config *cfg)
{
    (void)cfg;
    return is_refused("events", NULL) ? NULL : (played.logs++, (struct eventlog *)&played);
}

void eventlog_free(struct eventlog *l)
{
    played.logs -= l != NULL;
}

void eventlog_look(struct eventlog *l, const struct store *s, const struct verdicts *decoded,
                   const struct verdicts *translated)
{
    (void)l;
    (void)s;
    (void)decoded;
    (void)translated;
    played.looks++;
}

void eventlog_allow(struct eventlog *l, bool may)
{
    (void)l;
    played.events_may = may;
}

void eventlog_turn(struct eventlog *l, uint64_t now_ms)
{
    (void)l;
    (void)now_ms;
}

uint64_t eventlog_due_ms(const struct eventlog *l)
{
    (void)l;
    return UINT64_MAX;
}

const struct eventlog_stats *eventlog_stats(const struct eventlog *l)
{
    (void)l;
    return &event_stats;
}

/* ---- the writer ----------------------------------------------------------------------------- */

static const struct kubewriter_config CONFIG = {.agent = "sealway/test",
                                                .identity = "pod_1",
                                                .instance = "pod",
                                                .lease_ns = "own",
                                                .lease = "sealway-leader",
                                                .controller_class = "sealway.io/controller"};

struct scene {
    struct event_base *base;
    struct kubewriter *writer;
};

static int setup(void **state)
{
    static struct scene s;
    struct err e = {.text = ""};

    memset(&played, 0, sizeof(played));
    s.base = event_base_new();
    s.writer = kubewriter_new(&CONFIG, s.base, &e);
    assert_non_null(s.writer);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    kubewriter_free(s->writer);
    event_base_free(s->base);
    assert_int_equal(played.clients + played.leaders + played.statuses + played.logs, 0);
    return 0;
}

static void only_who_leads_writes(void **state)
{
    struct scene *s = *state;

    assert_string_equal(played.leader.ns, "own");
    assert_string_equal(played.leader.identity, "pod_1");
    assert_false(kubewriter_stats(s->writer)->leads);
    played.leader.on_change(played.leader.ctx, true);
    assert_true(played.status_may && played.events_may);
    assert_true(kubewriter_stats(s->writer)->leads);
    played.leader.on_change(played.leader.ctx, false);
    assert_false(played.status_may || played.events_may);
    assert_false(kubewriter_stats(s->writer)->leads);
}

static void what_is_due_is_done_by_its_own_timer(void **state)
{
    struct scene *s = *state;

    /* Due at once when made: the Lease is to be read. */
    (void)event_base_loop(s->base, EVLOOP_ONCE);
    assert_int_equal(played.turns, 1);
    played.due_ms = clock_now_ms() + 3;
    played.leader.on_moved(played.leader.ctx);
    while (played.turns < 2) {
        (void)event_base_loop(s->base, EVLOOP_ONCE);
    }
    assert_int_equal(played.due_ms, UINT64_MAX);
}

static void a_look_goes_to_both_and_a_reload_to_both_clients(void **state)
{
    struct scene *s = *state;

    kubewriter_look(s->writer, &(struct kubewriter_view){.served_same = false});
    assert_int_equal(played.looks, 2);
    kubewriter_look(s->writer, &(struct kubewriter_view){.served_same = true});
    assert_int_equal(played.looks, 3); /* for status there is nothing new to see */
    played.owes = true;
    kubewriter_look(s->writer, &(struct kubewriter_view){.served_same = true});
    assert_int_equal(played.looks, 5); /* but something old that was not seen */
    kubewriter_reload(s->writer);
    assert_int_equal(played.reloads, 2);
}

static void it_is_released_when_the_lease_is(void **state)
{
    struct scene *s = *state;

    assert_false(kubewriter_is_released(s->writer));
    kubewriter_release(s->writer);
    assert_true(played.released);
    assert_true(kubewriter_is_released(s->writer));
}

static void one_that_cannot_be_made_leaves_nothing_behind(void **state)
{
    static const char *const parts[] = {"client", "leader", "status", "events"};
    struct event_base *base = event_base_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct err e = {.text = ""};

        memset(&played, 0, sizeof(played));
        played.refused = parts[i];
        assert_null(kubewriter_new(&CONFIG, base, &e));
        assert_true(*e.text != '\0');
        assert_int_equal(played.clients + played.leaders + played.statuses + played.logs, 0);
    }
    event_base_free(base);
}

static void make_one(void *ctx)
{
    struct err e = {.text = ""};
    struct kubewriter *w = kubewriter_new(&CONFIG, ctx, &e);

    assert_true(w != NULL || *e.text != '\0');
    kubewriter_free(w);
}

static void any_allocation_may_fail(void **state)
{
    struct event_base *base = event_base_new();

    (void)state;
    memset(&played, 0, sizeof(played));
    assert_true(failalloc_torture(make_one, base) > 0);
    event_base_free(base);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(only_who_leads_writes),
        WITH_SCENE(what_is_due_is_done_by_its_own_timer),
        WITH_SCENE(a_look_goes_to_both_and_a_reload_to_both_clients),
        WITH_SCENE(it_is_released_when_the_lease_is),
        cmocka_unit_test(one_that_cannot_be_made_leaves_nothing_behind),
        cmocka_unit_test(any_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
