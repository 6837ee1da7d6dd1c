#include "reportcount_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_priv.h"

/** Warnings that reject though no host points to them: it cannot, lost to a claim, or is served
 * with an error. */
static bool is_rejecting_reason(const char *reason)
{
    static const char *const reasons[] = {"HostNotRoutable", "HostAlreadyClaimed",
                                          "ServiceNotFound", "ExternalNameUnsupported"};

    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (strcmp(reason, reasons[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_rejection(const struct verdict *v, bool is_linked)
{
    return v->severity == VERDICT_ERROR ||
           (v->severity == VERDICT_WARNING && (is_linked || is_rejecting_reason(v->reason)));
}

/** Whether two neighbours say the same of one object.  A file is an object, for this matter. */
static bool is_same_rejection(const struct verdict *a, const struct verdict *b)
{
    return report_compare_object(a, b->kind, b->ns, b->name) == 0 &&
           strcmp(a->reason, b->reason) == 0 && strcmp(a->file, b->file) == 0;
}

static const char *kind_label(const struct verdict *v)
{
    return *v->kind ? v->kind : "File";
}

/** The counts while they grow: kinds and reasons are words of ours, some dozens in all. */
struct counts {
    struct report_count *items;
    size_t n, cap;
};

/** The count that a verdict belongs to; NULL without memory. */
static struct report_count *count_of(struct counts *c, const struct verdict *v)
{
    size_t cap = c->cap ? c->cap * 2 : 16;
    struct report_count *grown;

    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->items[i].kind, kind_label(v)) == 0 &&
            strcmp(c->items[i].reason, v->reason) == 0) {
            return &c->items[i];
        }
    }
    if (c->n == c->cap) {
        grown = realloc(c->items, cap * sizeof(*grown));
        if (!grown) {
            return NULL;
        }
        c->items = grown;
        c->cap = cap;
    }
    c->items[c->n] = (struct report_count){.kind = kind_label(v), .reason = v->reason};
    return &c->items[c->n++];
}

static int count_all(const struct reportcount_input *in, struct counts *c)
{
    const struct verdict *last = NULL;

    for (size_t i = 0; i < in->n; i++) {
        const struct verdict *v = in->verdicts[i];
        struct report_count *count;

        if (!is_rejection(v, in->is_linked[i]) || (last && is_same_rejection(v, last))) {
            continue;
        }
        last = v;
        count = count_of(c, v);
        if (!count) {
            return -ENOMEM;
        }
        count->objects++;
    }
    return 0;
}

static int compare(const void *left, const void *right)
{
    const struct report_count *a = left, *b = right;
    int order = strcmp(a->kind, b->kind);

    return order != 0 ? order : strcmp(a->reason, b->reason);
}

/** Sort, and move to where the report keeps them.  Reasons are static. */
static int keep(const struct counts *c, struct arena *arena, struct report *r)
{
    struct report_count *kept = arena_calloc(arena, c->n, sizeof(*kept));

    if (!kept) {
        return -ENOMEM;
    }
    if (c->n > 0) {
        memcpy(kept, c->items, c->n * sizeof(*kept));
        qsort(kept, c->n, sizeof(*kept), compare);
    }
    for (size_t i = 0; i < c->n; i++) {
        kept[i].kind = arena_strdup(arena, kept[i].kind);
        if (!kept[i].kind) {
            return -ENOMEM;
        }
    }
    r->counts = kept;
    r->n_counts = c->n;
    return 0;
}

int reportcount_fill(const struct reportcount_input *in, struct arena *arena, struct report *r)
{
    struct counts c = {.items = NULL};
    int rc = count_all(in, &c);

    if (rc == 0) {
        rc = keep(&c, arena, r);
    }
    free(c.items);
    return rc;
}
