/**
 * hello_expr_priv - what the files that evaluate expressions share.
 */
#ifndef SUPPORT_HELLO_EXPR_PRIV_H
#define SUPPORT_HELLO_EXPR_PRIV_H

#include "support/hello_expr.h"

#define HELLO_EXPR_LIST_MAX ((size_t)16)

/* Where the evaluation of an expression stands.  A hello stays open until a word comes that does
 * not belong to it, because its lengths, lies and records depend on all of its words. */
struct evaluation {
    struct hello_flight *out;
    bool in_hello; /* the words may belong to a hello */
    bool begun;    /* what stands before its extensions is written */
    struct hello hello;
    struct hello_head head;
    struct hello_bytes ciphers, compression, tail;
    size_t type, record_version, record_bytes;
    size_t splits[HELLO_EXPR_LIST_MAX], n_splits;
    const char *lies[4];
    size_t n_lies;
};

/* What a word does with the text behind its '='. */
typedef bool (*word_fn)(struct evaluation *e, const char *value);

enum word_place {
    WORD_OF_FLIGHT,    /* ends a hello */
    WORD_OF_HEAD,      /* belongs to a hello, before its extensions */
    WORD_OF_EXTENSION, /* is one */
    WORD_OF_HELLO,     /* belongs to a hello, anywhere */
};

struct word {
    const char *name;
    word_fn run;
    enum word_place place;
    bool alone; /* has no value */
};

/** The words that belong to a hello; the last one has no name. */
extern const struct word hello_expr_hello_words[];

/** Begin a hello with the usual values. */
void hello_expr_start(struct evaluation *e);

/** Write what stands before the extensions, unless it is. */
void hello_expr_begin(struct evaluation *e);

/** End the hello: tell its lies and put its records on the wire. */
MUST_CHECK bool hello_expr_end(struct evaluation *e);

/** Numbers separated by commas; false when they are too many or one is none. */
MUST_CHECK bool hello_expr_list(const char *text, int base, size_t *out, size_t *n);

/** "TTTT:rest": the hexadecimal number; returns what stands behind the colon, NULL without them. */
const char *hello_expr_typed(const char *value, size_t *type_out);

#endif
