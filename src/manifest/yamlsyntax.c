#include "yamlsyntax_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "docbuild_priv.h"

struct line {
    const char *text;
    size_t len;
};

/* How to mend what libyaml complains about most. */
static const char *find_mend(const char *problem)
{
    static const struct {
        const char *problem, *mend;
    } mends[] = {
        {"cannot start any token", "quote the value"},
        {"mapping values are not allowed", "check the indentation, or quote a value with a colon"},
        {"did not find expected key", "check the indentation of this line"},
        {"did not find expected '-'", "check the indentation of this list"},
        {"could not find expected ':'", "write key: value, with a blank behind the colon"},
        {"unexpected end of stream", "close the quote or bracket"},
        {"unexpected document indicator", "close the quote"},
        {"did not find expected ','", "close the bracket, or quote the value"},
        {"unknown escape", "write \\\\ for a backslash, or use single quotes"},
        {"control characters are not allowed", "remove the control character"},
    };

    for (size_t i = 0; i < ARRAY_LEN(mends); i++) {
        if (strstr(problem, mends[i].problem) != NULL) {
            return mends[i].mend;
        }
    }
    return "this is not YAML";
}

static size_t count_indent(const struct line *l)
{
    size_t n = 0;

    while (n < l->len && (l->text[n] == ' ' || l->text[n] == '\t')) {
        n++;
    }
    return n;
}

static const char *mend_for(const char *problem, const struct line *l)
{
    if (memmem(l->text, l->len, "{{", 2) != NULL) {
        return "this looks like a template: render it first (helm template)";
    }
    if (memchr(l->text, '\t', count_indent(l)) != NULL ||
        strstr(problem, "tab character") != NULL) {
        return "a tab is used as indentation: use spaces";
    }
    return find_mend(problem);
}

static struct line find_line(const struct yamlsyntax_text *t, size_t number)
{
    const char *start = t->start, *stop;

    for (; number > 1 && start < t->end; number--) {
        const char *newline = memchr(start, '\n', (size_t)(t->end - start));

        start = newline != NULL ? newline + 1 : t->end;
    }
    stop = memchr(start, '\n', (size_t)(t->end - start));
    return (struct line){start, (size_t)((stop != NULL ? stop : t->end) - start)};
}

static unsigned line_at(const struct yamlsyntax_text *t, size_t offset)
{
    unsigned line = 1;

    for (const char *p = t->start; p < t->end && (size_t)(p - t->start) < offset; p++) {
        line += *p == '\n';
    }
    return line;
}

static bool is_empty(const struct line *l)
{
    size_t indent = count_indent(l);

    return indent == l->len || l->text[indent] == '#' || l->text[indent] == '\r';
}

/* Whether nothing but the rest of a plain text, begun above, can stand before a column. */
static bool is_continued(const struct line *l, size_t column)
{
    for (size_t i = 0; i < column && i < l->len; i++) {
        if (strchr(",[]{}\"'", l->text[i]) != NULL) {
            return false;
        }
    }
    return true;
}

/*
 * A comma or bracket that is missing is noticed at what stands in its place, or at the colon behind
 * that.  Where it begins a line, the cause is at the end of the last line before that has any text.
 */
static size_t line_before(const struct yamlsyntax_text *t, size_t first, const yaml_mark_t *at)
{
    size_t number = at->line + 1;
    struct line l = find_line(t, number);

    if (!is_continued(&l, at->column)) {
        return number;
    }
    while (number > first) {
        number--;
        l = find_line(t, number);
        if (!is_empty(&l)) {
            break;
        }
    }
    return number;
}

/* The line to point to: libyaml's problem is where it noticed, its context where that began. */
static size_t nearest_line(const struct yamlsyntax_text *t, const yaml_parser_t *parser)
{
    const char *context = parser->context != NULL ? parser->context : "";

    if (parser->error == YAML_READER_ERROR) {
        return line_at(t, parser->problem_offset); /* its mark is not set */
    }
    if (strstr(context, "scanning a simple key") != NULL ||
        strstr(context, "scanning a quoted scalar") != NULL) {
        return parser->context_mark.line + 1;
    }
    if (strstr(context, "parsing a flow") != NULL) {
        return line_before(t, parser->context_mark.line + 1, &parser->problem_mark);
    }
    return parser->problem_mark.line + 1;
}

/* "*.example.com" as a plain value: to YAML an alias with a name it cannot have. */
static int fail_alias(struct docbuild *b, const struct yamlsyntax_text *t,
                      const yaml_parser_t *parser)
{
    unsigned number = (unsigned)parser->context_mark.line + 1;
    struct line l = find_line(t, number);
    const char *star = memchr(l.text, '*', l.len);
    size_t column = parser->context_mark.column, len = 0;
    char word[64], quoted[JSON_TEXT_MAX];

    if (column < l.len && l.text[column] == '*') {
        star = l.text + column; /* columns count characters: right where all before it is ASCII */
    }
    while (star != NULL && star + len < l.text + l.len && len < sizeof(word) - 1 &&
           strchr(" \t\r,]}", star[len]) == NULL) {
        len++;
    }
    memcpy(word, star != NULL ? star : "*", len > 0 ? len : 1);
    word[len > 0 ? len : 1] = '\0';
    return docbuild_fail(b, number, "a plain value cannot begin with *: quote it, %s",
                         json_quote(word, quoted));
}

int yamlsyntax_fail(struct docbuild *b, const struct yamlsyntax_text *text,
                    const yaml_parser_t *parser)
{
    const char *problem = parser->problem != NULL ? parser->problem : "not understood";
    struct line l;
    size_t number;

    /* Short of memory for a tag libyaml fails without saying why, and it does so nowhere else. */
    if (parser->error == YAML_MEMORY_ERROR || parser->error == YAML_NO_ERROR) {
        return -ENOMEM;
    }
    if (parser->context != NULL && strcmp(parser->context, "while scanning an alias") == 0) {
        return fail_alias(b, text, parser);
    }
    number = nearest_line(text, parser);
    l = find_line(text, number);
    return docbuild_fail(b, (unsigned)number, "%s: %s", problem, mend_for(problem, &l));
}
