#include "app/applies.h"

#include <string.h>

static const uint64_t BOUNDS[] = {APPLIES_BOUNDS};

void applies_init(struct applies *a)
{
    memset(a, 0, sizeof(*a));
    pthread_mutex_init(&a->lock, NULL);
}

void applies_fini(struct applies *a)
{
    pthread_mutex_destroy(&a->lock);
}

void applies_begin(struct applies *a, uint64_t generation, uint64_t since_us)
{
    pthread_mutex_lock(&a->lock);
    if (a->n_pending < APPLIES_PENDING) {
        a->pending[a->n_pending++].since_us = since_us;
    }
    a->pending[a->n_pending - 1].generation = generation;
    pthread_mutex_unlock(&a->lock);
}

static void observe(struct applies *a, uint64_t us)
{
    size_t i = 0;

    while (i < APPLIES_N_BOUNDS && us > BOUNDS[i]) {
        i++;
    }
    a->counts[i]++;
    a->sum_us += us;
}

void applies_done(struct applies *a, uint64_t generation, uint64_t at_us)
{
    size_t done = 0;

    pthread_mutex_lock(&a->lock);
    while (done < a->n_pending && a->pending[done].generation <= generation) {
        uint64_t since = a->pending[done++].since_us;

        observe(a, at_us > since ? at_us - since : 0);
    }
    a->n_pending -= done;
    memmove(a->pending, a->pending + done, a->n_pending * sizeof(a->pending[0]));
    pthread_mutex_unlock(&a->lock);
}
