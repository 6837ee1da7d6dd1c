/**
 * adminquery - the parameters of a page: name=value&..., percent-encoded.
 */
#ifndef ADMIN_ADMINQUERY_H
#define ADMIN_ADMINQUERY_H

#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

/** One parameter a page knows; the value is NULL until adminquery_parse() finds it. */
struct adminquery_param {
    const char *name;
    const char *value; /* terminated; points into the storage */
};

/** Room for all values of a query; more is refused. */
struct adminquery_storage {
    char text[2048];
};

/**
 * Decode `query` (NULL: none) and fill in the values of `params`.  Returns 0, or -EINVAL with `e`
 * saying what is wrong and which parameters there are: one that is unknown or stands twice, a
 * broken escape, a NUL, too much of it.  Values of `params` are then undefined.
 */
MUST_CHECK int adminquery_parse(const char *query, struct adminquery_param *params, size_t n,
                                struct adminquery_storage *storage, struct err *e);

#endif
