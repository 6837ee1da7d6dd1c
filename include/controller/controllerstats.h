/**
 * controllerstats - figures of the controller, written by its thread and read by any.
 *
 * Each is exact; together they are no snapshot of one moment.
 */
#ifndef CONTROLLER_CONTROLLERSTATS_H
#define CONTROLLER_CONTROLLERSTATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

/** How a round ended that had something to do. */
enum controller_result {
    CONTROLLER_PUBLISHED, /* a new table */
    CONTROLLER_UNCHANGED, /* objects differ, the table would not */
    CONTROLLER_FAILED,    /* the source could not be read, or memory ran out; tried each second */
};
#define CONTROLLER_RESULTS 3

struct controller_stats {
    uint64_t generation;                 /* of the newest table; 0: none yet */
    uint64_t rounds[CONTROLLER_RESULTS]; /* a look that finds nothing new is no round */
    bool last_failed;                    /* the last look did; the table is an older one */
    int64_t published_ms;                /* wall clock, Unix: when the newest table was; 0: never */
    /* clock_now_ms() when the source was last known to be there and read; before that, of the
     * start. */
    uint64_t heard_ms;
    uint64_t turned_ms; /* clock_now_ms() when the loop turned last; see controller_stats() */
    size_t routes;      /* of the newest table */
    size_t table_bytes; /* likewise */
};

/** The same while they are written. */
struct controllerstats {
    _Atomic uint64_t generation, rounds[CONTROLLER_RESULTS], heard_ms, turned_ms;
    _Atomic int64_t published_ms;
    _Atomic size_t routes, table_bytes;
    atomic_bool last_failed;
};

/** A round ended. */
void controllerstats_round(struct controllerstats *s, enum controller_result how);

/** The source is there, and what was read is what it has. */
void controllerstats_heard(struct controllerstats *s, uint64_t now_ms);

/** A look went well, whether or not it had something to do. */
void controllerstats_well(struct controllerstats *s);

/** The loop turns. */
void controllerstats_turned(struct controllerstats *s, uint64_t now_ms);

/** A table was published. */
void controllerstats_published(struct controllerstats *s, const struct table *t, int64_t wall_ms);

/** Thread: any. */
void controllerstats_read(const struct controllerstats *s, struct controller_stats *out);

#endif
