/**
 * kubepage - one page of a list, read as it comes: each item by itself, and what stands about it.
 *
 * `metadata` may stand before the items or behind them.  A page counts only when it is whole: the
 * end of the answer says nothing about that.
 */
#ifndef KUBE_KUBEPAGE_PRIV_H
#define KUBE_KUBEPAGE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "kube/jsonsplit.h"

struct kuberesource;

struct kubepage {
    const struct kuberesource *resource;            /* NULL: the items are not looked at */
    int (*on_item)(void *ctx, const cJSON *object); /* other than 0 ends kubepage_feed() with it */
    void *ctx;
    uint64_t skipped;       /* items that are of another kind */
    struct jsonsplit split; /* private from here on */
    bool is_named;          /* it says that it is a list of the resource */
    cJSON *metadata;
};

/** Without a resource only what stands about the items is read.  Allocates nothing. */
void kubepage_init(struct kubepage *p, const struct kuberesource *resource,
                   int (*on_item)(void *ctx, const cJSON *object), void *ctx);

/** May be called again, and for a zeroed one. */
void kubepage_fini(struct kubepage *p);

/** Take more bytes.  0, -EBADMSG (also when it says that it is something else), -EMSGSIZE, -ENOMEM,
 * or what on_item returned; after any of these only _fini is allowed. */
MUST_CHECK int kubepage_feed(struct kubepage *p, const void *bytes, size_t len);

/** Whether all of it was there: one object from its first brace to its last, with a version, that
 * has items or says that it is the list that was asked for. */
bool kubepage_is_whole(const struct kubepage *p);

/** metadata.resourceVersion and metadata.continue; "" where absent.  They live until _fini. */
const char *kubepage_version(const struct kubepage *p);
const char *kubepage_next(const struct kubepage *p);

#endif
