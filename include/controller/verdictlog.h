/**
 * verdictlog - verdicts to log lines, each when it is new.
 */
#ifndef CONTROLLER_VERDICTLOG_H
#define CONTROLLER_VERDICTLOG_H

#include <stddef.h>
#include <stdint.h>

struct verdicts;

struct verdictlog {
    uint64_t *said; /* digests of what stood at the last report, sorted */
    size_t n;
};

/** Nothing said yet; allocates nothing. */
void verdictlog_init(struct verdictlog *l);
void verdictlog_fini(struct verdictlog *l);

/**
 * Log every verdict of `v` that did not stand at the last report; sorts `v`.  A verdict that only
 * moved to another line of its file is not new.
 */
void verdictlog_report(struct verdictlog *l, struct verdicts *v);

#endif
