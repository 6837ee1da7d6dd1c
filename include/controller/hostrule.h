/**
 * hostrule - which one backend a host of an Ingress has.
 *
 * The paths of all rules with the same host count together.  A path cannot be seen in TLS
 * passthrough, so of all paths one backend must come out, and whatever is lost is told.
 */
#ifndef CONTROLLER_HOSTRULE_H
#define CONTROLLER_HOSTRULE_H

#include <stddef.h>

#include "base/attr.h"
#include "controller/servicepool.h"
#include "model/object.h"
#include "route/hostname.h"

struct verdicts;

/** One rule under its normalised host; "" for a rule without host. */
struct hostrule {
    char host[HOSTNAME_MAX + 1];
    const struct ingress_rule *rule;
};

/** The rules of one Ingress, sorted by host and then as written.  Reused from one to the next. */
struct hostrules {
    struct hostrule *items;
    size_t n, cap;
};

/** Free the memory; usable again afterwards. */
void hostrule_fini(struct hostrules *h);

/**
 * Take the rules of `ing` in place of what was there.  A host that no client can name gets a
 * verdict and is left out.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int hostrule_collect(struct hostrules *h, const struct ingress *ing, struct verdicts *v);

/** How many rules from `first` on have the same host. */
size_t hostrule_group(const struct hostrules *h, size_t first);

/**
 * The backend of the `n` rules from `rules` on, all of one host.  Returns NULL when there is none
 * that can be served; a verdict says why.
 */
const struct ingress_backend *hostrule_backend(const struct hostrule *rules, size_t n,
                                               const struct ingress *ing,
                                               const struct servicepool *pools);

/** Whether a backend can be served; if not, a verdict says why for `host`. */
bool hostrule_is_servable(const struct ingress *ing, const struct ingress_backend *b,
                          const char *host, struct verdicts *v);

/** "host a.example", or "the catch-all"; returns `text`. */
const char *hostrule_describe(const char *host, char text[HOSTNAME_MAX + 8]);

#endif
