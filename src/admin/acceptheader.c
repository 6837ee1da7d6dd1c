#include "acceptheader_priv.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define Q_ONE 1000 /* a weight has three decimals at most */

struct span {
    const char *s;
    size_t len;
};

/* What we can answer with, and what the header says of it so far. */
struct offer {
    const char *type, *subtype, *version;
    int rank; /* of the most specific range that covers it; -1: none does */
    int q;
};

/* One range of the header: "type/subtype;version=...;q=...". */
struct range {
    struct span type, subtype, version;
    int q;
};

static struct span trim(struct span t)
{
    while (t.len > 0 && (t.s[0] == ' ' || t.s[0] == '\t')) {
        t.s++;
        t.len--;
    }
    while (t.len > 0 && (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t')) {
        t.len--;
    }
    return t;
}

static bool is(struct span t, const char *word)
{
    return t.len == strlen(word) && strncasecmp(t.s, word, t.len) == 0;
}

/* Take what stands in front of `stop`, trimmed, off `rest`; quotes hide a stop. */
static struct span take_until(struct span *rest, char stop)
{
    struct span piece = {rest->s, 0};
    bool quoted = false;

    while (piece.len < rest->len && (quoted || piece.s[piece.len] != stop)) {
        quoted ^= piece.s[piece.len] == '"';
        piece.len++;
    }
    rest->s += piece.len;
    rest->len -= piece.len;
    if (rest->len > 0) {
        rest->s++;
        rest->len--;
    }
    return trim(piece);
}

/* "0.75" in thousandths; what is no weight is none. */
static int parse_q(struct span t)
{
    int q = 0;
    int digit = Q_ONE;

    if (t.len == 0 || t.len > strlen("0.000") || (t.len > 1 && t.s[1] != '.')) {
        return 0;
    }
    for (size_t i = 0; i < t.len; i += i == 0 ? 2 : 1, digit /= 10) {
        if (t.s[i] < '0' || t.s[i] > '9') {
            return 0;
        }
        q += (t.s[i] - '0') * digit;
    }
    return q < Q_ONE ? q : Q_ONE;
}

static struct span unquote(struct span t)
{
    if (t.len >= 2 && t.s[0] == '"' && t.s[t.len - 1] == '"') {
        t.s++;
        t.len -= 2;
    }
    return t;
}

static struct range parse_range(struct span text)
{
    struct range r = {.q = Q_ONE};
    struct span name = take_until(&text, ';');

    r.type = take_until(&name, '/');
    r.subtype = trim(name);
    while (text.len > 0) {
        struct span value = take_until(&text, ';');

        name = take_until(&value, '=');
        value = unquote(trim(value));
        if (is(name, "q")) {
            r.q = parse_q(value);
        } else if (is(name, "version")) {
            r.version = value;
        }
    }
    return r;
}

/* How specifically a range covers an offer: -1, it does not. */
static int rank_of(const struct range *r, const struct offer *o)
{
    if (is(r->type, "*") && is(r->subtype, "*")) {
        return 0;
    }
    if (!is(r->type, o->type)) {
        return -1;
    }
    if (is(r->subtype, "*")) {
        return 1;
    }
    if (!is(r->subtype, o->subtype) || (r->version.len > 0 && !is(r->version, o->version))) {
        return -1;
    }
    return r->version.len > 0 ? 3 : 2;
}

static void weigh(const struct range *r, struct offer *o)
{
    int rank = rank_of(r, o);

    if (rank > o->rank) {
        o->rank = rank;
        o->q = r->q;
    }
}

enum prom_format acceptheader_choose(const char *accept)
{
    struct offer text = {"text", "plain", "0.0.4", -1, 0};
    struct offer open = {"application", "openmetrics-text", "1.0.0", -1, 0};
    struct span rest = {accept, accept != NULL ? strlen(accept) : 0};

    while (rest.len > 0) {
        struct range r = parse_range(take_until(&rest, ','));

        weigh(&r, &text);
        weigh(&r, &open);
    }
    return open.q > text.q ? PROM_OPENMETRICS : PROM_TEXT;
}
