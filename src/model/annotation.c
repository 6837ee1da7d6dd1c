#include "model/annotation.h"

#include <stdio.h>
#include <string.h>

#include "annotation_priv.h"
#include "base/json.h"
#include "model/verdict.h"

#define NAMES_MAX 12u /* names in one verdict; the others are counted */

enum value { VALUE_YES, VALUE_NO, VALUE_TERMINATE, VALUE_UNREADABLE };

/* Keys gathered for one verdict. */
struct listing {
    char names[720];
    size_t len;
    size_t named; /* keys in it */
    size_t n;     /* keys that should be */
    unsigned line;
};

static enum value read_value(const struct annotation_words *words, const char *value)
{
    if (annotation_table_has_word(words->yes, value, false)) {
        return VALUE_YES;
    }
    if (annotation_table_has_word(words->no, value, false)) {
        return VALUE_NO;
    }
    return annotation_table_has_word(words->terminate, value, false) ? VALUE_TERMINATE
                                                                     : VALUE_UNREADABLE;
}

static const struct annotation_row *find_row(const char *key)
{
    const struct annotation_dialect *dialect = annotation_table_dialect(key);

    return dialect != NULL ? annotation_table_row(dialect, key) : NULL;
}

static void read_mark(enum value value, struct annotation_reading *out)
{
    if (value == VALUE_NO) {
        out->mark = MARK_NO;
    } else if (value == VALUE_YES && out->mark == MARK_NONE) {
        out->mark = MARK_YES;
    } else if (value == VALUE_TERMINATE) {
        out->terminate = true;
    }
}

static void read_all(const struct objmeta *o, struct annotation_reading *out)
{
    *out = (struct annotation_reading){.mark = MARK_NONE};
    for (size_t i = 0; i < o->n_annotations; i++) {
        const struct annotation *a = &o->annotations[i];
        const struct annotation_row *row = find_row(a->key);

        if (row == NULL || row->words == NULL) {
            continue;
        }
        if (row->effect == ANNOTATION_MARK) {
            read_mark(read_value(row->words, a->value), out);
        } else {
            out->service_upstream = read_value(row->words, a->value) == VALUE_YES;
        }
    }
}

static void list_add(struct listing *l, const struct annotation *a)
{
    size_t len = strlen(a->key);

    if (l->n++ == 0) {
        l->line = a->line;
    }
    if (l->named == NAMES_MAX || l->len + len + 3 > sizeof(l->names)) {
        return;
    }
    l->len += (size_t)snprintf(l->names + l->len, sizeof(l->names) - l->len, "%s%s",
                               l->named > 0 ? ", " : "", a->key);
    l->named++;
}

/* " and 3 more" when not all names had room; "" otherwise. */
static const char *list_rest(const struct listing *l, char text[32])
{
    text[0] = '\0';
    if (l->n > l->named) {
        (void)snprintf(text, 32, " and %zu more", l->n - l->named);
    }
    return text;
}

/* Levenshtein's distance with one row; names of ours are short, longer ones are far from all. */
static size_t distance(const char *a, const char *b)
{
    size_t row[48], len_a = strlen(a), len_b = strlen(b);

    if (len_a >= ARRAY_LEN(row) || len_b >= ARRAY_LEN(row)) {
        return ARRAY_LEN(row);
    }
    for (size_t j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = change < insert ? change : insert;
        }
    }
    return row[len_b];
}

/* The name of ours that was probably meant, or NULL. */
static const char *nearest_own(const char *name)
{
    const struct annotation_dialect *own = annotation_table_own();
    size_t best = 2 + strlen(name) / 8;
    const char *found = NULL;

    for (size_t i = 0; i < own->n_rows; i++) {
        size_t d = distance(name, own->rows[i].name);

        if (d < best || (d == best && found == NULL)) {
            best = d;
            found = own->rows[i].name;
        }
    }
    return found;
}

static void say_unknown(const struct objmeta *o, const struct annotation *a, struct verdicts *v)
{
    const char *near = nearest_own(strchr(a->key, '/') + 1);

    verdicts_add(v, o, a->line, VERDICT_WARNING, "UnknownAnnotation",
                 "there is no annotation %s%s%s%s", a->key, near != NULL ? ": sealway.io/" : "",
                 near != NULL ? near : "", near != NULL ? " is meant, perhaps" : ": remove it");
}

static void say_not_yet(const struct objmeta *o, const struct annotation *a, struct verdicts *v)
{
    bool guards = strstr(a->key, "/allow-cidrs") != NULL || strstr(a->key, "/deny-cidrs") != NULL;

    verdicts_add(v, o, a->line, VERDICT_WARNING, "NotYetSupported",
                 "%s is not supported yet and does nothing%s: remove it until it is", a->key,
                 guards ? ", so every client can connect" : "");
}

static void say_value(const struct objmeta *o, const struct annotation *a,
                      const struct annotation_row *row, struct verdicts *v)
{
    enum value value = read_value(row->words, a->value);
    char quoted[JSON_TEXT_MAX];

    if (value == VALUE_UNREADABLE) {
        verdicts_add(v, o, a->line, VERDICT_WARNING, "AnnotationUnreadable",
                     "%s is %s, which says nothing: write %s", a->key, json_quote(a->value, quoted),
                     row->words->accepted);
    } else if (value == VALUE_TERMINATE) {
        verdicts_add(v, o, a->line, VERDICT_WARNING, "NotYetSupported",
                     "%s: terminate is not supported yet, so nothing of this object is routed: "
                     "write \"passthrough\" to hand TLS to the backends unopened",
                     a->key);
    }
}

struct findings {
    struct listing access, nothing;
};

static void judge(const struct objmeta *o, const struct annotation *a, struct verdicts *v,
                  struct findings *f)
{
    const struct annotation_dialect *dialect = annotation_table_dialect(a->key);
    const struct annotation_row *row;
    enum annotation_effect effect;

    if (dialect == NULL) {
        return; /* another tool's */
    }
    row = annotation_table_row(dialect, a->key);
    if (row == NULL && dialect == annotation_table_own()) {
        say_unknown(o, a, v);
        return;
    }
    effect = row != NULL              ? row->effect
             : dialect->others_anyway ? ANNOTATION_ANYWAY
                                      : ANNOTATION_NOTHING;
    if (row != NULL && annotation_table_has_word(row->anyway, a->value, true)) {
        effect = ANNOTATION_ANYWAY;
    }
    switch (effect) {
    case ANNOTATION_MARK:
    case ANNOTATION_ACTS:
        say_value(o, a, row, v);
        break;
    case ANNOTATION_NOT_YET:
        say_not_yet(o, a, v);
        break;
    case ANNOTATION_ACCESS:
        list_add(&f->access, a);
        break;
    case ANNOTATION_NOTHING:
        list_add(&f->nothing, a);
        break;
    case ANNOTATION_ANYWAY:
        break;
    }
}

static void say_findings(const struct objmeta *o, const struct findings *f, struct verdicts *v)
{
    char rest[32];

    if (f->access.n > 0) {
        verdicts_add(v, o, f->access.line, VERDICT_WARNING, "AccessControlNotEnforced",
                     "not enforced, so every client can connect: %s%s; restrict clients in front "
                     "of Sealway or in the backend, and remove %s",
                     f->access.names, list_rest(&f->access, rest), f->access.n > 1 ? "them" : "it");
    }
    if (f->nothing.n > 0) {
        verdicts_add(v, o, f->nothing.line, VERDICT_NOTE, "AnnotationsWithoutEffect",
                     "without effect on TLS that is passed through: %s%s", f->nothing.names,
                     list_rest(&f->nothing, rest));
    }
}

void annotation_read(const struct objmeta *ingress, struct annotation_reading *out,
                     struct verdicts *v)
{
    struct findings f = {.access = {.n = 0}};

    read_all(ingress, out);
    if (v == NULL || out->mark == MARK_NO) {
        return; /* one that says no is not ours, and is left alone */
    }
    for (size_t i = 0; i < ingress->n_annotations; i++) {
        judge(ingress, &ingress->annotations[i], v, &f);
    }
    say_findings(ingress, &f, v);
}

void annotation_read_service(const struct objmeta *service, struct verdicts *v)
{
    for (size_t i = 0; i < service->n_annotations; i++) {
        const struct annotation *a = &service->annotations[i];
        const struct annotation_row *row;

        if (annotation_table_dialect(a->key) != annotation_table_own()) {
            continue;
        }
        row = find_row(a->key);
        if (row == NULL) {
            say_unknown(service, a, v);
        } else if (!row->on_service) {
            verdicts_add(v, service, a->line, VERDICT_WARNING, "UnknownAnnotation",
                         "%s is an annotation of Ingresses and does nothing on a Service: move it",
                         a->key);
        } else if (!annotation_table_has_word(row->anyway, a->value, true)) {
            say_not_yet(service, a, v);
        }
    }
}
