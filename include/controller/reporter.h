/**
 * reporter - what stands beside the table: keeps it, logs what is new, hands reports out.
 */
#ifndef CONTROLLER_REPORTER_H
#define CONTROLLER_REPORTER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/attr.h"
#include "controller/controller.h"
#include "controller/retranslate.h"
#include "controller/unserved.h"
#include "controller/verdictlog.h"
#include "model/verdict.h"

struct reporter {
    const struct controller_config *cfg; /* borrowed */
    struct verdicts objects, routes;     /* standing; of decoding, of the last translation */
    struct unserved unserved;            /* of that translation */
    struct verdictlog objects_said, routes_said;
    uint64_t sent; /* digest of the last report */
    bool has_sent;
};

/** Nothing stands.  Allocates nothing. */
void reporter_init(struct reporter *r, const struct controller_config *cfg);
void reporter_fini(struct reporter *r);

/** Take over what decoding says now, and log what it did not say before.  `v` is empty afterwards;
 * so are those below. */
void reporter_take_objects(struct reporter *r, struct verdicts *v);

/** Likewise for a translation that was carried through. */
void reporter_take_routes(struct reporter *r, struct verdicts *v, struct unserved *u);

/** Likewise for one of a part: takes the place of what was said of the Ingresses in `part`, and of
 * the pools of the Services in it.  Without memory what is new is lost, and `lost` of what stands
 * tells. */
void reporter_amend_routes(struct reporter *r, struct retranslate_part *part, struct verdicts *v,
                           struct unserved *u);

/**
 * Hand out a report if it would differ from the last one.  Returns 0, or -ENOMEM: the next call
 * makes up for it.
 */
MUST_CHECK int reporter_send(struct reporter *r, uint64_t generation,
                             const struct timespec *published);

#endif
