/**
 * reflector_life - the program around a reflector, as a test has it: a store, and all that is held
 * against the steps it is told to do.
 */
#ifndef UNIT_REFLECTOR_LIFE_H
#define UNIT_REFLECTOR_LIFE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kube/reflector.h"
#include "reflector_model.h"

#define REMEMBERED 64u /* requests, to hold the pace against */

enum running { NOTHING, A_LIST, A_WATCH };

/* Of all lives, to see that all happens. */
struct tally {
    uint64_t steps, lives, lists, watches, events, probes, closes, stale;
    uint64_t causes[REFLECTOR_FORCED + 1];
};

/* What drives the reflector, as a program would; and everything that is held against it. */
struct life {
    struct model_server server;
    struct reflector r;
    uint64_t now_ms, seed;
    bool restores; /* may happen in this life */
    bool calm;     /* the server does all as it should */

    enum running running;
    bool probing;
    char query[128];       /* of what runs */
    unsigned list_version; /* what the pages are of; 0: no list under way */
    unsigned list_from;    /* the first key of the next page */
    unsigned watch_at;     /* the watch has told everything up to here */
    bool watch_open;

    struct model_state store, collected;
    unsigned store_version; /* what the store is the server's state at */
    bool collecting;
    bool told[MODEL_VERSIONS]; /* versions that the server ever said */
    uint64_t asked_ms[REMEMBERED];
    unsigned asked;
    bool page_came; /* the next request goes on with it */
    struct tally *tally;
};

static inline uint32_t draw(struct life *l)
{
    l->seed ^= l->seed << 13;
    l->seed ^= l->seed >> 7;
    l->seed ^= l->seed << 17;
    return (uint32_t)(l->seed >> 16);
}

static inline bool one_in(struct life *l, unsigned n)
{
    return draw(l) % n == 0;
}

static inline const char *tell(struct life *l, unsigned version)
{
    static char text[16];

    l->told[version] = true;
    (void)snprintf(text, sizeof(text), "%u", version);
    return text;
}

/* The number behind "name=" in the query, or -1. */
static inline int64_t parameter(const struct life *l, const char *name)
{
    const char *at = strstr(l->query, name);

    return at != NULL && at[strlen(name)] == '=' ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

static inline void drop(struct life *l)
{
    l->collecting = false;
    l->list_version = 0;
}

/* Never more than two a second for long, but for a page after a page. */
static inline void hold_against_the_pace(struct life *l)
{
    if (l->page_came) {
        l->page_came = false;
        return;
    }
    if (l->asked >= REMEMBERED) {
        uint64_t first = l->asked_ms[l->asked % REMEMBERED];

        assert_true(l->now_ms - first >= (REMEMBERED - REFLECTOR_BURST) * 500);
    }
    l->asked_ms[l->asked++ % REMEMBERED] = l->now_ms;
}

static inline void begin_list(struct life *l)
{
    int64_t version = parameter(l, "resourceVersion");

    hold_against_the_pace(l);
    assert_int_equal(l->running, NOTHING);
    l->running = A_LIST;
    assert_true(version <= 0 || l->told[version]);
    if (strstr(l->query, "continue") != NULL) {
        assert_int_equal(version, -1);
        assert_int_equal(parameter(l, "continue"), l->list_from);
        assert_true(l->collecting);
        return;
    }
    drop(l);
    memset(&l->collected, 0, sizeof(l->collected));
    l->collecting = true;
    l->tally->lists++;
}

static inline void begin_watch(struct life *l)
{
    int64_t version = parameter(l, "resourceVersion");

    hold_against_the_pace(l);
    assert_int_equal(l->running, NOTHING);
    assert_false(l->collecting);
    assert_true(version > 0 && l->told[version]);
    assert_in_range(parameter(l, "timeoutSeconds"), 300, 600);
    l->running = A_WATCH;
    l->watch_at = (unsigned)version;
    l->watch_open = false;
    l->tally->watches++;
}

/* Do what is to be done now; false when that is nothing. */
static inline bool act(struct life *l)
{
    static struct reflector_step step;

    reflector_next(&l->r, l->now_ms, draw(l), &step);
    if (step.what == REFLECTOR_LIST || step.what == REFLECTOR_WATCH) {
        assert_true(strlen(step.query) < sizeof(l->query));
        memcpy(l->query, step.query, strlen(step.query) + 1);
    }
    switch (step.what) {
    case REFLECTOR_LIST:
        begin_list(l);
        return true;
    case REFLECTOR_WATCH:
        begin_watch(l);
        return true;
    case REFLECTOR_PROBE:
        assert_true(l->running == A_WATCH && l->watch_open && !l->probing);
        l->probing = true;
        l->tally->probes++;
        return true;
    case REFLECTOR_CLOSE:
        assert_true(l->running != NOTHING || l->collecting);
        l->running = NOTHING;
        l->probing = l->page_came = false;
        l->tally->closes++;
        drop(l);
        return true;
    default:
        assert_int_equal(step.what, REFLECTOR_WAIT);
        assert_true(step.at_ms > l->now_ms);
        return false;
    }
}

static inline void watch_is_over(struct life *l)
{
    l->running = NOTHING;
    l->probing = false;
}

static inline void refuse(struct life *l, const struct kubestatus *why)
{
    watch_is_over(l);
    if (!reflector_refused(&l->r, why, l->now_ms, draw(l))) {
        drop(l);
    }
}

static inline void spoil(struct life *l)
{
    watch_is_over(l);
    drop(l);
    reflector_spoilt(&l->r, l->now_ms, draw(l));
}

/* Where no backup is restored, a store never gets older than it was. */
static inline void hold_against_going_back(struct life *l, unsigned version)
{
    assert_true(l->restores || version >= l->store_version);
    l->store_version = version;
}

static inline void take_page(struct life *l, const char *version, const char *next_page)
{
    int rc = reflector_page(&l->r, version, next_page, l->now_ms, draw(l));

    l->running = NOTHING;
    l->page_came = rc == 1;
    if (rc == 0) {
        l->tally->causes[reflector_list_cause(&l->r)]++;
        if (!l->calm && one_in(l, 50)) {
            spoil(l);
            return;
        }
        hold_against_going_back(l, l->list_version);
        l->store = l->collected;
    } else if (rc < 0) {
        l->tally->stale += rc == -EAGAIN;
    }
    if (rc <= 0) {
        drop(l);
    }
}

static inline void take_event(struct life *l, const struct watchevent *e,
                              const struct model_write *w)
{
    enum reflector_verdict verdict = reflector_event(&l->r, e, l->now_ms, draw(l));

    if (verdict == REFLECTOR_END) {
        watch_is_over(l);
    } else if (verdict == REFLECTOR_APPLY) {
        assert_non_null(w);
        if (!l->calm && one_in(l, 100)) {
            spoil(l);
            return;
        }
        hold_against_going_back(l, (unsigned)strtoul(e->resource_version, NULL, 10));
        l->store.held[w->key] = w->held;
        l->tally->events++;
    }
}

#endif
