/**
 * kubediscovery - does this API server have EndpointSlices?
 *
 * Asked until there is an answer, which then stands: what serves no discovery.k8s.io/v1 (Kubernetes
 * before 1.21) has Endpoints only.  A 404 alone is no answer, for whatever stands in front of a
 * server that is being replaced says that too; it must come KUBEDISCOVERY_DENIALS times.
 */
#ifndef CONTROLLER_KUBEDISCOVERY_PRIV_H
#define CONTROLLER_KUBEDISCOVERY_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kube/backoff.h"

struct kubeclient;
struct kuberequest;
struct kuberesult;

#define KUBEDISCOVERY_DENIALS 3u

enum kubediscovery_answer {
    KUBEDISCOVERY_OPEN, /* not known yet */
    KUBEDISCOVERY_SLICES,
    KUBEDISCOVERY_LEGACY, /* Endpoints */
};

struct kubediscovery {
    struct kubeclient *client;
    void (*on_answer)(void *ctx);
    void *ctx;
    enum kubediscovery_answer answer;
    struct kuberequest *request; /* NULL: none under way */
    struct buf body;
    struct backoff backoff;
    uint64_t wait_until_ms;
    unsigned denials;  /* 404s so far */
    bool unanswered;   /* what is waited for is a server that did not answer at all */
    char trouble[288]; /* why there is no answer; "" when none was tried for */
};

/**
 * Nothing is sent before the first turn.  `client` is borrowed.  `on_answer` is called from the
 * loop, once.
 */
void kubediscovery_init(struct kubediscovery *d, struct kubeclient *client,
                        void (*on_answer)(void *ctx), void *ctx);

/** Ends a request under way; before the client is freed.  A zeroed one is accepted. */
void kubediscovery_fini(struct kubediscovery *d);

/** Ask, if there is no answer yet and it is time to. */
void kubediscovery_turn(struct kubediscovery *d, uint64_t now_ms);

/** The server answers others: no longer wait because it did not answer this. */
void kubediscovery_hurry(struct kubediscovery *d);

/** When to turn next, unless a request ends before; UINT64_MAX: not at all. */
uint64_t kubediscovery_due_ms(const struct kubediscovery *d);

#endif
