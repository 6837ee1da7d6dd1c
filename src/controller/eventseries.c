#include "eventseries_priv.h"

#include "controller/eventlog.h"

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_within(uint64_t now_ms, uint64_t then_ms, uint64_t span_ms)
{
    return now_ms < then_ms || now_ms - then_ms <= span_ms;
}

static void count(struct eventseries *s, uint64_t now_ms, int64_t wall_us)
{
    s->is_unsaid = true;
    s->seen_ms = now_ms;
    s->seen_us = wall_us;
    if (s->count < UINT32_MAX) {
        s->count++;
    }
}

uint64_t eventseries_happen(struct eventseries *s, uint64_t now_ms, int64_t wall_us)
{
    if (s->stamp != 0 && !is_within(now_ms, s->seen_ms, EVENTLOG_SERIES_MS)) {
        eventseries_end(s);
    }
    /* What has come and gone unsaid a moment ago need not settle again. */
    if (!s->is_unsaid || !is_within(now_ms, s->unsaid_ms, EVENTLOG_EVERY_MS)) {
        s->unsaid_ms = now_ms;
    }
    count(s, now_ms, wall_us);
    return later_of(s->unsaid_ms + EVENTLOG_SETTLE_MS,
                    s->written_ms > 0 ? s->written_ms + EVENTLOG_EVERY_MS : 0);
}

bool eventseries_is_stale(const struct eventseries *s, uint64_t now_ms)
{
    /* Nanoseconds are as good as chance. */
    uint64_t spread_ms = s->stamp % EVENTLOG_SPREAD_MS;

    return !is_within(now_ms, later_of(s->seen_ms, s->written_ms), EVENTLOG_RENEW_MS + spread_ms);
}

void eventseries_renew(struct eventseries *s, uint64_t now_ms, int64_t wall_us)
{
    s->unsaid_ms = now_ms;
    count(s, now_ms, wall_us);
}

enum eventseries_write eventseries_begin(struct eventseries *s, uint64_t note, uint64_t now_ms,
                                         uint64_t stamp)
{
    s->written_ms = now_ms;
    s->is_unsaid = false;
    if (s->is_there && s->note == note && s->count > 1) {
        return EVENTSERIES_PATCH;
    }
    if (s->is_there || s->stamp == 0) {
        s->stamp = stamp;
    }
    s->is_there = false;
    s->note = note;
    s->count = 1;
    return EVENTSERIES_POST;
}

void eventseries_accept(struct eventseries *s)
{
    s->is_there = true;
}

void eventseries_end(struct eventseries *s)
{
    s->stamp = 0;
    s->is_there = false;
    s->count = 0;
}

bool eventseries_is_over(const struct eventseries *s, uint64_t now_ms)
{
    return !is_within(now_ms, s->seen_ms, s->stamp != 0 ? EVENTLOG_SERIES_MS : EVENTLOG_EVERY_MS);
}
