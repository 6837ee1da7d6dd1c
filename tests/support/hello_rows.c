#include "support/hello_rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static const char *const outcome_words[] = {
    [HELLO_ROW_OK] = "ok",
    [HELLO_ROW_NO_ROUTE] = "no_route",
    [HELLO_ROW_NO_NAME] = "no_name",
    [HELLO_ROW_MALFORMED] = "malformed",
    [HELLO_ROW_TOO_LARGE] = "too_large",
    [HELLO_ROW_NOT_TLS] = "not_tls",
    [HELLO_ROW_EOF] = "eof",
};

enum column {
    COLUMN_ID,
    COLUMN_SOURCE,
    COLUMN_INPUT,
    COLUMN_OUTCOME,
    COLUMN_ANSWER,
    COLUMN_NAME,
    COLUMN_FACTS,
    COLUMN_ORACLE,
    COLUMN_RULE,
    COLUMNS,
};

NORETURN static void PRINTF_LIKE(2, 3) die(unsigned line, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s:%u: ", HELLO_ROWS_FILE, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

const char *hello_rows_outcome_word(enum hello_outcome_word w)
{
    return outcome_words[w];
}

static enum hello_outcome_word read_outcome(unsigned line, const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(outcome_words); i++) {
        if (strcmp(text, outcome_words[i]) == 0) {
            return (enum hello_outcome_word)i;
        }
    }
    die(line, "%s is no outcome", text);
}

static int read_answer(unsigned line, const char *text)
{
    if (strcmp(text, "-") == 0) {
        return HELLO_ANSWER_NONE;
    }
    if (strcmp(text, "http400") == 0) {
        return HELLO_ANSWER_HTTP_400;
    }
    for (int code = 0; code <= UINT8_MAX; code++) {
        if (strcmp(text, alert_name((enum alert_code)code)) == 0) {
            return code;
        }
    }
    die(line, "%s is no answer", text);
}

static const char *or_nothing(const char *text)
{
    return strcmp(text, "-") == 0 ? "" : text;
}

/* "tshark=WORD why", one of those separated by " | ". */
static void read_oracle(struct hello_row *r, char *text)
{
    char *equals = strchr(text, '=');
    char *space = equals != NULL ? strchr(equals, ' ') : NULL;
    struct hello_oracle *o;

    if (space == NULL) {
        die(r->line, "an oracle's line is WHO=WORD and the reason: %s", text);
    }
    *equals = '\0';
    *space = '\0';
    if (strcmp(text, "tshark") != 0 && strcmp(text, "openssl") != 0) {
        die(r->line, "no oracle is called %s", text);
    }
    o = text[0] == 't' ? &r->tshark : &r->openssl;
    o->says = equals + 1;
    o->why = space + 1;
}

static void read_oracles(struct hello_row *r, char *text)
{
    char *bar;

    r->tshark.says = r->openssl.says = "";
    if (strcmp(text, "-") == 0) {
        return;
    }
    while ((bar = strstr(text, " | ")) != NULL) {
        *bar = '\0';
        read_oracle(r, text);
        text = bar + 3;
    }
    read_oracle(r, text);
}

bool hello_row_is_complete(const struct hello_row *r)
{
    return r->outcome == HELLO_ROW_OK || r->outcome == HELLO_ROW_NO_ROUTE ||
           r->outcome == HELLO_ROW_NO_NAME;
}

bool hello_row_is_refused(const struct hello_row *r)
{
    return r->outcome != HELLO_ROW_OK && r->outcome != HELLO_ROW_EOF;
}

/* What a row must say beyond what reading it has shown. */
static void check_row(const struct hello_rows *all, const struct hello_row *r)
{
    bool named = r->outcome == HELLO_ROW_OK || r->outcome == HELLO_ROW_NO_ROUTE;
    bool refused = hello_row_is_refused(r);

    if (named != (r->name[0] != '\0')) {
        die(r->line, "%s: a name belongs to ok and no_route", r->id);
    }
    if (refused != (r->answer != HELLO_ANSWER_NONE) && r->outcome != HELLO_ROW_NOT_TLS) {
        die(r->line, "%s: an answer belongs to what is not routed", r->id);
    }
    if (refused && strncmp(r->rule, "RFC ", 4) != 0) {
        die(r->line, "%s: which sentence of which RFC refuses it?", r->id);
    }
    if (!refused && r->rule[0] != '\0') {
        die(r->line, "%s: a sentence belongs to what is refused", r->id);
    }
    if (!hello_row_is_complete(r) && r->facts != NULL) {
        die(r->line, "%s: only a complete hello states facts", r->id);
    }
    for (const struct hello_row *other = all->rows; other < r; other++) {
        if (strcmp(other->id, r->id) == 0) {
            die(r->line, "%s: so is the row of line %u called", r->id, other->line);
        }
    }
}

static void read_row(struct hello_row *r, char *text)
{
    char *columns[COLUMNS];
    struct hello_expr_error error;
    size_t n = 0;

    for (char *column; n < COLUMNS && (column = strsep(&text, "\t")) != NULL; n++) {
        columns[n] = column;
        if (column[0] == '\0') {
            die(r->line, "column %zu is empty", n + 1);
        }
    }
    if (n != COLUMNS || text != NULL) {
        die(r->line, "a row has %d columns", COLUMNS);
    }
    r->id = columns[COLUMN_ID];
    r->source = columns[COLUMN_SOURCE];
    r->input = columns[COLUMN_INPUT];
    r->outcome = read_outcome(r->line, columns[COLUMN_OUTCOME]);
    r->answer = read_answer(r->line, columns[COLUMN_ANSWER]);
    r->name = or_nothing(columns[COLUMN_NAME]);
    r->facts = strcmp(columns[COLUMN_FACTS], "-") != 0 ? columns[COLUMN_FACTS] : NULL;
    read_oracles(r, columns[COLUMN_ORACLE]);
    r->rule = or_nothing(columns[COLUMN_RULE]);
    if (!hello_expr_build(r->input, &r->flight, &error)) {
        die(r->line, "%s: %s", r->id, error.text);
    }
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;

    if (f == NULL || getdelim(&text, &cap, '\0', f) < 0) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return text;
}

void hello_rows_read(struct hello_rows *out)
{
    char *rest, *line;
    size_t cap = 0;

    *out = (struct hello_rows){.text = read_file(HELLO_ROWS_FILE)};
    rest = out->text;
    for (unsigned number = 1; (line = strsep(&rest, "\n")) != NULL; number++) {
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (out->n == cap) {
            cap = 2 * cap + 64;
            out->rows = realloc(out->rows, cap * sizeof(*out->rows));
            ASSERT(out->rows);
        }
        out->rows[out->n] = (struct hello_row){.line = number};
        read_row(&out->rows[out->n], line);
        check_row(out, &out->rows[out->n]);
        out->n++;
    }
}

void hello_rows_free(struct hello_rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        hello_flight_free(&r->rows[i].flight);
    }
    free(r->rows);
    free(r->text);
    *r = (struct hello_rows){0};
}

bool hello_rows_have_file(const struct hello_rows *r, const char *file)
{
    char word[300];

    snprintf(word, sizeof(word), "file=%s", file);
    for (size_t i = 0; i < r->n; i++) {
        const char *found = strstr(r->rows[i].input, word);

        if (found != NULL && strchr(" ", found[strlen(word)]) != NULL) {
            return true;
        }
    }
    return false;
}
