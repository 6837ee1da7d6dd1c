/**
 * kubereadiness - what an operator is told until everything is read from the API server.
 */
#ifndef CONTROLLER_KUBEREADINESS_PRIV_H
#define CONTROLLER_KUBEREADINESS_PRIV_H

#include <stdint.h>

struct kubeaccess;
struct kubediscovery;
struct kubesource_stats;
struct kubewatches;
struct store;

#define KUBEREADINESS_EVERY_MS 60000u
#define KUBEREADINESS_LINES    10u /* each time; the others are counted */

/** Zeroed: not started. */
struct kubereadiness {
    uint64_t since_ms, say_at_ms;
};

/** Time runs from the first call on. */
void kubereadiness_start(struct kubereadiness *r, uint64_t now_ms);

/** When there is something to say, should it take so long; not before the start. */
uint64_t kubereadiness_due_ms(const struct kubereadiness *r);

/** Say what is waited for, if it is time to: which of `w`, and the answer to `d` (NULL: not to
 * that). */
void kubereadiness_turn(struct kubereadiness *r, const struct kubewatches *w,
                        const struct kubediscovery *d, uint64_t now_ms);

/** Why not everything is read is being said elsewhere: nothing for now. */
void kubereadiness_put_off(struct kubereadiness *r, uint64_t now_ms);

/** Everything is read. */
void kubereadiness_say_complete(const struct kubereadiness *r, const struct kubesource_stats *stats,
                                const struct store *store);

/** How it was chosen what endpoints are read from. */
void kubereadiness_say_endpoints(const struct kubediscovery *d);

/** Which server, and as whom; never a secret. */
void kubereadiness_say_server(const struct kubeaccess *access);

#endif
