/**
 * receiver - whoever gets the controller's tables and reports: keeps the newest of each.
 */
#ifndef SUPPORT_RECEIVER_H
#define SUPPORT_RECEIVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct report;
struct table;

/** With the lock held where a thread runs. */
struct receiver {
    pthread_mutex_t lock;
    struct table *newest;
    unsigned n;
    uint64_t at_us;      /* when the newest came */
    uint64_t noticed_us; /* and since when it was due */
    pthread_t thread;
    struct report *report;
    unsigned n_reports;
};

void receiver_init(struct receiver *r);

/** Before the tables are freed. */
void receiver_fini(struct receiver *r);

/** For struct controller_config, with the receiver as `ctx`. */
void receiver_on_table(void *ctx, struct table *t, uint64_t noticed_us);
void receiver_on_report(void *ctx, struct report *report);

/** How many tables came. */
unsigned receiver_count(struct receiver *r);

/** Whether a.test goes to this Service in the newest table; "": whether it goes nowhere. */
bool receiver_serves(struct receiver *r, const char *service);

/** Whether the newest report goes with the newest table and has a verdict of that reason. */
bool receiver_was_told(struct receiver *r, const char *reason);

#endif
