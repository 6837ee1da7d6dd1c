#include "app/optionvalue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* What a kind of number is called, which units it takes (largest first, NULL at the end; a kind
 * without units takes a bare number), and an example of each unit in use. */
struct quantity {
    const char *noun;
    const char *unit_names;
    const char *example_unit;
    const struct unit *units;
};

static const struct unit DURATION_UNITS[] = {{"h", 3600u * UINT64_C(1000)},
                                             {"m", 60u * UINT64_C(1000)},
                                             {"s", 1000u},
                                             {"ms", 1u},
                                             {NULL, 0}};
static const struct unit SIZE_UNITS[] = {
    {"MiB", 1024u * UINT64_C(1024)}, {"KiB", 1024u}, {NULL, 0}};
static const struct unit COUNT_UNITS[] = {{"", 1u}, {NULL, 0}};

static const struct quantity DURATION = {"duration", "ms, s, m or h", "s", DURATION_UNITS};
static const struct quantity SIZE = {"size", "KiB or MiB", "KiB", SIZE_UNITS};
static const struct quantity COUNT = {"count", "", "", COUNT_UNITS};

/* The digits at the front of `text`; *rest_out is what follows.  Too many saturate, which no range
 * includes.  Returns false when there is no digit. */
static bool take_digits(const char *text, uint64_t *value_out, const char **rest_out)
{
    uint64_t value = 0;
    const char *p = text;

    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value)) {
            value = UINT64_MAX;
        }
    }
    *value_out = value;
    *rest_out = p;
    return p != text;
}

static const struct unit *find_unit(const struct quantity *q, const char *name)
{
    for (const struct unit *u = q->units; u->name != NULL; u++) {
        if (strcmp(u->name, name) == 0) {
            return u;
        }
    }
    return NULL;
}

static int refuse_form(const struct quantity *q, const char *text, struct err *e)
{
    uint64_t value;
    const char *rest;

    if (q == &COUNT) {
        err_set(e, "not a count; write a whole number without a unit");
    } else if (take_digits(text, &value, &rest) && *rest == '\0') {
        err_set(e, "a %s needs a unit: %s, e.g. %.20s%s", q->noun, q->unit_names, text,
                q->example_unit);
    } else {
        err_set(e, "not a %s; write a whole number and a unit: %s, e.g. 30%s", q->noun,
                q->unit_names, q->example_unit);
    }
    return -EINVAL;
}

/* The shortest exact way to write `value`; what no unit divides is rounded up to the smallest. */
static const char *format(const struct quantity *q, uint64_t value, char text[OPTIONVALUE_TEXT_MAX])
{
    const struct unit *u = q->units;

    while (u[1].name != NULL && (value == 0 || value % u->factor != 0)) {
        u++;
    }
    snprintf(text, OPTIONVALUE_TEXT_MAX, "%" PRIu64 "%s",
             value / u->factor + (value % u->factor != 0), u->name);
    return text;
}

static int parse(const struct quantity *q, const char *text, const struct optionvalue_range *range,
                 uint64_t *out, struct err *e)
{
    uint64_t value;
    const char *rest;
    const struct unit *u;
    char min[OPTIONVALUE_TEXT_MAX], max[OPTIONVALUE_TEXT_MAX];

    if (!take_digits(text, &value, &rest) || (u = find_unit(q, rest)) == NULL) {
        return refuse_form(q, text, e);
    }
    if (__builtin_mul_overflow(value, u->factor, &value) || value < range->min ||
        value > range->max) {
        err_set(e, "out of range; it may be %s to %s", format(q, range->min, min),
                format(q, range->max, max));
        return -EINVAL;
    }
    *out = value;
    return 0;
}

int optionvalue_count(const char *text, const struct optionvalue_range *range, uint64_t *out,
                      struct err *e)
{
    return parse(&COUNT, text, range, out, e);
}

int optionvalue_duration(const char *text, const struct optionvalue_range *range, uint64_t *ms_out,
                         struct err *e)
{
    return parse(&DURATION, text, range, ms_out, e);
}

int optionvalue_size(const char *text, const struct optionvalue_range *range, uint64_t *bytes_out,
                     struct err *e)
{
    return parse(&SIZE, text, range, bytes_out, e);
}

int optionvalue_word(const char *text, const char *const *words, uint64_t *index_out, struct err *e)
{
    char list[128] = "";
    size_t len = 0;

    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *index_out = i;
            return 0;
        }
        if (len < sizeof(list)) {
            const char *glue = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";

            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", glue, words[i]);
        }
    }
    err_set(e, "not a word it knows; it may be %s", list);
    return -EINVAL;
}

int optionvalue_switch(const char *text, bool *out, struct err *e)
{
    static const char *const WORDS[] = {"off", "on", "false", "true", NULL};
    uint64_t index;

    if (optionvalue_word(text, WORDS, &index, NULL) != 0) {
        err_set(e, "it may be on or off");
        return -EINVAL;
    }
    *out = index % 2 == 1;
    return 0;
}
