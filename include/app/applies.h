/**
 * applies - how long a change takes from its first event until every worker routes by it.
 *
 * The controller notes each table it publishes and when its change was first seen; the main thread
 * looks at what the workers have adopted whenever one of them says so.
 */
#ifndef APP_APPLIES_H
#define APP_APPLIES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define APPLIES_PENDING 64 /* tables on their way at once; beyond, the latest two count as one */

/* Microseconds: 5 ms to 30 s. */
#define APPLIES_BOUNDS                                                                             \
    5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000, 30000000
#define APPLIES_N_BOUNDS (sizeof((uint64_t[]){APPLIES_BOUNDS}) / sizeof(uint64_t))

/** A table on its way. */
struct applies_pending {
    uint64_t generation, since_us;
};

struct applies {
    pthread_mutex_t lock; /* of `pending`; between the controller and main, no worker takes it */
    struct applies_pending pending[APPLIES_PENDING]; /* by generation */
    size_t n_pending;
    /* Main only. */
    uint64_t counts[APPLIES_N_BOUNDS + 1]; /* by bucket, not cumulative */
    uint64_t sum_us;
};

void applies_init(struct applies *a);
void applies_fini(struct applies *a);

/** A table goes to the workers whose change was first seen at `since_us` (clock_now_us()).
 * Thread: the controller's. */
void applies_begin(struct applies *a, uint64_t generation, uint64_t since_us);

/** Every worker has adopted `generation`, the last of them at `at_us`.  Thread: main. */
void applies_done(struct applies *a, uint64_t generation, uint64_t at_us);

#endif
