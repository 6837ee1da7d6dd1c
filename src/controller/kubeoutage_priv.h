/**
 * kubeoutage - the API server is away, or in trouble: told once for all that is watched.
 *
 * An outage lasts from the first watch that finds the server away (no answer), in trouble (429,
 * 5xx) or refusing us (401), until none does.  Each cause is told when it begins and once a minute
 * while the outage lasts; that it is over, once.
 */
#ifndef CONTROLLER_KUBEOUTAGE_PRIV_H
#define CONTROLLER_KUBEOUTAGE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct kubewatch_failure;

#define KUBEOUTAGE_EVERY_MS 60000u
#define KUBEOUTAGE_CAUSES   8u /* with more at once some are told more often */
#define KUBEOUTAGE_HURRY_MS 5000u

/** Zeroed: there is none, and nothing was told. */
struct kubeoutage {
    unsigned cut_off;  /* watches */
    uint64_t since_ms; /* while some are: when the first was */
    bool told;         /* of this outage */
    uint64_t hurry_ms; /* not before then once more */
    struct kubeoutage_said {
        bool ever;
        uint32_t cause;
        uint64_t at_ms;
    } said[KUBEOUTAGE_CAUSES];
};

/** As of kubewatch_server.  `serves`: there are routes, which stay. */
void kubeoutage_failed(struct kubeoutage *o, const struct kubewatch_failure *f, bool serves,
                       uint64_t now_ms);
void kubeoutage_answers(struct kubeoutage *o, uint64_t now_ms);

/** After that: whether those that wait should try at once.  Not so often that a server which
 * answers some and not others has no rest. */
bool kubeoutage_hurries(struct kubeoutage *o, uint64_t now_ms);

/** Whether there is one, so that nothing else need be said of what it hinders. */
bool kubeoutage_lasts(const struct kubeoutage *o);

#endif
