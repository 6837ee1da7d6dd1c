/**
 * kubenotes - the verdicts on the objects of one collection, by namespace and name.
 *
 * Only objects that have verdicts are here.  A list under way is noted beside what stands and then
 * takes its place, which needs no memory and so cannot fail.
 */
#ifndef CONTROLLER_KUBENOTES_PRIV_H
#define CONTROLLER_KUBENOTES_PRIV_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/siphash.h"

struct kubenote;
struct verdicts;

struct kubenotes {
    struct kubenote *notes;
    struct siphash_key hash_key; /* names come from outside */
};

/** None yet; allocates nothing. */
void kubenotes_init(struct kubenotes *n);
void kubenotes_fini(struct kubenotes *n);

/**
 * Let `v` stand about ns/name instead of what stood; an empty one drops it.  The verdicts are taken
 * out of `v`.  `*differs_out`: whether others stood before.  Returns 0, or -ENOMEM: then all is as
 * it was.
 */
MUST_CHECK int kubenotes_put(struct kubenotes *n, const char *ns, const char *name,
                             struct verdicts *v, bool *differs_out);

/** Drop what stands about ns/name; returns whether anything did. */
bool kubenotes_drop(struct kubenotes *n, const char *ns, const char *name);

/** The list under way has ns/name with these verdicts, as kubenotes_put(); the last call for a
 * name counts. */
MUST_CHECK int kubenotes_list_put(struct kubenotes *n, const char *ns, const char *name,
                                  struct verdicts *v);

/** The list has ns/name as it is known: what stands about it goes on standing. */
void kubenotes_list_keep(struct kubenotes *n, const char *ns, const char *name);

/** What the list noted stands from now on, and nothing else does.  Returns whether that differs. */
bool kubenotes_list_end(struct kubenotes *n);

/** Forget what the list noted. */
void kubenotes_list_drop(struct kubenotes *n);

/** Every verdict standing (appended). */
void kubenotes_append(const struct kubenotes *n, struct verdicts *v);

#endif
