#include "kube/jsonsplit.h"

#include <errno.h>
#include <string.h>

#define KEPT_BYTES ((size_t)256 * 1024) /* a buffer that has grown beyond is given back */

enum {
    BETWEEN,     /* stream: whitespace, or an object begins */
    BEFORE_LIST, /* whitespace, or the one object begins */
    FIRST_KEY,   /* behind its brace: a key, or the end */
    BEFORE_KEY,  /* behind a comma */
    IN_KEY,
    BEFORE_COLON,
    BEFORE_VALUE, /* of a member */
    FIRST_ITEM,   /* behind the bracket of `items`: an element, or the end */
    BEFORE_ITEM,  /* behind a comma */
    IN_VALUE,     /* a string, object or list: ends with its last byte */
    IN_SCALAR,    /* a number or word: ends before the first byte that is not of it */
    AFTER_ITEM,
    AFTER_MEMBER,
    BEHIND_LIST,
};

enum {
    SPACE = 1,
    SCALAR = 2,      /* of numbers, true, false, null */
    STRING_STOP = 4, /* what a string must be looked at for */
    VALUE_STOP = 8,  /* likewise an object or list outside of its strings */
};

static const uint8_t CLASS[256] = {
    ['\0'] = STRING_STOP | VALUE_STOP,
    ['"'] = STRING_STOP | VALUE_STOP,
    ['\\'] = STRING_STOP,
    ['{'] = VALUE_STOP,
    ['}'] = VALUE_STOP,
    ['['] = VALUE_STOP,
    [']'] = VALUE_STOP,
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\r'] = SPACE,
    ['\n'] = SPACE,
    ['0' ... '9'] = SCALAR,
    ['a' ... 'z'] = SCALAR,
    ['A' ... 'Z'] = SCALAR,
    ['+'] = SCALAR,
    ['-'] = SCALAR,
    ['.'] = SCALAR,
};

/* The chunk being read.  `start` is where the current piece begins in it, or goes on. */
struct chunk {
    const char *at, *end, *start;
};

void jsonsplit_init(struct jsonsplit *s, enum jsonsplit_mode mode, size_t max_piece,
                    jsonsplit_fn *on_piece, void *ctx)
{
    memset(s, 0, sizeof(*s));
    s->mode = mode;
    s->on_piece = on_piece;
    s->ctx = ctx;
    s->state = mode == JSONSPLIT_LIST ? BEFORE_LIST : BETWEEN;
    buf_init(&s->piece, max_piece);
}

void jsonsplit_fini(struct jsonsplit *s)
{
    buf_fini(&s->piece);
}

bool jsonsplit_is_complete(const struct jsonsplit *s)
{
    return s->state == BETWEEN || s->state == BEHIND_LIST;
}

/* ---- runs of bytes --------------------------------------------------------------------------- */

static bool is(char byte, unsigned class)
{
    return (CLASS[(uint8_t)byte] & class) != 0;
}

static const char *skip_while(const char *at, const char *end, unsigned class)
{
    while (at < end && is(*at, class)) {
        at++;
    }
    return at;
}

static const char *skip_until(const char *at, const char *end, unsigned class)
{
    while (at < end && !is(*at, class)) {
        at++;
    }
    return at;
}

#define EACH_BYTE(byte) (UINT64_MAX / 0xff * (byte))

/* Whether any of the eight bytes is 0; whatever their order. */
static bool has_zero(uint64_t word)
{
    return ((word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80)) != 0;
}

/* Most bytes of a list stand in strings: eight at a time. */
static const char *skip_text(const char *at, const char *end)
{
    uint64_t word;

    while ((size_t)(end - at) >= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        if (has_zero(word) || has_zero(word ^ EACH_BYTE('"')) || has_zero(word ^ EACH_BYTE('\\'))) {
            break;
        }
        at += sizeof(word);
    }
    return skip_until(at, end, STRING_STOP);
}

/* Go on in a string: to its end (in_string is false then), or to that of the chunk. */
static MUST_CHECK int scan_string(struct jsonsplit *s, struct chunk *c)
{
    while (c->at < c->end) {
        if (!s->escaped) {
            c->at = skip_text(c->at, c->end);
        }
        if (c->at == c->end) {
            break;
        }
        if (*c->at == '\0') {
            return -EBADMSG;
        }
        if (*c->at == '"' && !s->escaped) {
            c->at++;
            s->in_string = false;
            break;
        }
        s->escaped = *c->at == '\\' && !s->escaped;
        c->at++;
    }
    return 0;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* A member whose name is too long to tell is not kept. */
static bool is_kept(const struct jsonsplit *s)
{
    return s->in_items || !s->key_too_long;
}

static bool in_piece(const struct jsonsplit *s)
{
    return s->state == IN_VALUE || s->state == IN_SCALAR;
}

/* The chunk ends within a piece. */
static MUST_CHECK int keep_part(struct jsonsplit *s, const struct chunk *c)
{
    int rc;

    if (!is_kept(s)) {
        return 0;
    }
    rc = buf_append(&s->piece, c->start, (size_t)(c->at - c->start));
    return rc == -ENOBUFS ? -EMSGSIZE : rc;
}

static bool is_over_cap(const struct jsonsplit *s, const struct chunk *c)
{
    return is_kept(s) && (size_t)(c->at - c->start) > s->piece.max - s->piece.len;
}

static MUST_CHECK int give_piece(struct jsonsplit *s, const struct chunk *c)
{
    struct jsonsplit_piece piece = {
        .key = s->mode == JSONSPLIT_LIST ? s->key : NULL,
        .is_element = s->in_items,
        .text = c->start,
        .len = (size_t)(c->at - c->start),
    };
    int rc;

    if (s->piece.len > 0) { /* it began in an earlier chunk */
        rc = keep_part(s, c);
        if (rc < 0) {
            return rc;
        }
        piece.text = (const char *)s->piece.data;
        piece.len = s->piece.len;
    }
    rc = s->on_piece(s->ctx, &piece);
    s->piece.len = 0;
    if (s->piece.cap > KEPT_BYTES) {
        buf_fini(&s->piece);
    }
    return rc;
}

static MUST_CHECK int end_piece(struct jsonsplit *s, const struct chunk *c)
{
    if (is_over_cap(s, c)) {
        return -EMSGSIZE;
    }
    s->state = s->mode == JSONSPLIT_STREAM ? BETWEEN : s->in_items ? AFTER_ITEM : AFTER_MEMBER;
    return is_kept(s) ? give_piece(s, c) : 0;
}

/* At the first byte of a value. */
static MUST_CHECK int start_value(struct jsonsplit *s, struct chunk *c)
{
    bool is_list = *c->at == '[';

    if (s->state == BEFORE_VALUE && !s->key_too_long && strcmp(s->key, "items") == 0) {
        if (s->had_items) {
            return -EBADMSG;
        }
        s->had_items = true;
        if (is_list) {
            s->in_items = true;
            s->state = FIRST_ITEM;
            c->at++;
            return 0;
        }
    }
    if (!is_list && *c->at != '{' && *c->at != '"' && !is(*c->at, SCALAR)) {
        return -EBADMSG;
    }
    s->state = is(*c->at, SCALAR) ? IN_SCALAR : IN_VALUE;
    c->start = c->at;
    return 0;
}

/* A quote or bracket within a value, outside of its strings. */
static MUST_CHECK int take_structure(struct jsonsplit *s, char byte)
{
    switch (byte) {
    case '"':
        s->in_string = true;
        return 0;
    case '{':
    case '[':
        if (s->depth == LIMIT_KUBE_OBJECT_DEPTH) {
            return -EBADMSG;
        }
        s->closers[s->depth++] = byte == '{' ? '}' : ']';
        return 0;
    case '}':
    case ']':
        return s->closers[--s->depth] == byte ? 0 : -EBADMSG; /* a value begins by opening one */
    default:
        return -EBADMSG; /* NUL */
    }
}

static MUST_CHECK int scan_value(struct jsonsplit *s, struct chunk *c)
{
    int rc;

    do {
        if (s->in_string) {
            rc = scan_string(s, c);
        } else {
            c->at = skip_until(c->at, c->end, VALUE_STOP);
            if (c->at == c->end) {
                return 0;
            }
            rc = take_structure(s, *c->at);
            c->at += rc == 0;
        }
        if (rc < 0) {
            return is_over_cap(s, c) ? -EMSGSIZE : rc; /* as it is when cut into smaller chunks */
        }
        if (s->depth == 0 && !s->in_string) {
            return end_piece(s, c);
        }
    } while (c->at < c->end);
    return 0;
}

static MUST_CHECK int scan_scalar(struct jsonsplit *s, struct chunk *c)
{
    c->at = skip_while(c->at, c->end, SCALAR);
    return c->at < c->end ? end_piece(s, c) : 0;
}

/* ---- between them ---------------------------------------------------------------------------- */

static MUST_CHECK int scan_key(struct jsonsplit *s, struct chunk *c)
{
    const char *start = c->at;
    int rc = scan_string(s, c);
    size_t n = (size_t)(c->at - start);

    if (rc < 0) {
        return rc;
    }
    n -= !s->in_string; /* the quote */
    if (n >= sizeof(s->key) - s->key_len) {
        s->key_too_long = true;
        n = 0;
    }
    memcpy(s->key + s->key_len, start, n);
    s->key_len += n;
    s->key[s->key_len] = '\0';
    if (!s->in_string) {
        s->state = BEFORE_COLON;
    }
    return 0;
}

static void start_key(struct jsonsplit *s)
{
    s->state = IN_KEY;
    s->in_string = true;
    s->key_too_long = false;
    s->key_len = 0;
    s->key[0] = '\0';
}

/* What may stand where, and what follows; other than values and keys. */
static const struct {
    uint8_t state;
    char byte;
    uint8_t next;
} PUNCTUATION[] = {
    {BEFORE_LIST, '{', FIRST_KEY},     {FIRST_KEY, '}', BEHIND_LIST},
    {BEFORE_COLON, ':', BEFORE_VALUE}, {FIRST_ITEM, ']', AFTER_MEMBER},
    {AFTER_ITEM, ',', BEFORE_ITEM},    {AFTER_ITEM, ']', AFTER_MEMBER},
    {AFTER_MEMBER, ',', BEFORE_KEY},   {AFTER_MEMBER, '}', BEHIND_LIST},
};

static bool take_punctuation(struct jsonsplit *s, char byte)
{
    for (size_t i = 0; i < ARRAY_LEN(PUNCTUATION); i++) {
        if (PUNCTUATION[i].state == s->state && PUNCTUATION[i].byte == byte) {
            s->state = PUNCTUATION[i].next;
            s->in_items = s->in_items && s->state != AFTER_MEMBER;
            return true;
        }
    }
    return false;
}

/* One byte outside of values and keys, or the beginning of one. */
static MUST_CHECK int step(struct jsonsplit *s, struct chunk *c)
{
    char byte = *c->at;

    if (is(byte, SPACE) || take_punctuation(s, byte)) {
        c->at++;
        return 0;
    }
    switch (s->state) {
    case FIRST_KEY:
    case BEFORE_KEY:
        if (byte != '"') {
            return -EBADMSG;
        }
        start_key(s);
        c->at++;
        return 0;
    case BETWEEN:
        return byte == '{' ? start_value(s, c) : -EBADMSG;
    case BEFORE_VALUE:
    case FIRST_ITEM:
    case BEFORE_ITEM:
        return start_value(s, c);
    default:
        return -EBADMSG;
    }
}

int jsonsplit_feed(struct jsonsplit *s, const void *bytes, size_t len)
{
    struct chunk c = {.at = bytes, .start = bytes};
    int rc = 0;

    if (len == 0) {
        return 0;
    }
    c.end = c.at + len;
    while (rc == 0 && c.at < c.end) {
        rc = s->state == IN_VALUE    ? scan_value(s, &c)
             : s->state == IN_SCALAR ? scan_scalar(s, &c)
             : s->state == IN_KEY    ? scan_key(s, &c)
                                     : step(s, &c);
    }
    return rc == 0 && in_piece(s) ? keep_part(s, &c) : rc;
}
