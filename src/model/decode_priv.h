/**
 * decode_priv - what the decoders of the single kinds share.
 */
#ifndef MODEL_DECODE_PRIV_H
#define MODEL_DECODE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/json.h"
#include "model/decode.h"
#include "model/object.h"
#include "model/verdict.h"

struct arena;

/** One object on its way.  A decoder goes on after every problem; these say how it ended. */
struct decode {
    const struct decode_source *src;
    struct verdicts *v;
    struct json_reader reader; /* complains as InvalidField */
    struct objmeta about;      /* who the verdicts are about, as far as known; texts borrowed */
    struct arena *arena;       /* the object's; NULL before there is one */
    unsigned said;             /* verdicts so far */
    unsigned unsaid;           /* those over the cap */
    enum verdict_severity worst_unsaid;
    bool kind_known; /* whether about.kind means anything yet */
    bool refused;
    bool out_of_memory;
};

/** A verdict about the place `at` (its line, or that of the nearest place above that exists). */
void decode_say(struct decode *d, const struct json_at *at, enum verdict_severity severity,
                const char *reason, const char *fmt, ...) PRINTF_LIKE(5, 6);

/** The line of a place; 0 when not known. */
unsigned decode_line(const struct decode *d, const struct json_at *at);

/** A copy of a text in the object's arena; NULL becomes "".  Never NULL: see out_of_memory. */
const char *decode_keep(struct decode *d, const char *text);

/** Zeroed elements in the object's arena; NULL when count is 0 or memory ran out. */
void *decode_calloc(struct decode *d, size_t count, size_t size);

/* decode_meta.c */

/** Whatever of namespace and name can be read into d->about, so that verdicts can name it. */
void decode_meta_guess(struct decode *d, const struct json_at *root);

/** Judge namespace and name; sets d->refused when the object has no usable identity. */
void decode_meta_identity(struct decode *d, const struct json_at *root);

/** The rest of metadata into the object; annotations where the kind keeps them. */
void decode_meta(struct decode *d, const struct json_at *root, struct objmeta *out);

/** The value of a label, borrowed from the tree; "" when absent or no text. */
const char *decode_meta_label(const struct json_at *root, const char *key);

/** RFC 3339 to Unix seconds.  Returns whether it is one. */
bool decode_meta_time(const char *text, int64_t *out);

/* decode_status.c: what controllers wrote is not the user's, so nothing is said about it. */

/** status.loadBalancer of an Ingress. */
void decode_status_ingress(struct decode *d, const struct json_at *root, struct ingress *out);

/** Where a Service is reached from outside; its cluster_ips are decoded already. */
void decode_status_service(struct decode *d, const struct json_at *root, struct service *out);

/* decode_text.c */

/** An error for a value that is no text but must be: how it is written, and to quote it. */
void decode_text_complain(struct decode *d, const struct json_at *at, const char *reason);

/* decode_fields.c */

/** One warning that lists the fields the API does not know. */
void decode_fields(struct decode *d, const struct json_at *root, enum object_kind kind);

/* One file per kind; each fills the rest of its zeroed object. */
void decode_ingress(struct decode *d, const struct json_at *root, struct objmeta *o);
void decode_ingressclass(struct decode *d, const struct json_at *root, struct objmeta *o);
void decode_service(struct decode *d, const struct json_at *root, struct objmeta *o);
void decode_endpointslice(struct decode *d, const struct json_at *root, struct objmeta *o);
void decode_endpoints(struct decode *d, const struct json_at *root, struct objmeta *o);

/* decode_backend.c */

/** A backend of an Ingress.  False, with a verdict, when it is not valid; *out is then untouched.
 */
bool decode_backend(struct decode *d, const struct json_at *at, struct ingress_backend *out);

/* decode_ports.c */

/** A number within 1..65535 that may be absent (0, true); false, with a verdict, when invalid. */
bool decode_ports_number(struct decode *d, struct json_at *at, uint16_t *out);

/** One port: name, number (0 when absent), protocol.  False, with a verdict, when it is invalid. */
bool decode_ports_one(struct decode *d, struct json_at *item, struct slice_port *out);

/** The ports of an EndpointSlice or a subset of Endpoints; invalid ones are left out. */
struct slice_port *decode_ports(struct decode *d, const struct json_at *list, size_t *n_out);

#endif
