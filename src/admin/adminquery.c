#include "admin/adminquery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct decoder {
    struct adminquery_param *params;
    size_t n_params;
    char *to, *end; /* what is left of the storage */
    struct err *e;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode the first character of `s`, *used_out bytes of `len`; NUL is none. */
static char decode_char(const char *s, size_t len, size_t *used_out)
{
    int high, low;

    *used_out = 1;
    if (*s == '+') {
        return ' '; /* as forms have it */
    }
    if (*s != '%') {
        return *s;
    }
    high = len >= 3 ? hex_digit(s[1]) : -1;
    low = len >= 3 ? hex_digit(s[2]) : -1;
    if (high < 0 || low < 0) {
        return '\0';
    }
    *used_out = 3;
    return (char)(high * 16 + low);
}

/* Decode `len` bytes into the storage; NULL with the error said. */
static const char *decode(struct decoder *d, const char *s, size_t len)
{
    const char *start = d->to;
    size_t used;

    for (; len > 0; s += used, len -= used) {
        char c = decode_char(s, len, &used);

        if (c == '\0') {
            err_set(d->e, "a %% must be followed by two hexadecimal digits other than 00");
            return NULL;
        }
        if (d->end - d->to < 2) {
            break;
        }
        *d->to++ = c;
    }
    if (len > 0 || d->to == d->end) {
        err_set(d->e, "the parameters are too long");
        return NULL;
    }
    *d->to++ = '\0';
    return start;
}

static void complain_unknown(struct decoder *d)
{
    char known[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < d->n_params && len < sizeof(known); i++) {
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "",
                                d->params[i].name);
    }
    err_set(d->e, "unknown parameter; known here: %s", len > 0 ? known : "none");
}

/* "name=value", or "name" alone, which is empty. */
static int take_pair(struct decoder *d, const char *pair, size_t len)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals != NULL ? (size_t)(equals - pair) : len;
    size_t skipped = equals != NULL ? name_len + 1 : len;
    const char *name = decode(d, pair, name_len);
    struct adminquery_param *param = d->params;

    if (name == NULL) {
        return -EINVAL;
    }
    while (param < d->params + d->n_params && strcmp(param->name, name) != 0) {
        param++;
    }
    if (param == d->params + d->n_params) {
        complain_unknown(d);
        return -EINVAL;
    }
    if (param->value != NULL) {
        err_set(d->e, "parameter %s is given twice", param->name);
        return -EINVAL;
    }
    param->value = decode(d, pair + skipped, len - skipped);
    return param->value != NULL ? 0 : -EINVAL;
}

int adminquery_parse(const char *query, struct adminquery_param *params, size_t n,
                     struct adminquery_storage *storage, struct err *e)
{
    struct decoder d = {
        .params = params,
        .n_params = n,
        .to = storage->text,
        .end = storage->text + sizeof(storage->text),
        .e = e,
    };
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        params[i].value = NULL;
    }
    while (rc == 0 && query != NULL && *query != '\0') {
        size_t len = strcspn(query, "&");

        rc = len > 0 ? take_pair(&d, query, len) : 0;
        query += len + (query[len] == '&');
    }
    return rc;
}
