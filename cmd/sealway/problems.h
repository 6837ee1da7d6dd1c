/**
 * problems - what `explain` tells of the verdicts: each once, where it answers a question.
 */
#ifndef SEALWAY_PROBLEMS_H
#define SEALWAY_PROBLEMS_H

#include <stdbool.h>

#include "base/attr.h"
#include "model/object.h"
#include "model/verdict.h"

struct problems {
    const struct verdicts *verdicts; /* borrowed */
    bool *told;                      /* by verdict */
};

/** Nothing told yet.  0 or -ENOMEM; problems_fini() is due in both cases. */
MUST_CHECK int problems_init(struct problems *p, const struct verdicts *v);

void problems_fini(struct problems *p);

/** Why an Ingress that names the host is not served. */
void problems_print_unserved(struct problems *p, const struct objmeta *ingress);

/** Why the Service ns/service stands behind a route of an Ingress without an endpoint. */
void problems_print_empty(struct problems *p, const char *ns, const char *ingress,
                          const char *service);

/**
 * The errors not told yet of Ingresses, and of files of which nothing could be told, for they may
 * have been meant for `name`; those that mention it first.
 */
void problems_print_rest(struct problems *p, const char *name);

#endif
