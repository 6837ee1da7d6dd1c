/**
 * statusscope - for one look at the store: which Ingresses are served, and whose their class is.
 */
#ifndef CONTROLLER_STATUSSCOPE_PRIV_H
#define CONTROLLER_STATUSSCOPE_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "model/object.h"
#include "statuskey_priv.h"

struct store;
struct table;

enum statusscope_class {
    STATUSSCOPE_UNKNOWN, /* no class, or one that cannot be read */
    STATUSSCOPE_OURS,    /* an IngressClass of our controller */
    STATUSSCOPE_OTHERS,  /* of another */
};

struct statusscope {
    const struct store *store;
    const char *controller_class;
    struct statuskey *owners; /* open addressing; an empty place has no name */
    size_t places;            /* a power of two */
    enum statusscope_class default_class;
};

/**
 * Look at the owners of the table's routes and at the default classes.  All is borrowed until
 * statusscope_fini().  0, or -ENOMEM: nothing to give back.
 */
MUST_CHECK int statusscope_init(struct statusscope *s, const struct store *store,
                                const struct table *t, const char *controller_class,
                                const struct siphash_key *secret);
void statusscope_fini(struct statusscope *s);

/** Whether it owns a route.  The key is made with the same secret. */
bool statusscope_is_served(const struct statusscope *s, const struct statuskey *k);

/** Whose class it has; without one, that of the default class. */
enum statusscope_class statusscope_class_of(const struct statusscope *s, const struct ingress *ing);

#endif
