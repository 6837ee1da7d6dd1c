/**
 * lease - which of several replicas leads: the Lease protocol of client-go, without I/O or clock.
 *
 * A state machine fed what came back, and "now"; it says what to do.  Whether a Lease has run out
 * is judged by the local monotonic clock, from when its record was last seen to change: clocks of
 * replicas need not agree.  Leading is given up when it could not be renewed in time, before
 * another may take over.  It is no fence: whoever writes must be prepared for a second leader's
 * write. Source: coordination.k8s.io/v1 Lease, client-go tools/leaderelection.
 *
 * A leader that dies is replaced within 19.5 s of its last renewal, and what the requests take: a
 * renewal is seen up to 3.5 s late, counts for 15 s from then, and whoever takes over comes up to
 * 1 s after that.
 */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/kubestatus.h"
#include "kube/resourceversion.h"

#define LEASE_DURATION_MS  15000u /* written as leaseDurationSeconds */
#define LEASE_RENEW_MS     10000u /* not renewed for so long: stop leading */
#define LEASE_RETRY_MS     2000u  /* between attempts of who leads */
#define LEASE_IDENTITY_MAX 320    /* a pod's name has up to 253 characters, and something follows */
#define LEASE_TIME_MAX     32     /* "2026-01-02T03:04:05.000000Z": exactly six digits */
/* Between looks of who does not lead, and what comes upon it at most: on average what client-go
 * has, but with less between the shortest and the longest, since the longest delays taking over. */
#define LEASE_LOOK_MS        2900u
#define LEASE_LOOK_SPREAD_MS 600u
#define LEASE_TAKE_SPREAD_MS 1000u /* at most between a Lease's end and the look that finds it */
/* What is believed of a foreign leaseDurationSeconds; one that is absent counts as ours. */
#define LEASE_DURATION_MOST_S 14400u
#define LEASE_RELEASE_TRIES   4u /* requests made at most to give it back */

/** spec of a Lease, and its resourceVersion. */
struct lease_record {
    char version[RESOURCEVERSION_MAX];
    char holder[LEASE_IDENTITY_MAX]; /* "" when free */
    uint32_t duration_s;
    char acquired[LEASE_TIME_MAX], renewed[LEASE_TIME_MAX]; /* "" when absent */
    uint32_t transitions;
};

enum lease_do {
    LEASE_WAIT,  /* nothing before at_ms */
    LEASE_READ,  /* GET the Lease */
    LEASE_WRITE, /* write `write`, on condition of its version: refused with 409 if it changed */
};

struct lease_step {
    enum lease_do what;
    uint64_t at_ms; /* UINT64_MAX: not before something happens */
    struct lease_record write;
};

/** All fields private. */
struct lease {
    char identity[LEASE_IDENTITY_MAX];
    enum lease_view {
        LEASE_UNREAD,  /* to be read before it is written */
        LEASE_FRESH,   /* read, and may be written */
        LEASE_WRITTEN, /* as our last write left it */
    } view;
    enum lease_do asked; /* under way; LEASE_WAIT: nothing is */
    bool leading, releasing;
    bool unsure;              /* a write of ours may have succeeded */
    uint8_t tries;            /* left for giving it back */
    struct lease_record seen; /* as last read or written */
    uint64_t seen_ms;         /* when it was last seen to change */
    uint64_t asked_ms;        /* when the request under way, or the last, began */
    uint64_t renewed_ms;      /* when the last write of ours that succeeded began */
    uint64_t wait_until_ms;
};

/** Nobody known to lead.  `identity` (pod name and something random) is copied; it is neither empty
 * nor longer than LEASE_IDENTITY_MAX - 2. */
void lease_init(struct lease *l, const char *identity);

/** What to do now; READ and WRITE are said once, until told how that went.  `wall_us`: Unix time in
 * microseconds, for the times written; decides nothing. */
void lease_next(struct lease *l, uint64_t now_ms, int64_t wall_us, struct lease_step *out);

/** When to call lease_next() again if nothing happens (leading also ends at a time). */
uint64_t lease_due_ms(const struct lease *l);

/** The answer to a READ or WRITE: the Lease as the server has it. */
void lease_answered(struct lease *l, const struct lease_record *r, uint64_t now_ms,
                    uint32_t random);

/** It was refused (404: there is no such Lease, 409: somebody wrote in between) or not answered. */
void lease_refused(struct lease *l, const struct kubestatus *why, uint64_t now_ms, uint32_t random);

/** Stop leading at once, and give the Lease back with the next WRITE if it is ours. */
void lease_release(struct lease *l);

/** Released, and nothing is left to be given back, or it was tried often enough. */
bool lease_is_released(const struct lease *l);

/** Whether we lead at this moment. */
bool lease_is_leading(const struct lease *l, uint64_t now_ms);

/** Who held it when it was last seen; "" when nobody did or nothing is known. */
const char *lease_holder(const struct lease *l);

#endif
