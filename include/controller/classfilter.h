/**
 * classfilter - which Ingress is ours.
 *
 * By its class (spec.ingressClassName, else the legacy annotation, else the cluster's default
 * class) and by its passthrough marks.  Says nothing about an Ingress that is somebody else's,
 * but for a note where nothing here has its class.
 */
#ifndef CONTROLLER_CLASSFILTER_H
#define CONTROLLER_CLASSFILTER_H

#include <stdbool.h>

#include "controller/translate.h"
#include "model/annotation.h"
#include "model/object.h"

struct store;
struct unserved;
struct verdicts;

struct classfilter {
    const struct translate_config *cfg; /* borrowed */
    const struct store *store;          /* borrowed */
    /* What IngressClasses marked as default mean for an Ingress without a class. */
    bool default_exists;     /* there is one, whoever's */
    bool default_is_ours;    /* one of them is ours */
    bool default_is_foreign; /* ours by --ingress-class only: its controller is another */
    /* The class asked for last, and what was found. */
    const char *last_name; /* in an object of the store; NULL: none yet */
    unsigned last_answer;  /* an enum class_answer */
};

/** Look at the IngressClasses of `store` once; both must outlive the filter, and the store not
 * change as long as it is asked. */
void classfilter_init(struct classfilter *f, const struct translate_config *cfg,
                      const struct store *store);

/**
 * Whether an Ingress is to be routed.  If so *out is what its annotations say; if not its hosts are
 * added to `u` (may be NULL).  Adds the verdicts that are due either way.
 */
bool classfilter_admits(struct classfilter *f, const struct ingress *ing,
                        struct annotation_reading *out, struct verdicts *v, struct unserved *u);

/**
 * Whether an Ingress is one for us to judge: by class and marks ours, though it may ask for what is
 * not served.  Says nothing.
 */
bool classfilter_is_ours(struct classfilter *f, const struct ingress *ing);

#endif
