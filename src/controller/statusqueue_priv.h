/**
 * statusqueue - the Ingresses whose status is ours to keep right, and which of them is due.
 *
 * A task is on the list that its state names.  Knows nothing of requests but where to keep one.
 */
#ifndef CONTROLLER_STATUSQUEUE_PRIV_H
#define CONTROLLER_STATUSQUEUE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/attr.h"
#include "statuskey_priv.h"

struct kuberequest;

enum statustask_state {
    STATUSTASK_IDLE,    /* right as it is, or nothing can be done about it */
    STATUSTASK_READY,   /* to be written, in turn */
    STATUSTASK_WAITING, /* to be written, but not before its time */
    STATUSTASK_FLYING,  /* being written */
};
#define STATUSTASK_STATES 4

struct statustask {
    struct statuskey key; /* texts behind the struct */
    enum statustask_state state;
    bool waits_for_change; /* WAITING ends with the next change of what to write */
    bool was_refused;      /* as was told */
    unsigned attempts;     /* in vain, since it was last written */
    uint64_t not_before_ms;
    uint64_t seen;       /* number of the last look that found the Ingress */
    uint64_t want, sent; /* what to write and what was written last, as digests; want 0: nothing */
    char *body;          /* of `want`; NULL when IDLE */
    size_t body_len;
    struct kuberequest *request; /* FLYING */
    void *owner;                 /* the queue's */
    TAILQ_ENTRY(statustask) links;
    UT_hash_handle hh;
};

TAILQ_HEAD(statustask_list, statustask);

struct statusqueue {
    void *owner;              /* given to each task; borrowed */
    struct statustask *tasks; /* uthash, in the order they came */
    struct statustask_list lists[STATUSTASK_STATES];
    size_t n_flying;
    uint64_t wake_ms; /* nothing that waits is due before */
};

void statusqueue_init(struct statusqueue *q, void *owner);

/** No task may be FLYING. */
void statusqueue_fini(struct statusqueue *q);

size_t statusqueue_count(const struct statusqueue *q);
struct statustask *statusqueue_find(const struct statusqueue *q, const struct statuskey *k);

/** A new one, IDLE; it must not be there yet.  NULL without memory. */
MUST_CHECK struct statustask *statusqueue_add(struct statusqueue *q, const struct statuskey *k);

/** Free one, which must not be FLYING. */
void statusqueue_remove(struct statusqueue *q, struct statustask *t);

/** Put it at the end of another state's list; IDLE forgets the body. */
void statusqueue_move(struct statusqueue *q, struct statustask *t, enum statustask_state state);

/** WAITING until then, or until what to write has changed. */
void statusqueue_wait(struct statusqueue *q, struct statustask *t, uint64_t until_ms,
                      bool waits_for_change);

/** What to write is another now (the task takes `body`), or nothing (digest 0, body NULL). */
void statusqueue_want(struct statusqueue *q, struct statustask *t, uint64_t digest, char *body,
                      size_t len);

/** Make ready what has waited long enough. */
void statusqueue_wake(struct statusqueue *q, uint64_t now_ms);

/** When to do so next; UINT64_MAX: nothing waits. */
uint64_t statusqueue_wake_ms(const struct statusqueue *q);

/** The first of a state, or NULL. */
struct statustask *statusqueue_first(const struct statusqueue *q, enum statustask_state state);

#endif
