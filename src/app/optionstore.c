#include "app/optionstore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/optionvalue.h"

static int no_memory(struct err *e)
{
    err_set(e, "out of memory");
    return -ENOMEM;
}

static void *field_of(struct options *o, const struct optiontable_row *row)
{
    return (char *)o + row->offset;
}

/* Lists double when their length is a power of two; the old array stays behind in the arena. */
int optionstore_append(struct options *o, struct options_list *l, const char *text, size_t len)
{
    if ((l->n & (l->n - 1)) == 0) {
        const char **items = arena_calloc(&o->arena, l->n == 0 ? 1 : 2 * l->n, sizeof(*items));

        if (items == NULL) {
            return -ENOMEM;
        }
        if (l->n > 0) {
            memcpy(items, l->items, l->n * sizeof(*items));
        }
        l->items = items;
    }
    l->items[l->n] = arena_strndup(&o->arena, text, len);
    if (l->items[l->n] == NULL) {
        return -ENOMEM;
    }
    l->n++;
    return 0;
}

static int parse_socket(const char *text, size_t len, struct netaddr *out, struct err *e)
{
    char copy[NETADDR_TEXT_MAX];

    snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) ? len : sizeof(copy)), text);
    if (len >= sizeof(copy) || netaddr_parse(copy, out) != 0) {
        err_set(e, "not an address and port, e.g. 0.0.0.0:8443 or [::]:8443");
        return -EINVAL;
    }
    return 0;
}

static int listen_append(struct options *o, const char *text, size_t len, struct err *e)
{
    int rc;

    if (o->listen == NULL) {
        o->listen = arena_calloc(&o->arena, LIMIT_LISTENERS, sizeof(*o->listen));
        if (o->listen == NULL) {
            return no_memory(e);
        }
    }
    if (o->n_listen == LIMIT_LISTENERS) {
        err_set(e, "more than %u addresses", LIMIT_LISTENERS);
        return -EINVAL;
    }
    rc = parse_socket(text, len, &o->listen[o->n_listen], e);
    o->n_listen += rc == 0;
    return rc;
}

static int list_append(struct options *o, const struct optiontable_row *row, const char *text,
                       size_t len, struct err *e)
{
    struct options_list *l = field_of(o, row);

    if (optionstore_append(o, l, text, len) != 0) {
        return no_memory(e);
    }
    if (row->is_entry != NULL && !row->is_entry(l->items[l->n - 1])) {
        err_set(e, "\"%.64s\" is not %s", l->items[l->n - 1], row->entry);
        return -EINVAL;
    }
    return 0;
}

/* Every entry of a comma separated value. */
static int store_entries(struct options *o, const struct optiontable_row *row, const char *value,
                         struct err *e)
{
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        int rc;

        if (len == 0) {
            err_set(e, "an empty entry in the list");
            return -EINVAL;
        }
        rc = row->type == OPTIONTABLE_LISTEN ? listen_append(o, at, len, e)
                                             : list_append(o, row, at, len, e);
        if (rc != 0) {
            return rc;
        }
        at += len;
        if (*at == '\0') {
            return 0;
        }
    }
}

static int store_text(struct options *o, const struct optiontable_row *row, const char *value,
                      struct err *e)
{
    const char *copy;
    struct netaddr addr;

    if (row->type == OPTIONTABLE_ADDRESS && netaddr_parse_ip(value, 0, &addr) != 0) {
        err_set(e, "not an IP address, e.g. 192.0.2.7 or 2001:db8::7");
        return -EINVAL;
    }
    copy = arena_strdup(&o->arena, value);
    if (copy == NULL) {
        return no_memory(e);
    }
    *(const char **)field_of(o, row) = copy;
    return 0;
}

static int store_switch(struct options *o, const struct optiontable_row *row, const char *value,
                        struct err *e)
{
    return optionvalue_switch(value, field_of(o, row), e);
}

static int parse_number(const struct optiontable_row *row, const char *value, uint64_t *out,
                        struct err *e)
{
    if (row->may_be_off && strcmp(value, "off") == 0) {
        *out = 0;
        return 0;
    }
    switch (row->type) {
    case OPTIONTABLE_WORD:
        return optionvalue_word(value, row->words, out, e);
    case OPTIONTABLE_SIZE:
        return optionvalue_size(value, &row->range, out, e);
    case OPTIONTABLE_DURATION:
        return optionvalue_duration(value, &row->range, out, e);
    default:
        return optionvalue_count(value, &row->range, out, e);
    }
}

static int store_number(struct options *o, const struct optiontable_row *row, const char *value,
                        struct err *e)
{
    uint64_t wide = 0;
    uint32_t narrow;
    int rc = parse_number(row, value, &wide, e);

    if (rc != 0) {
        return rc;
    }
    if (row->bytes == sizeof(wide)) {
        memcpy(field_of(o, row), &wide, sizeof(wide));
    } else {
        ASSERT(row->bytes == sizeof(narrow) && wide <= UINT32_MAX);
        narrow = (uint32_t)wide;
        memcpy(field_of(o, row), &narrow, sizeof(narrow));
    }
    return 0;
}

int optionstore_set(struct options *o, const struct optiontable_row *row, const char *value,
                    struct err *e)
{
    switch (row->type) {
    case OPTIONTABLE_FLAG:
    case OPTIONTABLE_SWITCH:
        return store_switch(o, row, value, e);
    case OPTIONTABLE_TEXT:
    case OPTIONTABLE_ADDRESS:
        return store_text(o, row, value, e);
    case OPTIONTABLE_LIST:
    case OPTIONTABLE_LISTEN:
        return store_entries(o, row, value, e);
    case OPTIONTABLE_SOCKET:
        return parse_socket(value, strlen(value), field_of(o, row), e);
    default:
        return store_number(o, row, value, e);
    }
}
