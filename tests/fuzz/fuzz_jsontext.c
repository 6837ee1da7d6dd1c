/*
 * Whatever the bytes: read as JSON just when they are some by RFC 8259 (one value or several, as
 * manifests have them), as the tree that cJSON reads, with every line within the text.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "../../src/manifest/docbuild_priv.h"
#include "../../src/manifest/jsontext_priv.h"
#include "base/attr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the grammar, once more ------------------------------------------------------------------ */

struct grammar {
    const char *p, *end;
    size_t documents;
    bool is_too_deep;
    bool is_odd; /* something in it that cJSON reads in another way, or not at all */
};

static char peek(const struct grammar *g)
{
    return g->p < g->end ? *g->p : '\0';
}

static bool take(struct grammar *g, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(g->end - g->p) < len || memcmp(g->p, word, len) != 0) {
        return false;
    }
    g->p += len;
    return true;
}

static void space(struct grammar *g)
{
    while (take(g, " ") || take(g, "\t") || take(g, "\r") || take(g, "\n")) {
        /* any number of them */
    }
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool escape(struct grammar *g)
{
    if (is_one_of(peek(g), "\"\\/bfnrt")) {
        g->p++;
        return true;
    }
    if (!take(g, "u")) {
        return false;
    }
    /* cJSON ends a text at U+0000, and takes no half of a surrogate pair. */
    g->is_odd = g->is_odd || peek(g) == '0' || peek(g) == 'd' || peek(g) == 'D';
    for (int i = 0; i < 4; i++) {
        if (!is_one_of(peek(g), "0123456789abcdefABCDEF")) {
            return false;
        }
        g->p++;
    }
    return true;
}

static bool string(struct grammar *g)
{
    if (!take(g, "\"")) {
        return false;
    }
    while (g->p < g->end && (uint8_t)*g->p >= 0x20) {
        if (take(g, "\"")) {
            return true;
        }
        if (take(g, "\\")) {
            if (!escape(g)) {
                return false;
            }
        } else {
            g->p++;
        }
    }
    return false;
}

static size_t digits(struct grammar *g)
{
    size_t n = 0;

    while (is_one_of(peek(g), "0123456789")) {
        g->p++;
        n++;
    }
    return n;
}

static bool number(struct grammar *g)
{
    const char *start = g->p;

    (void)take(g, "-");
    if (!take(g, "0") && digits(g) == 0) {
        return false;
    }
    if (take(g, ".") && digits(g) == 0) {
        return false;
    }
    if (take(g, "e") || take(g, "E")) {
        if (!take(g, "+")) {
            (void)take(g, "-");
        }
        if (digits(g) == 0) {
            return false;
        }
    }
    g->is_odd = g->is_odd || g->p - start > 60; /* cJSON reads so many characters and no more */
    return true;
}

static bool key(struct grammar *g)
{
    if (!string(g)) {
        return false;
    }
    space(g);
    if (!take(g, ":")) {
        return false;
    }
    space(g);
    return true;
}

/* Recursion: what is deeper than any object is left to the parser alone. */
static bool value(struct grammar *g, unsigned depth)
{
    bool object = peek(g) == '{';

    if (!object && peek(g) != '[') {
        return peek(g) == '"' ? string(g)
                              : take(g, "true") || take(g, "false") || take(g, "null") || number(g);
    }
    g->is_too_deep = g->is_too_deep || depth == LIMIT_YAML_DEPTH;
    if (g->is_too_deep) {
        return false;
    }
    g->p++;
    space(g);
    if (take(g, object ? "}" : "]")) {
        return true;
    }
    do {
        space(g);
        if ((object && !key(g)) || !value(g, depth + 1)) {
            return false;
        }
        space(g);
    } while (take(g, ","));
    return take(g, object ? "}" : "]");
}

/* Values one behind the other, with or without "---" between them. */
static bool documents(struct grammar *g)
{
    (void)take(g, "\xef\xbb\xbf");
    for (space(g); g->p < g->end; g->documents++) {
        if ((peek(g) != '{' && peek(g) != '[') || !value(g, 0)) {
            return false;
        }
        space(g);
        if (take(g, "---")) {
            space(g);
        }
    }
    return true;
}

/* ---- the parser ------------------------------------------------------------------------------ */

struct parsed {
    struct docnodes nodes;
    struct doctrees trees;
    struct yamldoc_error error;
    struct docbuild b;
    int rc;
};

static void parse(struct parsed *p, const char *text, size_t len)
{
    memset(p, 0, sizeof(*p));
    docnodes_init(&p->nodes);
    docbuild_init(&p->b, &p->nodes, &p->trees, &p->error);
    p->rc = jsontext_parse(text, len, &p->b);
    docnodes_freeze(&p->nodes);
}

static void forget(struct parsed *p)
{
    docbuild_fini(&p->b);
    docnodes_fini(&p->nodes);
    free(p->trees.items);
}

static void check_lines(const struct parsed *p, const cJSON *node, unsigned lines)
{
    unsigned line = docnodes_line_of(&p->nodes, node);

    ASSERT(line >= 1 && line <= lines);
    for (const cJSON *c = node->child; c != NULL; c = c->next) {
        ASSERT(docnodes_line_of(&p->nodes, c) >= line);
        check_lines(p, c, lines);
    }
}

static void check_tree(const struct parsed *p, const char *text, size_t size)
{
    cJSON *other = cJSON_ParseWithLength(text, size);

    ASSERT(other != NULL && cJSON_Compare(p->trees.items[0], other, 1));
    cJSON_Delete(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct grammar g = {.p = text, .end = text + size};
    bool valid = documents(&g);
    unsigned lines = 1;
    struct parsed p;

    parse(&p, text, size);
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n';
    }
    if (g.is_too_deep) {
        ASSERT(p.rc != 0);
    } else if (!valid) {
        ASSERT(p.rc == -EILSEQ || p.rc == -EINVAL); /* over a limit before it is no JSON */
    } else {
        ASSERT(p.rc == 0 && p.trees.n == g.documents);
        for (size_t i = 0; i < p.trees.n; i++) {
            check_lines(&p, p.trees.items[i], lines);
        }
        if (g.documents == 1 && !g.is_odd && p.trees.faults == NULL) {
            check_tree(&p, text, size);
        }
    }
    forget(&p);
    return 0;
}
