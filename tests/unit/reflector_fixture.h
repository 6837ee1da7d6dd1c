/**
 * reflector_fixture - a reflector, a clock and a server's answers, for the tests of a reflector.
 *
 * Chance is 0: waits are those of the backoff without a share on top (0.8 s, 1.6 s, ...), and
 * watches are asked for 300 s.
 */
#ifndef UNIT_REFLECTOR_FIXTURE_H
#define UNIT_REFLECTOR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "kube/reflector.h"

static struct reflector r;
static uint64_t now_ms;
static struct reflector_step step;

static inline int fresh_reflector(void **state)
{
    (void)state;
    reflector_init(&r);
    now_ms = 5000000;
    return 0;
}

static inline enum reflector_do next_step(void)
{
    memset(&step, 0x55, sizeof(step));
    reflector_next(&r, now_ms, 0, &step);
    return step.what;
}

static inline void expect_list(const char *query)
{
    assert_int_equal(next_step(), REFLECTOR_LIST);
    assert_string_equal(step.query, query);
}

static inline void expect_watch(const char *version)
{
    char query[REFLECTOR_QUERY_MAX];

    (void)snprintf(query, sizeof(query),
                   "watch=1&resourceVersion=%s&allowWatchBookmarks=true&timeoutSeconds=300",
                   version);
    assert_int_equal(next_step(), REFLECTOR_WATCH);
    assert_string_equal(step.query, query);
}

/* Nothing is to be done for exactly so long; which then has passed. */
static inline void expect_wait(uint64_t ms)
{
    assert_int_equal(next_step(), REFLECTOR_WAIT);
    assert_int_equal(step.at_ms - now_ms, ms);
    assert_int_equal(reflector_due_ms(&r), step.at_ms);
    now_ms += ms - 1;
    assert_int_equal(next_step(), REFLECTOR_WAIT);
    now_ms++;
}

static inline int page(const char *version, const char *next_page)
{
    return reflector_page(&r, version, next_page, now_ms, 0);
}

static inline bool refused_for(const struct kubestatus *why)
{
    return reflector_refused(&r, why, now_ms, 0);
}

static inline bool refused(int code)
{
    return refused_for(&(struct kubestatus){.code = code});
}

static inline enum reflector_verdict event(enum watchevent_type type, const char *version)
{
    struct watchevent e = {.type = type, .resource_version = version};

    return reflector_event(&r, &e, now_ms, 0);
}

/* An ERROR event. */
static inline enum reflector_verdict error_event(const struct kubestatus *why)
{
    struct watchevent e = {.type = WATCH_ERROR, .resource_version = "", .status = *why};

    return reflector_event(&r, &e, now_ms, 0);
}

static inline void ended(enum reflector_ending how)
{
    reflector_ended(&r, how, now_ms, 0);
}

/* Listed at `version`, and watching from there for a minute. */
static inline void watch_from(const char *version)
{
    assert_int_equal(next_step(), REFLECTOR_LIST);
    assert_int_equal(page(version, ""), 0);
    expect_watch(version);
    reflector_opened(&r, now_ms);
    now_ms += 60000;
    reflector_heard(&r, now_ms);
}

/* How many requests are sent in `ms` if each is answered by `answer`. */
static inline unsigned requests_within(uint64_t ms, void (*answer)(void))
{
    uint64_t end = now_ms + ms;
    unsigned n = 0;

    while (now_ms < end) {
        if (next_step() == REFLECTOR_WAIT) {
            now_ms = step.at_ms;
        } else {
            n++;
            answer();
        }
    }
    return n;
}

#endif
