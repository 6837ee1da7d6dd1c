/**
 * verdict - what is wrong (or worth knowing) about one object, and how to mend it.
 *
 * Every problem found in decoding or translating an object becomes one verdict: a line of `sealway
 * check` and of the log, later an Event on the object.  Nothing here decides what happens next.
 */
#ifndef MODEL_VERDICT_H
#define MODEL_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct objmeta;

enum verdict_severity {
    VERDICT_NOTE,    /* an Event of type Normal; changes no exit status */
    VERDICT_WARNING, /* what only a live cluster knows, or what does not act */
    VERDICT_ERROR,   /* what an API server would refuse, or what cannot be served */
};

struct verdict {
    enum verdict_severity severity;
    const char *reason; /* CamelCase, static: one word a person can search for */
    char *kind;         /* "Ingress"; "" when the object could not be told */
    char *ns;           /* "" for cluster-scoped objects */
    char *name;
    char *uid;     /* "" when absent, or no uid by its length */
    char *file;    /* "" when not from a file */
    unsigned line; /* 1-based; 0 when not known */
    char *message; /* what is wrong, and how to mend it */
    bool refused;  /* its object was: no object of that name in a store is the one meant */
};

/** A growing list, in the order found.  Owned by one thread. */
struct verdicts {
    struct verdict *items;
    size_t n, cap;
    size_t errors, warnings; /* counts by severity */
    bool lost;               /* memory ran out: some verdict is missing */
};

void verdicts_init(struct verdicts *v);

/** Free all; usable again afterwards. */
void verdicts_fini(struct verdicts *v);

/**
 * Add a verdict about `about` at `line` of its file (0: the object's own line).  Texts are copied.
 * A list that cannot grow sets v->lost and goes on: losing words must not lose routes.
 */
void verdicts_add(struct verdicts *v, const struct objmeta *about, unsigned line,
                  enum verdict_severity severity, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

/** Likewise for a place in a file where no object could be told (`about` less). */
void verdicts_add_at(struct verdicts *v, const char *file, unsigned line,
                     enum verdict_severity severity, const char *reason, const char *fmt, ...)
    PRINTF_LIKE(6, 7);

/** Copy every verdict of `from` behind those of `to`. */
void verdicts_append(struct verdicts *to, const struct verdicts *from);

/** Make room for so many more, which verdicts_move() then has.  Returns whether there was memory.
 */
MUST_CHECK bool verdicts_reserve(struct verdicts *v, size_t more);

/** Move every verdict of `from` behind those of `to`; their texts stay where they are.  `from` is
 * empty afterwards, also where memory runs out: to->lost tells. */
void verdicts_move(struct verdicts *to, struct verdicts *from);

/** Mark the verdicts from the `first`th on as being about an object that was refused. */
void verdicts_mark_refused(struct verdicts *v, size_t first);

/** Drop every verdict for which `keep` says no; the others keep their order. */
void verdicts_filter(struct verdicts *v, bool (*keep)(void *ctx, const struct verdict *one),
                     void *ctx);

/** Sort by file, line, namespace, name, reason: a stable report. */
void verdicts_sort(struct verdicts *v);

/** "error", "warning" or "note". */
const char *verdict_severity_name(enum verdict_severity s);

#endif
