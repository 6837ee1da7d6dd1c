#include "manifest/yamldoc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "docbuild_priv.h"
#include "jsontext_priv.h"
#include "yamlread_priv.h"

#define BOM     "\xef\xbb\xbf"
#define BOM_LEN 3u

struct yamldoc {
    struct docnodes nodes;
    struct doctrees trees;
};

static bool is_bom(const char *s, size_t left)
{
    return left >= BOM_LEN && memcmp(s, BOM, BOM_LEN) == 0;
}

/* The next byte order mark at the start of a line, as `cat a.yaml b.yaml` leaves them; or the end.
 */
static const char *find_bom(const char *s, const char *end)
{
    while (s < end && !is_bom(s, (size_t)(end - s))) {
        const char *newline = memchr(s, '\n', (size_t)(end - s));

        s = newline != NULL ? newline + 1 : end;
    }
    return s;
}

/*
 * Take byte order marks away: libyaml would let them stand as a character before a document, whose
 * first line is then indented.  The first one costs nothing; *copy_out is what to free.
 */
static int strip_boms(const char **text, size_t *len, char **copy_out)
{
    size_t skip = is_bom(*text, *len) ? BOM_LEN : 0, n = 0;
    const char *from = *text + skip, *end = *text + *len, *bom = find_bom(from, end);

    *text = from;
    *len -= skip;
    if (bom == end) {
        return 0;
    }
    *copy_out = malloc(*len + 1);
    if (*copy_out == NULL) {
        return -ENOMEM;
    }
    while (from < end) {
        memcpy(*copy_out + n, from, (size_t)(bom - from));
        n += (size_t)(bom - from);
        from = bom < end ? bom + BOM_LEN : end;
        bom = find_bom(from, end);
    }
    *text = *copy_out;
    *len = n;
    return 0;
}

/* The length of the UTF-8 sequence at `s` by RFC 3629; 0 when there is none. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    unsigned char low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

    if (s[0] < 0xc2 || s[0] > 0xf4 || len > left || s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

static int check_text(const char *text, size_t len, struct docbuild *b)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned line = 1;
    size_t i = 0;

    while (i < len) {
        size_t n = s[i] < 0x80 ? 1 : utf8_sequence(s + i, len - i);

        if (n == 0) {
            return docbuild_fail(b, line, "byte 0x%02x is no UTF-8: save the file as UTF-8", s[i]);
        }
        if (s[i] == '\0') {
            return docbuild_fail(b, line,
                                 "a NUL byte: this is no text file, or it is UTF-16; "
                                 "save it as UTF-8");
        }
        line += s[i] == '\n';
        i += n;
    }
    return 0;
}

static void reset(struct yamldoc *d)
{
    docnodes_fini(&d->nodes);
    d->trees.n = 0;
    d->trees.faults = d->trees.last_fault = NULL;
}

static int parse_text(struct yamldoc *d, const char *text, size_t len, struct docbuild *b)
{
    struct yamldoc_error *error = b->error;
    int rc;

    if (jsontext_looks_like(text, len)) {
        rc = jsontext_parse(text, len, b);
        if (rc != -EILSEQ) {
            return rc;
        }
        reset(d); /* YAML in flow style, perhaps */
        docbuild_fini(b);
        docbuild_init(b, &d->nodes, &d->trees, error);
    }
    return yamlread_parse(text, len, b);
}

static int parse(struct yamldoc *d, const char *text, size_t len, struct docbuild *b,
                 struct yamldoc_error *error)
{
    char *copy = NULL;
    int rc;

    docbuild_init(b, &d->nodes, &d->trees, error);
    rc = check_text(text, len, b);
    if (rc == 0) {
        rc = strip_boms(&text, &len, &copy);
    }
    if (rc == 0) {
        rc = parse_text(d, text, len, b);
    }
    free(copy);
    return rc;
}

struct yamldoc *yamldoc_parse(const char *text, size_t len, struct yamldoc_error *error_out)
{
    struct yamldoc *d = calloc(1, sizeof(*d));
    struct docbuild b;
    int rc = -ENOMEM;

    if (d != NULL) {
        docnodes_init(&d->nodes);
        rc = parse(d, text, len, &b, error_out);
        docbuild_fini(&b);
    }
    if (rc < 0) {
        if (rc != -EINVAL) {
            *error_out = (struct yamldoc_error){.line = 0, .text = "out of memory"};
        }
        yamldoc_free(d);
        return NULL;
    }
    docnodes_freeze(&d->nodes);
    return d;
}

void yamldoc_free(struct yamldoc *d)
{
    if (d != NULL) {
        docnodes_fini(&d->nodes);
        free(d->trees.items);
        free(d);
    }
}

size_t yamldoc_count(const struct yamldoc *d)
{
    return d->trees.n;
}

const cJSON *yamldoc_tree(const struct yamldoc *d, size_t index)
{
    return d->trees.items[index];
}

const struct yamldoc_fault *yamldoc_faults(const struct yamldoc *d)
{
    return d->trees.faults;
}

unsigned yamldoc_line_of(void *ctx, const cJSON *node)
{
    const struct yamldoc *d = ctx;

    return docnodes_line_of(&d->nodes, node);
}
