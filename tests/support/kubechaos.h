/**
 * kubechaos - everything that goes wrong between an API server and who watches it, at random.
 *
 * Nothing here breaks a promise of the server for good: once it is calm, all objects can be had.
 * Chance comes from the cluster's generator.
 */
#ifndef SUPPORT_KUBECHAOS_H
#define SUPPORT_KUBECHAOS_H

#include <stdbool.h>

#include "fakes/fake_apiserver.h"
#include "support/kubecluster.h"
#include "support/kubescene.h"

struct kubechaos {
    struct kubescene *scene;         /* borrowed */
    struct kubecluster *cluster;     /* borrowed */
    char *photos[FAKEAPI_RESOURCES]; /* lists as they were some time ago; NULL: none yet */
    unsigned faults;                 /* so far */
};

void kubechaos_init(struct kubechaos *k, struct kubescene *scene, struct kubecluster *cluster);
void kubechaos_fini(struct kubechaos *k);

/** One thing goes wrong, or differs from now on. */
void kubechaos_strike(struct kubechaos *k);

/** The server answers again, and as usual. */
void kubechaos_calm(struct kubechaos *k);

/** Keep a list of each resource as it is, to be served as a stale one later. */
void kubechaos_photograph(struct kubechaos *k);

/** The next list of a resource is answered from its photo. */
void kubechaos_serve_photo(struct kubechaos *k, enum fakeapi_resource res);

#endif
