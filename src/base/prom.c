#include "base/prom.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

#define PER_UNIT_MAX 1000000000u
#define LE_MAX       32u  /* a number */
#define LINE_SLACK   128u /* what a line has besides name and labels: punctuation, two numbers */

struct text {
    const char *s;
    size_t len;
};

#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})

static char *put(char *to, struct text t)
{
    if (t.len > 0) {
        memcpy(to, t.s, t.len);
    }
    return to + t.len;
}

/* --- Escaping -------------------------------------------------------------------------------- */

/* How the first character of `s` is written; *used_out bytes of it are then done. */
static struct text escape_one(const char *s, size_t left, bool quotes, size_t *used_out)
{
    size_t n = utf8_len(s, left);

    *used_out = n > 0 ? n : 1;
    if (*s == '\n') {
        return TEXT("\\n");
    }
    if (*s == '\\') {
        return TEXT("\\\\");
    }
    if (*s == '"' && quotes) {
        return TEXT("\\\"");
    }
    if (n == 0 || utf8_is_control(s, n)) {
        return TEXT("\xef\xbf\xbd"); /* U+FFFD */
    }
    return (struct text){s, n};
}

/* Write `s` escaped to `to`, or only measure it when that is NULL; returns the length. */
static size_t escape(const char *s, bool quotes, char *to)
{
    size_t left = strlen(s);
    size_t len = 0;
    size_t used;

    for (; left > 0; s += used, left -= used) {
        struct text piece = escape_one(s, left, quotes, &used);

        if (to != NULL) {
            put(to + len, piece);
        }
        len += piece.len;
    }
    return len;
}

/* --- Numbers --------------------------------------------------------------------------------- */

static char *put_uint(char *to, uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(to, (struct text){digits + first, sizeof(digits) - first});
}

static char *put_sign(char *to, int64_t value, uint64_t *magnitude_out)
{
    *magnitude_out = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *to++ = '-';
    }
    return to;
}

/* value / per_unit, without trailing zeros; whole numbers end in ".0" if `point`. */
static char *put_scaled(char *to, uint64_t value, uint64_t per_unit, bool point)
{
    uint64_t rest = value % per_unit;

    to = put_uint(to, value / per_unit);
    if (rest == 0) {
        return point ? put(to, TEXT(".0")) : to;
    }
    *to++ = '.';
    for (uint64_t place = per_unit / 10; place > 0; place /= 10) {
        *to++ = (char)('0' + rest / place % 10);
    }
    while (to[-1] == '0') {
        to--;
    }
    return to;
}

static bool is_scale(uint64_t per_unit)
{
    uint64_t power = 1;

    while (power < per_unit && power < PER_UNIT_MAX) {
        power *= 10;
    }
    return power == per_unit;
}

/* --- Labels ---------------------------------------------------------------------------------- */

static bool is_label_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

    return n > 0 && name[n] == '\0' && (*name < '0' || *name > '9') && strcmp(name, "le") != 0;
}

int prom_labels_make(struct arena *a, const struct prom_label *labels, size_t n,
                     struct prom_labels *out)
{
    size_t len = n > 0 ? n - 1 : 0; /* commas */
    char *text;
    char *to;

    for (size_t i = 0; i < n; i++) {
        ASSERT(is_label_name(labels[i].name));
        len += strlen(labels[i].name) + escape(labels[i].value, true, NULL) + strlen("=\"\"");
    }
    text = arena_alloc(a, len);
    if (text == NULL) {
        return -ENOMEM;
    }
    to = text;
    for (size_t i = 0; i < n; i++) {
        to = put(to, i > 0 ? TEXT(",") : TEXT(""));
        to = put(to, (struct text){labels[i].name, strlen(labels[i].name)});
        to = put(to, TEXT("=\""));
        to += escape(labels[i].value, true, to);
        to = put(to, TEXT("\""));
    }
    *out = (struct prom_labels){text, len};
    return 0;
}

/* --- Lines ----------------------------------------------------------------------------------- */

/* What stands between a line's name and its value. */
struct line {
    struct text suffix; /* of the name */
    const struct prom_labels *labels, *more;
    char le[LE_MAX]; /* the last label's value */
    size_t le_len;   /* 0: there is none */
};

/* Room for `n` bytes at the end of the page; NULL once something failed. */
static char *reserve(struct prom *p, size_t n)
{
    if (p->rc == 0) {
        p->rc = buf_reserve(p->out, n);
    }
    return p->rc == 0 ? (char *)p->out->data + p->out->len : NULL;
}

static void commit(struct prom *p, const char *end)
{
    p->out->len = (size_t)(end - (const char *)p->out->data);
}

static size_t len_of(const struct prom_labels *labels)
{
    return labels != NULL ? labels->len : 0;
}

/* Labels behind others, which began at `first`. */
static char *put_labels(char *to, const char *first, const struct prom_labels *labels)
{
    if (len_of(labels) == 0) {
        return to;
    }
    to = put(to, to > first ? TEXT(",") : TEXT(""));
    return put(to, (struct text){labels->text, labels->len});
}

/* A line up to the blank before its value, with room for that; NULL once something failed. */
static char *begin_line(struct prom *p, const struct line *l)
{
    char *to = reserve(p, p->name_len + len_of(l->labels) + len_of(l->more) + LINE_SLACK);
    char *first;

    if (to == NULL) {
        return NULL;
    }
    to = put(to, (struct text){p->family->name, p->name_len});
    to = put(to, l->suffix);
    if (len_of(l->labels) + len_of(l->more) + l->le_len > 0) {
        *to++ = '{';
        first = to;
        to = put_labels(to, first, l->labels);
        to = put_labels(to, first, l->more);
        if (l->le_len > 0) {
            to = put(to, to > first ? TEXT(",le=\"") : TEXT("le=\""));
            to = put(to, (struct text){l->le, l->le_len});
            *to++ = '"';
        }
        *to++ = '}';
    }
    *to++ = ' ';
    return to;
}

static void end_line(struct prom *p, char *to)
{
    *to++ = '\n';
    commit(p, to);
}

/* --- Families -------------------------------------------------------------------------------- */

static bool ends_with(const char *name, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);

    return len > n && memcmp(name + len - n, suffix, n) == 0;
}

/* The length of a family's name without what its type adds. */
static size_t stem_len(const struct prom_family *f)
{
    const char *suffix = f->type == PROM_COUNTER ? "_total" : f->type == PROM_INFO ? "_info" : "";
    size_t len = strlen(f->name);

    ASSERT(ends_with(f->name, len, suffix));
    len -= strlen(suffix);
    if (f->unit != NULL) {
        ASSERT(ends_with(f->name, len, f->unit) && f->name[len - strlen(f->unit) - 1] == '_');
    }
    return len;
}

static const char *type_word(enum prom_type type, enum prom_format format)
{
    static const char *const words[] = {
        [PROM_COUNTER] = "counter",
        [PROM_GAUGE] = "gauge",
        [PROM_HISTOGRAM] = "histogram",
        [PROM_INFO] = "info",
    };

    return words[type == PROM_INFO && format == PROM_TEXT ? PROM_GAUGE : type];
}

/* "# KEYWORD name value\n"; the value escaped as help is. */
static void describe(struct prom *p, struct text keyword, size_t name_len, const char *value)
{
    bool quotes = p->format == PROM_OPENMETRICS;
    char *to = reserve(p, name_len + escape(value, quotes, NULL) + LINE_SLACK);

    if (to == NULL) {
        return;
    }
    to = put(to, keyword);
    to = put(to, (struct text){p->family->name, name_len});
    *to++ = ' ';
    to += escape(value, quotes, to);
    end_line(p, to);
}

void prom_begin(struct prom *p, struct buf *out, enum prom_format format)
{
    *p = (struct prom){.out = out, .format = format};
}

void prom_family(struct prom *p, const struct prom_family *f)
{
    size_t stem = stem_len(f);
    size_t shown;

    p->family = f;
    p->name_len = strlen(f->name);
    shown = p->format == PROM_OPENMETRICS ? stem : p->name_len;
    describe(p, TEXT("# HELP "), shown, f->help);
    describe(p, TEXT("# TYPE "), shown, type_word(f->type, p->format));
    if (p->format == PROM_OPENMETRICS && f->unit != NULL) {
        describe(p, TEXT("# UNIT "), shown, f->unit);
    }
}

void prom_fail(struct prom *p, int rc)
{
    if (p->rc == 0) {
        p->rc = rc;
    }
}

int prom_end(struct prom *p)
{
    char *to = reserve(p, LINE_SLACK);

    if (to != NULL && p->format == PROM_OPENMETRICS) {
        end_line(p, put(to, TEXT("# EOF")));
    }
    return p->rc;
}

/* --- Samples --------------------------------------------------------------------------------- */

static void write_uint(struct prom *p, const struct line *l, uint64_t value)
{
    char *to = begin_line(p, l);

    if (to != NULL) {
        end_line(p, put_uint(to, value));
    }
}

void prom_counter(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                  uint64_t value)
{
    const struct line l = {.labels = labels, .more = more};

    ASSERT(p->family != NULL && p->family->type == PROM_COUNTER);
    write_uint(p, &l, value);
}

void prom_info(struct prom *p, const struct prom_labels *labels)
{
    const struct line l = {.labels = labels};

    ASSERT(p->family != NULL && p->family->type == PROM_INFO);
    write_uint(p, &l, 1);
}

void prom_gauge(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                int64_t value)
{
    ASSERT(p->family != NULL && p->family->type == PROM_GAUGE);
    prom_scaled(p, labels, more, value, 1);
}

void prom_scaled(struct prom *p, const struct prom_labels *labels, const struct prom_labels *more,
                 int64_t value, uint64_t per_unit)
{
    const struct line l = {.labels = labels, .more = more};
    char *to = begin_line(p, &l);
    uint64_t magnitude;

    ASSERT(p->family != NULL && p->family->type <= PROM_GAUGE && is_scale(per_unit));
    if (to != NULL) {
        to = put_sign(to, value, &magnitude);
        end_line(p, put_scaled(to, magnitude, per_unit, false));
    }
}

/* "1.0", not "1": OpenMetrics wants it so, and one spelling keeps a series one in both formats. */
static void set_le(struct line *l, const struct prom_buckets *b, size_t i)
{
    char *end = i < b->n_bounds ? put_scaled(l->le, b->bounds[i], b->per_unit, true)
                                : put(l->le, TEXT("+Inf"));

    l->le_len = (size_t)(end - l->le);
}

void prom_histogram(struct prom *p, const struct prom_labels *labels,
                    const struct prom_labels *more, const struct prom_buckets *b)
{
    struct line l = {.suffix = TEXT("_bucket"), .labels = labels, .more = more};
    uint64_t count = 0;
    char *to;

    ASSERT(p->family != NULL && p->family->type == PROM_HISTOGRAM && is_scale(b->per_unit));
    for (size_t i = 0; i <= b->n_bounds; i++) {
        count += b->counts[i];
        set_le(&l, b, i);
        write_uint(p, &l, count);
    }
    l.le_len = 0;
    l.suffix = TEXT("_sum");
    to = begin_line(p, &l);
    if (to != NULL) {
        end_line(p, put_scaled(to, b->sum, b->per_unit, false));
    }
    l.suffix = TEXT("_count");
    write_uint(p, &l, count);
}
