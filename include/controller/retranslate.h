/**
 * retranslate - translate what has changed, and whatever that has to do with.
 *
 * Comes to what translate() of the whole store would come to.  The Ingresses that are translated
 * are those that changed or name a Service that did, whoever else claims a host of theirs, and
 * whoever names a Service of theirs that has no endpoint; what is said of them takes the place of
 * what was said.  Gives up where that is too many, and where words about a Service or its slices,
 * which are said once for all who name it, would have to come or go.
 */
#ifndef CONTROLLER_RETRANSLATE_H
#define CONTROLLER_RETRANSLATE_H

#include <stdint.h>

#include "base/attr.h"
#include "controller/refill.h"
#include "controller/serviceset.h"

struct registry;
struct store;
struct table;
struct translate_config;
struct translate_outcome;

/** What was translated: all earlier words about it are void. */
struct retranslate_part {
    struct serviceset ingresses; /* by namespace and name, as Services are */
    struct serviceset services;  /* whose pools may have come to be at fault, or no longer be */
};

void retranslate_part_fini(struct retranslate_part *p);

struct retranslate_base {
    struct registry *registry;
    struct refill_base last; /* `worded` also gets what comes to it */
    uint64_t generation;     /* of the new table */
};

struct retranslate_result {
    struct retranslate_part *part; /* the caller's, initialised; filled */
    struct table *table;           /* one reference; NULL: as the last */
};

/**
 * Amend the last table by what changed in `s` since store_forget_changes().  Returns 0; -EAGAIN
 * when the whole is to be translated, what was said being void; -ENOMEM.
 */
MUST_CHECK int retranslate(const struct translate_config *cfg, const struct store *s,
                           const struct retranslate_base *base,
                           const struct translate_outcome *said, struct retranslate_result *out);

#endif
