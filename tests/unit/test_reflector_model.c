/*
 * A reflector and a store against a model of a server that does, at random, all that servers do.
 *
 *   REFLECTOR_SEED=n   begin with this life
 *   REFLECTOR_STEPS=n  of all lives together
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "base/attr.h"
#include "kube/reflector.h"
#include "reflector_life.h"
#include "support/form.h"
#include "support/seed.h"

#define LIFE_STEPS 2000u
#define PAGE_KEYS  7u

static const struct kubestatus *trouble(struct life *l)
{
    static const int codes[] = {0, 302, 400, 401, 403, 404, 410, 410, 422, 429, 500, 502, 503, 504};
    static struct kubestatus why;

    why = (struct kubestatus){.code = codes[draw(l) % ARRAY_LEN(codes)],
                              .has_retry_after = one_in(l, 4),
                              .retry_after_s = draw(l) % 40};
    why.too_large_version = why.code == 504 && one_in(l, 2);
    return &why;
}

/* Which version a list is of; 0: what is asked for is not there yet. */
static unsigned choose_version(struct life *l)
{
    int64_t asked = parameter(l, "resourceVersion");
    unsigned current = l->server.version;
    unsigned lag = l->calm ? 0 : draw(l) % 10;

    if (asked < 0) {
        return current;
    }
    if (asked > current) {
        return 0;
    }
    if (asked > 0 && one_in(l, 3)) { /* a replica that breaks the promise, if it lags */
        return (unsigned)asked > lag ? (unsigned)asked - lag : 1;
    }
    if (asked > 0) {
        return current - (unsigned)asked > lag ? current - lag : (unsigned)asked;
    }
    return current > lag ? current - lag : 1;
}

static void send_page(struct life *l)
{
    unsigned to = MODEL_KEYS;
    char token[16] = "";
    struct model_state all;

    model_state_at(&l->server, l->list_version, &all);
    if (strstr(l->query, "limit=") != NULL && one_in(l, 2)) {
        to = l->list_from + PAGE_KEYS < MODEL_KEYS ? l->list_from + PAGE_KEYS : MODEL_KEYS;
    }
    for (unsigned key = l->list_from; key < to; key++) {
        l->collected.held[key] = all.held[key];
    }
    if (to < MODEL_KEYS) {
        (void)snprintf(token, sizeof(token), "%u", to);
    }
    /* Only the first page's version is to be taken: the others say one that must not be used. */
    take_page(l, l->list_from == 0 ? tell(l, l->list_version) : "4095", token);
    l->list_from = to;
}

static void answer_list(struct life *l)
{
    static const struct kubestatus expired = {.code = 410};
    static const struct kubestatus too_large = {.code = 504, .too_large_version = true};

    if (!l->calm && one_in(l, 5)) {
        refuse(l, trouble(l));
    } else if (strstr(l->query, "continue=") != NULL) {
        if (l->list_version < l->server.compacted || l->list_version > l->server.version) {
            refuse(l, &expired);
        } else {
            send_page(l);
        }
    } else {
        l->list_from = 0;
        l->list_version = choose_version(l);
        if (l->list_version == 0) {
            refuse(l, &too_large);
        } else if (!l->calm && one_in(l, 30)) {
            take_page(l, "", "");
        } else {
            send_page(l);
        }
    }
}

static void send_event(struct life *l)
{
    static const enum watchevent_type types[] = {WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED};
    struct watchevent e = {.type = WATCH_BOOKMARK};
    const struct model_write *w = NULL;

    if (l->watch_at < l->server.version) {
        w = &l->server.log[++l->watch_at];
        e.type = types[w->held == 0 ? 2 : w->was_there];
    }
    e.resource_version = tell(l, l->watch_at);
    take_event(l, &e, w);
}

static void send_error(struct life *l, const struct kubestatus *why)
{
    struct watchevent e = {.type = WATCH_ERROR, .resource_version = "4095", .status = *why};

    take_event(l, &e, NULL);
    assert_int_equal(l->running, NOTHING);
}

static void break_watch(struct life *l)
{
    struct watchevent strange = {.type = WATCH_UNKNOWN, .resource_version = "4095"};
    enum reflector_ending how = (enum reflector_ending)(draw(l) % 3);

    switch (draw(l) % 4) {
    case 0:
        take_event(l, &strange, NULL);
        return;
    case 1:
        send_error(l, trouble(l));
        return;
    default:
        watch_is_over(l);
        reflector_ended(&l->r, how, l->now_ms, draw(l));
    }
}

static void open_watch(struct life *l)
{
    static const struct kubestatus expired = {.code = 410};

    if (!l->calm && one_in(l, 6)) {
        refuse(l, trouble(l));
    } else if (l->watch_at < l->server.compacted && one_in(l, 2)) {
        refuse(l, &expired);
    } else {
        l->watch_open = true;
        reflector_opened(&l->r, l->now_ms);
        if (l->watch_at < l->server.compacted) {
            send_error(l, &expired);
        }
    }
}

static void answer_watch(struct life *l)
{
    if (!l->watch_open) {
        open_watch(l);
    } else if (!l->calm && one_in(l, 12)) {
        break_watch(l);
    } else if (l->watch_at <= l->server.version) { /* a newer one is answered with silence */
        send_event(l);
    }
}

static void answer_probe(struct life *l)
{
    if (l->probing) {
        bool answered = l->calm || !one_in(l, 3);

        l->probing = false;
        if (answered && (l->calm || one_in(l, 2))) {
            reflector_probe_version(&l->r, tell(l, l->server.version));
        }
        reflector_probed(&l->r, answered, l->now_ms);
    }
}

/* Back to a backup.  Streams that stay open tell what happens from there. */
static void restore(struct life *l)
{
    unsigned back = draw(l) % 30;

    model_restore(&l->server, l->server.version > back ? l->server.version - back : 1);
    if (l->running == A_WATCH && l->watch_open) {
        l->watch_at = l->watch_at < l->server.version ? l->watch_at : l->server.version;
    }
}

static void answer(struct life *l)
{
    if (l->running == A_LIST) {
        answer_list(l);
    } else if (l->running == A_WATCH) {
        answer_watch(l);
    }
}

/* --- lives --- */

static void pass_time(struct life *l)
{
    uint64_t due = reflector_due_ms(&l->r);

    if (one_in(l, 3) && due != UINT64_MAX && due > l->now_ms) {
        l->now_ms = due;
    } else if (one_in(l, 100)) {
        l->now_ms += draw(l) % 1200000;
    } else {
        l->now_ms += draw(l) % (one_in(l, 4) ? 10000 : 300);
    }
}

static void change_server(struct life *l)
{
    if (l->restores && one_in(l, 20)) {
        restore(l);
    } else if (one_in(l, 3)) {
        l->server.compacted = l->server.version - draw(l) % 3 % l->server.version;
    } else if (one_in(l, 20)) {
        reflector_relist(&l->r);
    }
}

static void act_on_all(struct life *l)
{
    unsigned n = 0;

    while (act(l)) {
        assert_true(++n <= 4);
    }
}

static void live_a_step(struct life *l)
{
    switch (draw(l) % 8) {
    case 0:
    case 1:
        model_write(&l->server, draw(l) % MODEL_KEYS, one_in(l, 3));
        break;
    case 2:
    case 3:
    case 4:
        answer(l);
        break;
    case 5:
    case 6:
        pass_time(l);
        break;
    default:
        answer_probe(l);
        if (one_in(l, 4)) {
            change_server(l);
        }
    }
    act_on_all(l);
}

static bool has_caught_up(const struct life *l)
{
    return l->running == A_WATCH && l->watch_open && !l->probing &&
           l->watch_at == l->server.version && reflector_is_watching(&l->r);
}

/* The server does as it should, and nothing changes any more: then nothing may be missing.  What
 * a restore made anew under versions already seen, only the list after hours finds. */
static void come_to_rest(struct life *l)
{
    uint64_t began = l->now_ms;
    uint64_t least = l->restores ? REFLECTOR_RELIST_MAX_MS + 1200000 : 0;

    l->calm = true;
    while (l->now_ms - began < least || !has_caught_up(l)) {
        assert_true(l->now_ms - began < least + 1800000);
        act_on_all(l);
        answer_probe(l);
        if (l->running == A_LIST || (l->running == A_WATCH && l->watch_at < l->server.version) ||
            (l->running == A_WATCH && !l->watch_open)) {
            answer(l);
        } else if (!has_caught_up(l) || least > 0) {
            l->now_ms = reflector_due_ms(&l->r) > l->now_ms ? reflector_due_ms(&l->r) : l->now_ms;
        }
    }
    assert_memory_equal(&l->store, &l->server.now, sizeof(l->store));
}

static void live(uint64_t seed, unsigned steps, struct tally *tally)
{
    static struct life l;

    memset(&l, 0, sizeof(l));
    l.seed = seed * 0x9e3779b97f4a7c15u | 1;
    l.now_ms = 1000000 + draw(&l) % 1000;
    l.restores = one_in(&l, 3);
    l.tally = tally;
    model_init(&l.server);
    reflector_init(&l.r);
    for (unsigned i = 0; i < steps; i++) {
        live_a_step(&l);
        tally->steps++;
    }
    come_to_rest(&l);
    tally->lives++;
}

static void the_store_is_the_servers_after_any_order_of_troubles(void **state)
{
    uint64_t seed = seed_draw("REFLECTOR_SEED");
    uint64_t steps = seed_number("REFLECTOR_STEPS", form_pick(10000000, 100000, 50000));
    struct tally t = {0};

    (void)state;
    for (; t.steps < steps; seed++) {
        unsigned n = 100 + (unsigned)(seed * 7919 % (LIFE_STEPS - 100));

        /* A failure is played again from the last one printed. */
        if (t.lives % 1000 == 0) {
            seed_tell("REFLECTOR_SEED", seed);
        }
        live(seed, n, &t);
    }
    print_message("             %" PRIu64 " steps, %" PRIu64 " lives, %" PRIu64 " lists, %" PRIu64
                  " watches, %" PRIu64 " events, %" PRIu64 " probes, %" PRIu64 " closes, %" PRIu64
                  " stale lists\n",
                  t.steps, t.lives, t.lists, t.watches, t.events, t.probes, t.closes, t.stale);
    for (unsigned i = 0; i < ARRAY_LEN(t.causes); i++) {
        print_message("             %-10s %" PRIu64 "\n",
                      reflector_cause_word((enum reflector_cause)i), t.causes[i]);
        assert_true(t.causes[i] > 0 || steps < 50000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_is_the_servers_after_any_order_of_troubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
