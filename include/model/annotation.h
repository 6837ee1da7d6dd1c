/**
 * annotation - what the annotations on an Ingress say, in our own names and in the known dialects.
 *
 * One table row per annotation: what acts, what is a passthrough mark, what is
 * known but without effect, what is not supported yet.
 */
#ifndef MODEL_ANNOTATION_H
#define MODEL_ANNOTATION_H

#include <stdbool.h>

#include "base/attr.h"
#include "model/object.h"

struct verdicts;

enum annotation_mark {
    MARK_NONE, /* no mark, or only unreadable ones */
    MARK_YES,  /* passthrough asked for */
    MARK_NO,   /* a mark says no; outweighs any yes */
};

/** What the annotations of one Ingress come to. */
struct annotation_reading {
    enum annotation_mark mark;
    bool terminate;        /* sealway.io/tls-mode: terminate: NotYetSupported, not routed */
    bool service_upstream; /* sealway.io/service-upstream: "true" */
};

/**
 * Read the annotations of an Ingress.  Adds nothing when `v` is NULL: an Ingress that is not ours
 * is read for its mark only.  Otherwise adds a verdict for each unreadable or not yet supported
 * one, one AccessControlNotEnforced and at most one AnnotationsWithoutEffect per object; nothing
 * for one whose mark says no, which is silently not ours.
 */
void annotation_read(const struct objmeta *ingress, struct annotation_reading *out,
                     struct verdicts *v);

/**
 * Judge the sealway.io/ annotations of a Service that an Ingress of ours uses: none acts yet, and
 * none of them may be passed over in silence.
 */
void annotation_read_service(const struct objmeta *service, struct verdicts *v);

#endif
