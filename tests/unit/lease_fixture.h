/**
 * lease_fixture - one candidate for a Lease, and a server played by the test.
 */
#ifndef UNIT_LEASE_FIXTURE_H
#define UNIT_LEASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kube/lease.h"

#define WALL    INT64_C(1767323045000000) /* 2026-01-02T03:04:05Z */
#define WALL_AT "2026-01-02T03:04:05.000000Z"
#define RANDOM  UINT32_MAX /* the longest wait */
#define LONGEST (LEASE_LOOK_MS + LEASE_LOOK_SPREAD_MS)

static struct lease l;
static uint64_t now_ms;
static struct lease_step step;
static struct lease_record sent; /* by the last WRITE */

static inline int begin(void **state)
{
    (void)state;
    lease_init(&l, "pod-0_5f2c");
    now_ms = 1000000;
    return 0;
}

static inline enum lease_do next(void)
{
    lease_next(&l, now_ms, WALL + (int64_t)(now_ms - 1000000) * 1000, &step);
    if (step.what == LEASE_WRITE) {
        sent = step.write;
    }
    return step.what;
}

static inline bool leads(void)
{
    return lease_is_leading(&l, now_ms);
}

/* What the server has. */
static inline struct lease_record record(const char *version, const char *holder)
{
    struct lease_record r = {.duration_s = 15,
                             .acquired = "2026-01-01T00:00:00.000000Z",
                             .renewed = "2026-01-01T00:00:00.000000Z",
                             .transitions = 7};

    snprintf(r.version, sizeof(r.version), "%s", version);
    snprintf(r.holder, sizeof(r.holder), "%s", holder);
    return r;
}

static inline void answer(const struct lease_record *r)
{
    lease_answered(&l, r, now_ms, RANDOM);
}

static inline void read_as(const char *version, const char *holder)
{
    struct lease_record r = record(version, holder);

    assert_int_equal(next(), LEASE_READ);
    answer(&r);
}

/* The write under way succeeds. */
static inline void accept(const char *version)
{
    struct lease_record r = sent;

    snprintf(r.version, sizeof(r.version), "%s", version);
    answer(&r);
}

static inline void refuse(int code)
{
    struct kubestatus why = {.code = code};

    lease_refused(&l, &why, now_ms, RANDOM);
}

static inline void expect_wait(uint64_t ms)
{
    assert_int_equal(next(), LEASE_WAIT);
    assert_int_equal(step.at_ms, now_ms + ms);
    assert_int_equal(lease_due_ms(&l), now_ms + ms);
}

/* Leading, the last write having begun and succeeded now. */
static inline void lead(void)
{
    read_as("10", "");
    assert_int_equal(next(), LEASE_WRITE);
    accept("11");
    assert_true(leads());
}

#endif
