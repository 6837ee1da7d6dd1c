#include "model/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/object.h"

#define MESSAGE_MAX 1024 /* also what the API server takes as the note of an Event */
#define UID_MAX     63   /* a UUID has 36 characters */
#define TEXTS       6

/* The texts of a verdict in the order they stand in its one allocation. */
struct texts {
    const char *text[TEXTS]; /* kind, ns, name, uid, file, message */
};

struct head {
    enum verdict_severity severity;
    const char *reason;
    unsigned line;
    bool refused;
};

void verdicts_init(struct verdicts *v)
{
    *v = (struct verdicts){0};
}

void verdicts_fini(struct verdicts *v)
{
    if (v == NULL) {
        return;
    }
    for (size_t i = 0; i < v->n; i++) {
        free(v->items[i].kind); /* the first of the texts, and so of their allocation */
    }
    free(v->items);
    verdicts_init(v);
}

static bool grow(struct verdicts *v)
{
    size_t cap = v->cap == 0 ? 8 : v->cap * 2;
    struct verdict *items = realloc(v->items, cap * sizeof(*items));

    if (items == NULL) {
        return false;
    }
    v->items = items;
    v->cap = cap;
    return true;
}

static bool copy_texts(const struct texts *from, char *copies[TEXTS])
{
    size_t len[TEXTS], sum = 0;
    char *block;

    for (size_t i = 0; i < TEXTS; i++) {
        len[i] = strlen(from->text[i]) + 1;
        sum += len[i];
    }
    block = malloc(sum);
    if (block == NULL) {
        return false;
    }
    for (size_t i = 0; i < TEXTS; i++) {
        copies[i] = memcpy(block, from->text[i], len[i]);
        block += len[i];
    }
    return true;
}

static void add(struct verdicts *v, const struct head *head, const struct texts *texts)
{
    char *copies[TEXTS];

    if ((v->n == v->cap && !grow(v)) || !copy_texts(texts, copies)) {
        v->lost = true;
        return;
    }
    v->items[v->n++] = (struct verdict){
        .severity = head->severity,
        .reason = head->reason,
        .line = head->line,
        .kind = copies[0],
        .ns = copies[1],
        .name = copies[2],
        .uid = copies[3],
        .file = copies[4],
        .message = copies[5],
        .refused = head->refused,
    };
    v->errors += head->severity == VERDICT_ERROR;
    v->warnings += head->severity == VERDICT_WARNING;
}

PRINTF_LIKE(2, 0)
static void format_message(char text[MESSAGE_MAX], const char *fmt, va_list args)
{
    int len = vsnprintf(text, MESSAGE_MAX, fmt, args);

    if (len < 0) {
        text[0] = '\0';
    } else if ((size_t)len >= MESSAGE_MAX) {
        memcpy(text + MESSAGE_MAX - 4, "...", 4);
    }
}

static const char *uid_of(const struct objmeta *about)
{
    return about->uid && strnlen(about->uid, UID_MAX + 1) <= UID_MAX ? about->uid : "";
}

void verdicts_add(struct verdicts *v, const struct objmeta *about, unsigned line,
                  enum verdict_severity severity, const char *reason, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    struct head head = {severity, reason, line != 0 ? line : about->line, false};
    struct texts texts = {{object_kind_name(about->kind), about->ns, about->name, uid_of(about),
                           about->file, message}};
    va_list args;

    va_start(args, fmt);
    format_message(message, fmt, args);
    va_end(args);
    add(v, &head, &texts);
}

void verdicts_add_at(struct verdicts *v, const char *file, unsigned line,
                     enum verdict_severity severity, const char *reason, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    struct head head = {severity, reason, line, false};
    struct texts texts = {{"", "", "", "", file, message}};
    va_list args;

    va_start(args, fmt);
    format_message(message, fmt, args);
    va_end(args);
    add(v, &head, &texts);
}

void verdicts_append(struct verdicts *to, const struct verdicts *from)
{
    for (size_t i = 0; i < from->n; i++) {
        const struct verdict *f = &from->items[i];
        struct head head = {f->severity, f->reason, f->line, f->refused};
        struct texts texts = {{f->kind, f->ns, f->name, f->uid, f->file, f->message}};

        add(to, &head, &texts);
    }
    to->lost |= from->lost;
}

bool verdicts_reserve(struct verdicts *v, size_t more)
{
    while (v->cap - v->n < more && grow(v)) {
    }
    return v->cap - v->n >= more;
}

void verdicts_move(struct verdicts *to, struct verdicts *from)
{
    size_t n = 0;

    while (n < from->n && (to->n < to->cap || grow(to))) {
        to->errors += from->items[n].severity == VERDICT_ERROR;
        to->warnings += from->items[n].severity == VERDICT_WARNING;
        to->items[to->n++] = from->items[n++];
    }
    to->lost = to->lost || from->lost || n < from->n;
    for (size_t i = n; i < from->n; i++) {
        from->items[i - n] = from->items[i];
    }
    from->n -= n;
    verdicts_fini(from);
}

void verdicts_mark_refused(struct verdicts *v, size_t first)
{
    for (size_t i = first; i < v->n; i++) {
        v->items[i].refused = true;
    }
}

void verdicts_filter(struct verdicts *v, bool (*keep)(void *ctx, const struct verdict *one),
                     void *ctx)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++) {
        struct verdict *one = &v->items[i];

        if (keep(ctx, one)) {
            v->items[n++] = *one;
            continue;
        }
        v->errors -= one->severity == VERDICT_ERROR;
        v->warnings -= one->severity == VERDICT_WARNING;
        free(one->kind); /* with all its texts */
    }
    v->n = n;
}

/* Everything is compared, so that equal means the same to a reader and the order is total. */
static int compare(const void *a, const void *b)
{
    const struct verdict *x = a, *y = b;
    int order = strcmp(x->file, y->file);

    if (order == 0) {
        order = (x->line > y->line) - (x->line < y->line);
    }
    if (order == 0) {
        order = strcmp(x->ns, y->ns);
    }
    if (order == 0) {
        order = strcmp(x->name, y->name);
    }
    if (order == 0) {
        order = strcmp(x->reason, y->reason);
    }
    if (order == 0) {
        order = strcmp(x->kind, y->kind);
    }
    return order != 0 ? order : strcmp(x->message, y->message);
}

void verdicts_sort(struct verdicts *v)
{
    if (v->n > 1) {
        qsort(v->items, v->n, sizeof(*v->items), compare);
    }
}

const char *verdict_severity_name(enum verdict_severity s)
{
    return s == VERDICT_ERROR ? "error" : s == VERDICT_WARNING ? "warning" : "note";
}
