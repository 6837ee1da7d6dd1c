/**
 * hello_rows - the first flights of tests/data/hellos.tsv and what is expected of each.
 *
 * What the columns mean stands at the head of that file.  A row that cannot be read, or says too
 * little, stops the test program with the file's name and the line.
 */
#ifndef SUPPORT_HELLO_ROWS_H
#define SUPPORT_HELLO_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "support/hello_expr.h"
#include "tls/alert.h"

#define HELLO_ROWS_FILE "tests/data/hellos.tsv"

/** Hosts below this are routed by a wildcard that covers one label, "*.wild.test". */
#define HELLO_ROWS_WILD "wild.test"

enum hello_outcome_word {
    HELLO_ROW_OK,
    HELLO_ROW_NO_ROUTE,
    HELLO_ROW_NO_NAME,
    HELLO_ROW_MALFORMED,
    HELLO_ROW_TOO_LARGE,
    HELLO_ROW_NOT_TLS,
    HELLO_ROW_EOF,
};

/** The alert, or one of these. */
enum hello_answer {
    HELLO_ANSWER_NONE = ALERT_NONE, /* the backend's, or closed without a word */
    HELLO_ANSWER_HTTP_400 = -400,
};

/** Another program that reads a row otherwise; `says` is "" when it agrees. */
struct hello_oracle {
    const char *says, *why;
};

struct hello_row {
    unsigned line;
    const char *id, *source, *input;
    enum hello_outcome_word outcome;
    int answer;
    const char *name;  /* "" where there is none */
    const char *facts; /* NULL: not stated */
    struct hello_oracle tshark, openssl;
    const char *rule; /* "" where none refuses */
    struct hello_flight flight;
};

struct hello_rows {
    struct hello_row *rows;
    size_t n;
    char *text; /* what the rows point into */
};

/** Read all rows and build their flights; hello_rows_free() gives them back. */
void hello_rows_read(struct hello_rows *out);
void hello_rows_free(struct hello_rows *r);

/** The word as the file and the access log have it ("no_route"). */
const char *hello_rows_outcome_word(enum hello_outcome_word w);

/** Whether the hello is complete and well-formed, whatever becomes of it. */
bool hello_row_is_complete(const struct hello_row *r);

/** Whether it is answered in the backend's place, or closed unanswered: all but routed and
 * unfinished. */
bool hello_row_is_refused(const struct hello_row *r);

/** Whether a recorded file (its name in HELLO_EXPR_FILES) is the input of some row. */
bool hello_rows_have_file(const struct hello_rows *r, const char *file);

#endif
