#include "controller/verdictlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/siphash.h"
#include "model/verdict.h"

#define MAX_LINES 500 /* of one report; `sealway check` has the rest */

void verdictlog_init(struct verdictlog *l)
{
    *l = (struct verdictlog){0};
}

void verdictlog_fini(struct verdictlog *l)
{
    free(l->said);
    verdictlog_init(l);
}

static uint64_t digest(const struct verdict *v)
{
    const char *const texts[] = {v->reason, v->kind, v->ns, v->name, v->file, v->message};
    struct siphash_key key = {{0, (uint64_t)v->severity}};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        key.k[0] = siphash(&key, texts[i], strlen(texts[i]));
    }
    return key.k[0];
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool was_said(const struct verdictlog *l, uint64_t d)
{
    return l->n > 0 && bsearch(&d, l->said, l->n, sizeof(d), compare);
}

static enum log_level level_of(const struct verdict *v)
{
    switch (v->severity) {
    case VERDICT_ERROR:
        return LOG_ERROR;
    case VERDICT_WARNING:
        return LOG_WARN;
    case VERDICT_NOTE:
        break;
    }
    return LOG_INFO;
}

static void say(const struct verdict *v)
{
    struct log_line line;
    char text[LIMIT_LOG_VALUE];

    if (!log_enabled(level_of(v))) {
        return;
    }
    log_line_begin(&line, level_of(v), v->message);
    log_line_str(&line, "reason", v->reason);
    if (*v->kind) {
        snprintf(text, sizeof(text), "%s %s%s%s", v->kind, v->ns, *v->ns ? "/" : "", v->name);
        log_line_str(&line, "object", text);
    }
    if (*v->file) {
        snprintf(text, sizeof(text), v->line > 0 ? "%s:%u" : "%s", v->file, v->line);
        log_line_str(&line, "at", text);
    }
    log_line_send(&line);
}

/** Say what is new and write all digests, unsorted. */
static void say_new(const struct verdictlog *l, const struct verdicts *v, uint64_t *digests)
{
    size_t said = 0, unsaid = 0;

    for (size_t i = 0; i < v->n; i++) {
        digests[i] = digest(&v->items[i]);
        if (was_said(l, digests[i])) {
            continue;
        }
        if (said++ < MAX_LINES) {
            say(&v->items[i]);
        } else {
            unsaid++;
        }
    }
    if (unsaid > 0) {
        log_warn("%zu more problems are not logged; see them with: sealway check", unsaid);
    }
}

void verdictlog_report(struct verdictlog *l, struct verdicts *v)
{
    uint64_t *digests = malloc((v->n ? v->n : 1) * sizeof(*digests));

    if (!digests || v->lost) {
        log_error("out of memory: not every problem with the objects is logged");
    }
    if (!digests) {
        return;
    }
    verdicts_sort(v);
    say_new(l, v, digests);
    if (v->n > 1) {
        qsort(digests, v->n, sizeof(*digests), compare);
    }
    free(l->said);
    l->said = digests;
    l->n = v->n;
}
