/**
 * unserved - what Ingresses ask for and do not get, as a translation finds it.
 *
 * Two lists: hosts that an Ingress names and that it neither serves nor lost to another claim, and
 * pools that are empty or cut short.  Each entry points to the verdict that says why, if one does.
 * What `explain` and the report of a running instance tell beside the table.
 */
#ifndef CONTROLLER_UNSERVED_H
#define CONTROLLER_UNSERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct ingress;
struct objmeta;
struct serviceset;
struct verdicts;

/** Why a host of an Ingress is not served. */
enum unserved_why {
    UNSERVED_OTHER_CLASS,     /* its class is somebody else's */
    UNSERVED_CLASS_NOT_FOUND, /* nothing here has its class */
    UNSERVED_MARKED_OTHER,    /* a mark says that it is not to be passed through */
    UNSERVED_NOT_MARKED,      /* of a class that is shared, without a mark */
    UNSERVED_TERMINATE,       /* asks for TLS to be terminated */
    UNSERVED_CATCH_ALL,       /* its namespace may not catch unknown names */
    UNSERVED_NO_BACKEND,      /* its rules come to no backend that can be served */
    UNSERVED_INVALID,         /* decoding refused what it says about its backend */
};
#define UNSERVED_WHYS 8

struct unserved_host {
    const char *host; /* normalised pattern; "" for the catch-all */
    const char *ns, *ingress;
    enum unserved_why why;
    const char *said; /* the message of the verdict, by identity; NULL for none */
};

/** A pool without endpoints, or with more than it can hold; its names as in struct pool. */
struct unserved_pool {
    const char *ns, *service, *port;
    const char *said;
};

/** One translation's.  `said` borrows from the verdicts of that translation. */
struct unserved {
    struct arena texts;
    struct unserved_host *hosts;
    size_t n_hosts, cap_hosts;
    struct unserved_pool *pools;
    size_t n_pools, cap_pools;
    size_t n_dropped; /* whose texts are still there */
    bool lost;        /* memory ran out: some entry is missing; losing words must not lose routes */
};

/** Empty; allocates nothing. */
void unserved_init(struct unserved *u);

/** Free all; usable again afterwards.  NULL is ignored. */
void unserved_fini(struct unserved *u);

/** Take out the hosts of these Ingresses (a set of namespaces and names, as serviceset.h has them)
 * and the pools of these Services.  The memory of their texts is used again in the long run. */
void unserved_drop(struct unserved *u, struct serviceset *ingresses, struct serviceset *services);

/** Copy every entry of `from` behind those of `to`. */
void unserved_append(struct unserved *to, const struct unserved *from);

/**
 * The message of the last of `v` if there are more than `before` (and none was lost), else NULL:
 * what was just said.  It identifies its verdict as long as that lives, however the list is sorted.
 */
const char *unserved_said(const struct verdicts *v, size_t before);

/** `ingress` does not get `host`.  Texts are copied.  Does nothing when `u` is NULL; so below. */
void unserved_add_host(struct unserved *u, const struct objmeta *ingress, const char *host,
                       enum unserved_why why, const char *said);

/** An Ingress gets nothing of what it asks for: each of its hosts, for the same reason. */
void unserved_add_ingress(struct unserved *u, const struct ingress *ing, enum unserved_why why,
                          const char *said);

/** What is wrong with a pool. */
void unserved_add_pool(struct unserved *u, const struct unserved_pool *pool);

#endif
