/**
 * kubemirror - one collection of the API server in the store, and what was wrong with its objects.
 *
 * The sink of a kubewatch: decodes each object with the decoder of the manifests, keeps its
 * verdicts, and takes a list over as a whole.  What the server has is the truth: an object that
 * cannot be used is verdicts (marked as refused) and is not in the store, also where an earlier
 * version of it could be used and was.  An object whose uid and resourceVersion are known changes
 * nothing and is not decoded again, but in a list that is doubted: a server restored from a backup
 * gives out versions a second time.  What is of another kind, or not in `ns`, is passed over.
 *
 * Only objects that have verdicts cost memory here, as many as decoding finds worth saying
 * (LIMIT_KUBE_VERDICTS_PER_OBJECT and one that counts the rest).
 */
#ifndef CONTROLLER_KUBEMIRROR_H
#define CONTROLLER_KUBEMIRROR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "kube/kubewatch.h"
#include "model/object.h"

struct kubemirror;
struct store;
struct verdicts;

struct kubemirror_config {
    struct store *store; /* borrowed */
    enum object_kind kind;
    const char *ns; /* NULL: all of the kind; else this mirror holds only those in it.  Copied */
    struct kubestats *stats;    /* `objects` is kept by adding and subtracting; borrowed */
    void (*changed)(void *ctx); /* the store or a verdict differs, or the first list is complete */
    void *ctx;
};

/** NULL without memory. */
MUST_CHECK struct kubemirror *kubemirror_new(const struct kubemirror_config *cfg);

/** Its objects stay in the store.  NULL is ignored. */
void kubemirror_free(struct kubemirror *m);

/**
 * For kubewatch_config; borrows `m`.  Nothing is put or taken while a list is under way. list_end()
 * without memory has taken over some objects, each whole, and none is lost: the next list finds the
 * rest.
 */
struct kubewatch_sink kubemirror_sink(struct kubemirror *m);

/** Whether the verdicts changed since the last call, or the store otherwise than by objects that
 * mean the same to routes as those they took the place of (status was written, say). */
bool kubemirror_take_changed(struct kubemirror *m);

/** Every verdict standing (appended). */
void kubemirror_verdicts(const struct kubemirror *m, struct verdicts *v);

#endif
