/**
 * hello_expr - first flights written as text: the expressions of tests/data/hellos.tsv.
 *
 * The grammar stands at the head of that file.
 */
#ifndef SUPPORT_HELLO_EXPR_H
#define SUPPORT_HELLO_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "support/hello_builder.h"

/** Where `file=` looks, seen from the top of the tree, where tests run. */
#define HELLO_EXPR_FILES "tests/data/hellos"

#define HELLO_FLIGHT_CUTS_MAX 16

/** What a client sends, and how it is cut on the wire. */
struct hello_flight {
    struct hello_bytes raw;
    size_t segment;                     /* bytes of each segment; 0: as `cuts` says */
    size_t cuts[HELLO_FLIGHT_CUTS_MAX]; /* ascending offsets into raw */
    size_t n_cuts;
};

struct hello_expr_error {
    char text[160];
};

/** Make what `expr` says.  False, with the word that is wrong in `error`, when it says nothing
 * sensible.  Pair with hello_flight_free(). */
MUST_CHECK bool hello_expr_build(const char *expr, struct hello_flight *out,
                                 struct hello_expr_error *error);

void hello_flight_free(struct hello_flight *f);

/** Where the segment that starts at `at` ends. */
size_t hello_flight_segment_end(const struct hello_flight *f, size_t at);

#endif
