#include "support/hello_expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "support/hello_expr_priv.h"
#include "support/hello_text.h"

#define WORD_MAX ((size_t)512)

bool hello_expr_list(const char *text, int base, size_t *out, size_t *n)
{
    char copy[WORD_MAX];
    char *rest = copy, *item;

    *n = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    while ((item = strsep(&rest, ",")) != NULL) {
        if (*n == HELLO_EXPR_LIST_MAX || !hello_text_number(item, base, &out[*n])) {
            return false;
        }
        ++*n;
    }
    return true;
}

const char *hello_expr_typed(const char *value, size_t *type_out)
{
    char type[8];
    const char *colon = strchr(value, ':');

    if (colon == NULL || (size_t)(colon - value) >= sizeof(type)) {
        return NULL;
    }
    memcpy(type, value, (size_t)(colon - value));
    type[colon - value] = '\0';
    return hello_text_number(type, 16, type_out) ? colon + 1 : NULL;
}

static void forget_hello(struct evaluation *e)
{
    hello_free(&e->hello);
    hello_bytes_free(&e->ciphers);
    hello_bytes_free(&e->compression);
    hello_bytes_free(&e->tail);
    *e = (struct evaluation){.out = e->out};
}

/* The hello that was open, if one was, goes on the wire. */
static bool close_hello(struct evaluation *e)
{
    bool good = true;

    if (e->in_hello) {
        good = hello_expr_end(e);
    }
    forget_hello(e);
    return good;
}

static bool on_hello(struct evaluation *e, const char *value)
{
    hello_expr_start(e);
    return value == NULL;
}

static bool on_hex(struct evaluation *e, const char *value)
{
    return hello_text_add_hex(&e->out->raw, value);
}

static bool on_text(struct evaluation *e, const char *value)
{
    return hello_text_add(&e->out->raw, value);
}

static bool on_record(struct evaluation *e, const char *value)
{
    struct hello_bytes payload = {0};
    size_t type = 0, version = 0;
    const char *rest = hello_expr_typed(value, &type);
    const char *hex = rest != NULL ? hello_expr_typed(rest, &version) : NULL;
    bool good = hex != NULL && hello_text_add_hex(&payload, hex) && payload.len <= UINT16_MAX;

    if (good) {
        hello_add_record(&e->out->raw, (unsigned)type, (unsigned)version, payload.data,
                         payload.len);
    }
    hello_bytes_free(&payload);
    return good;
}

static bool on_file(struct evaluation *e, const char *value)
{
    char path[WORD_MAX];

    snprintf(path, sizeof(path), HELLO_EXPR_FILES "/%s", value);
    return hello_text_add_file(&e->out->raw, path);
}

static bool on_cut(struct evaluation *e, const char *value)
{
    struct hello_bytes *raw = &e->out->raw;
    bool from_end = *value == '-';
    size_t n;

    if (!hello_text_number(value + from_end, 10, &n) || n > raw->len) {
        return false;
    }
    raw->len = from_end ? raw->len - n : n;
    return true;
}

static bool on_segment(struct evaluation *e, const char *value)
{
    return hello_text_number(value, 10, &e->out->segment);
}

static bool on_segments(struct evaluation *e, const char *value)
{
    return hello_expr_list(value, 10, e->out->cuts, &e->out->n_cuts);
}

static const struct word flight_words[] = {
    {"hello", on_hello, WORD_OF_FLIGHT, true},
    {"hex", on_hex, WORD_OF_FLIGHT, false},
    {"text", on_text, WORD_OF_FLIGHT, false},
    {"record", on_record, WORD_OF_FLIGHT, false},
    {"file", on_file, WORD_OF_FLIGHT, false},
    {"cut", on_cut, WORD_OF_FLIGHT, false},
    {"segment", on_segment, WORD_OF_FLIGHT, false},
    {"segments", on_segments, WORD_OF_FLIGHT, false},
    {NULL, NULL, WORD_OF_FLIGHT, true},
};

static const struct word *find_word(const struct word *words, const char *name, size_t len)
{
    for (; words->name != NULL; words++) {
        if (strlen(words->name) == len && strncmp(words->name, name, len) == 0) {
            return words;
        }
    }
    return NULL;
}

static bool run_word(struct evaluation *e, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    const struct word *w = find_word(flight_words, text, len);

    if (w == NULL) {
        w = find_word(hello_expr_hello_words, text, len);
    }
    if (w == NULL || w->alone != (equals == NULL)) {
        return false;
    }
    if (w->place == WORD_OF_FLIGHT) {
        if (!close_hello(e)) {
            return false;
        }
    } else if (!e->in_hello || (w->place == WORD_OF_HEAD && e->begun)) {
        return false;
    } else if (w->place == WORD_OF_EXTENSION) {
        hello_expr_begin(e);
    }
    return w->run(e, equals != NULL ? equals + 1 : NULL);
}

static bool fail_at(const char *word, struct hello_expr_error *error)
{
    snprintf(error->text, sizeof(error->text), "this says nothing: %.100s", word);
    return false;
}

bool hello_expr_build(const char *expr, struct hello_flight *out, struct hello_expr_error *error)
{
    struct evaluation e = {.out = out};
    char *copy = strdup(expr);
    char *rest = copy, *word;
    bool good = true;

    ASSERT(copy);
    *out = (struct hello_flight){0};
    while (good && (word = strsep(&rest, " ")) != NULL) {
        good = run_word(&e, word) || fail_at(word, error);
    }
    good = good && (close_hello(&e) || fail_at("the lies or records of the last hello", error));
    forget_hello(&e);
    free(copy);
    if (!good) {
        hello_flight_free(out);
    }
    return good;
}

void hello_flight_free(struct hello_flight *f)
{
    hello_bytes_free(&f->raw);
    *f = (struct hello_flight){0};
}

size_t hello_flight_segment_end(const struct hello_flight *f, size_t at)
{
    size_t end = f->raw.len;

    if (f->segment > 0 && end - at > f->segment) {
        end = at + f->segment;
    }
    for (size_t i = 0; i < f->n_cuts; i++) {
        if (f->cuts[i] > at && f->cuts[i] < end) {
            end = f->cuts[i];
        }
    }
    return end;
}
