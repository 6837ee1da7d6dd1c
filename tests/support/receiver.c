#include "support/receiver.h"

#include <string.h>

#include "base/clock.h"
#include "controller/report.h"
#include "route/table.h"

void receiver_init(struct receiver *r)
{
    *r = (struct receiver){.n = 0};
    pthread_mutex_init(&r->lock, NULL);
}

void receiver_fini(struct receiver *r)
{
    table_unref(r->newest);
    report_unref(r->report);
    pthread_mutex_destroy(&r->lock);
}

void receiver_on_table(void *ctx, struct table *t, uint64_t noticed_us)
{
    struct receiver *r = ctx;

    pthread_mutex_lock(&r->lock);
    table_unref(r->newest);
    r->newest = t;
    r->n++;
    r->at_us = clock_now_us();
    r->noticed_us = noticed_us;
    r->thread = pthread_self();
    pthread_mutex_unlock(&r->lock);
}

void receiver_on_report(void *ctx, struct report *report)
{
    struct receiver *r = ctx;

    pthread_mutex_lock(&r->lock);
    report_unref(r->report);
    r->report = report;
    r->n_reports++;
    pthread_mutex_unlock(&r->lock);
}

unsigned receiver_count(struct receiver *r)
{
    unsigned n;

    pthread_mutex_lock(&r->lock);
    n = r->n;
    pthread_mutex_unlock(&r->lock);
    return n;
}

bool receiver_serves(struct receiver *r, const char *service)
{
    const struct route *route = NULL;
    enum table_match match;
    bool good;

    pthread_mutex_lock(&r->lock);
    if (r->newest) {
        route = table_lookup(r->newest, "a.test", strlen("a.test"), &match);
    }
    good = strcmp(route ? table_pool(r->newest, route)->service : "", service) == 0;
    pthread_mutex_unlock(&r->lock);
    return good;
}

bool receiver_was_told(struct receiver *r, const char *reason)
{
    bool found = false;

    pthread_mutex_lock(&r->lock);
    if (r->report && r->newest && r->report->generation == table_generation(r->newest)) {
        for (size_t i = 0; i < r->report->n_verdicts; i++) {
            found = found || strcmp(r->report->verdicts[i].reason, reason) == 0;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return found;
}
