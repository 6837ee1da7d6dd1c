/**
 * statuspublish - the addresses that are published now, and all that ever were.
 *
 * What is published comes from a Service of the store or from options; what once was is remembered
 * as long as this lives, so that it can be taken out of the Ingresses again.
 */
#ifndef CONTROLLER_STATUSPUBLISH_PRIV_H
#define CONTROLLER_STATUSPUBLISH_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "controller/objstatus.h"

struct statuswriter_config;
struct store;

struct statuspublish {
    const char *const *addresses; /* borrowed; they come before the Service */
    size_t n_addresses;
    char *service_ns, *service;       /* NULL: none */
    struct objstatus_list now;        /* to be published; texts are those of `known` */
    struct objstatus_list known;      /* `now` and what was before, the oldest first */
    char *texts[OBJSTATUS_ADDRESSES]; /* of known.items[i] */
    uint64_t serial;                  /* of `now`: another one after each change */
    bool has_looked;
};

/** 0, or -ENOMEM: to be given to statuspublish_fini() either way. */
MUST_CHECK int statuspublish_init(struct statuspublish *p, const struct statuswriter_config *cfg);
void statuspublish_fini(struct statuspublish *p);

/** Take what is to be published from the store.  A change is logged.  0, or -ENOMEM: as it was. */
MUST_CHECK int statuspublish_look(struct statuspublish *p, const struct store *s);

#endif
