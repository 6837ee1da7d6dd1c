/**
 * refill - new endpoints for a table, when nothing but endpoints has changed.
 *
 * Comes to what translate() of the whole store would come to, at the cost of the Services that are
 * touched.  Where words about an object would have to come or go, it takes that: refill gives up.
 */
#ifndef CONTROLLER_REFILL_H
#define CONTROLLER_REFILL_H

#include "base/attr.h"

struct service;
struct serviceset;
struct store;
struct table;
struct table_builder;
struct translate_config;

/** What the last translation came to, whole or not. */
struct refill_base {
    struct table *table;
    struct serviceset *worded;
};

/**
 * Put into `b` the pools of `base` that lead to the Services touched in `s`, as they are now, for
 * table_builder_amend().
 *
 * Returns 0; -EAGAIN when the whole is to be translated, `b` being of no use; -ENOMEM.
 */
MUST_CHECK int refill(const struct translate_config *cfg, const struct store *s,
                      const struct refill_base *base, struct table_builder *b);

/** Likewise those that lead to one Service, which may be in `base->worded`. */
MUST_CHECK int refill_one(const struct translate_config *cfg, const struct store *s,
                          const struct service *svc, const struct refill_base *base,
                          struct table_builder *b);

#endif
