/**
 * scripted_source - a source that does as a test says, to show what the controller makes of it.
 *
 * The script may be changed at any time, with the lock held where a thread runs.
 */
#ifndef SUPPORT_SCRIPTED_SOURCE_H
#define SUPPORT_SCRIPTED_SOURCE_H

#include <pthread.h>
#include <stdbool.h>

#include "controller/source.h"

struct event;

struct scripted_source {
    pthread_mutex_t lock;
    /* What it is to do. */
    const char *yaml;    /* objects that the next sync finds; NULL: it finds nothing new */
    const char *verdict; /* reason of the one verdict that stands; NULL: none does */
    const char *failure; /* what sync says of its failure, or */
    int rc;              /* 0 */
    bool changed;        /* though there is no yaml */
    bool retry, complete, live, stale;
    /* What was done to it. */
    unsigned syncs, reloads, frees;

    struct source_host host;
    int bell; /* an eventfd; -1 without a base */
    struct event *rung;
};

/** Quiet, complete and live; for scripted_source_fini(). */
void scripted_source_init(struct scripted_source *s);
void scripted_source_fini(struct scripted_source *s);

/** Give it its host, as an open() does.  It rings on the base, if there is one. */
struct source scripted_source_open(struct scripted_source *s, const struct source_host *host);

/** Ring `n` times, from any thread. */
void scripted_source_ring(struct scripted_source *s, unsigned n);

/** Let the next sync find this, and ring. */
void scripted_source_change(struct scripted_source *s, const char *yaml);

/** How often it was asked for news. */
unsigned scripted_source_syncs(struct scripted_source *s);

#endif
