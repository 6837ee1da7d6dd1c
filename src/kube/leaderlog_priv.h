/**
 * leaderlog - what an operator is told about the Lease, and how often.
 *
 * Each sort of failure is told once a minute while it goes on, with how to mend it; that it is
 * over, once.
 */
#ifndef KUBE_LEADERLOG_PRIV_H
#define KUBE_LEADERLOG_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/kubestatus.h"

#define LEADERLOG_EVERY_MS 60000u

enum leaderlog_verb { LEADERLOG_GET, LEADERLOG_PATCH };

/** Why we do not lead any more. */
enum leaderlog_why { LEADERLOG_RELEASED, LEADERLOG_MISSING, LEADERLOG_TAKEN, LEADERLOG_LATE };

/** All fields private. */
struct leaderlog {
    const char *ns, *name;
    bool failed; /* and that was told */
    struct leaderlog_said {
        bool ever;
        uint64_t at_ms;
    } said[6];         /* of each sort of failure */
    char trouble[160]; /* the last one, "" since an answer came that could be used */
};

/** Both names are borrowed. */
void leaderlog_init(struct leaderlog *l, const char *ns, const char *name);

/** A request failed.  409 is part of the protocol and not told. */
void leaderlog_refused(struct leaderlog *l, enum leaderlog_verb verb, const struct kubestatus *why,
                       uint64_t now_ms);

/** An answer could be used. */
void leaderlog_works(struct leaderlog *l);

void leaderlog_leads(const struct leaderlog *l, const char *identity);

/** `holder` is who has it now. */
void leaderlog_lost(const struct leaderlog *l, enum leaderlog_why why, const char *holder);

#endif
