/**
 * kubesource - an API server as a source.
 *
 * Watches Ingresses, IngressClasses, Services and EndpointSlices (or Endpoints, where discovery
 * offers no slices or the options say so), everywhere or in some namespaces.  Whatever the server
 * does, the store holds the last good objects.  Complete once each collection was listed, and so it
 * stays; `notice` is called from then on.  Where only some namespaces are watched the
 * IngressClasses need not be readable, for they belong to none.  A reload reads credentials again
 * and lists all anew.  Thread: the controller's.
 */
#ifndef CONTROLLER_KUBESOURCE_H
#define CONTROLLER_KUBESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "controller/source.h"
#include "kube/kubestats.h"

struct kubeaccess;
struct kubesource;

enum kubesource_endpoints { ENDPOINTS_AUTO, ENDPOINTS_SLICES, ENDPOINTS_LEGACY };

/** All texts and the access borrowed. */
struct kubesource_config {
    const struct kubeaccess *access;
    const char *agent;             /* User-Agent */
    const char *const *namespaces; /* --watch-namespace; none: all */
    size_t n_namespaces;
    enum kubesource_endpoints endpoints; /* --endpoints-api */
    /* Whether the options name classes: else, where classes cannot be read, nothing is served, and
     * that is said. */
    bool names_classes;
};

/** The figures of one resource; resources that are not watched have stand-ins at 0. */
#define KUBESOURCE_RESOURCES 5
struct kubesource_stats {
    const char
        *resource; /* "ingresses", "ingressclasses", "services", "endpointslices", "endpoints" */
    struct kubestats figures;
    atomic_bool watched; /* of endpoints and slices known once discovery is done */
};

/**
 * Read credentials and make ready; nothing is sent before the loop runs.  An error names file and
 * key.  An API server that cannot be reached is none: it is tried again, for ever.  `out->self` is
 * the struct kubesource.
 */
MUST_CHECK int kubesource_open(struct source *out, const struct kubesource_config *cfg,
                               const struct source_host *host, struct err *e);

/** The figures, KUBESOURCE_RESOURCES of them; they live as long as the source.  Thread: any. */
const struct kubesource_stats *kubesource_stats(const struct kubesource *k);

/** Do what is due by clock_now_ms(), as the source's own timer does; for whoever replaces the
 * clock. */
void kubesource_turn(struct kubesource *k);
uint64_t kubesource_due_ms(const struct kubesource *k);

#endif
