/*
 * Whatever a command line and an environment say: options within the bounds of their rows, or words
 * about what is wrong; and options written out again read the same.
 *
 * Input, line by line: the command, then arguments; a line behind '$' is a variable, NAME=VALUE.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/options.h"
#include "app/optiontable.h"
#include "base/attr.h"
#include "base/limits.h"

#define INPUT_MAX 4096
#define ARGS_MAX  512
#define TEXT_MAX  (INPUT_MAX * 16) /* a list of short names is repeated as options */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct words {
    char *items[ARGS_MAX + 1]; /* NULL behind the last */
    int n;
};

struct command_line {
    enum options_command command;
    struct words args, env;
    char text[TEXT_MAX];
    size_t len;
};

static struct command_line given, again;

static void add(struct words *w, char *word)
{
    if (w->n < ARGS_MAX) {
        w->items[w->n++] = word;
        w->items[w->n] = NULL;
    }
}

static enum options_command command_named(const char *name)
{
    size_t n;
    const struct optiontable_command *commands = optiontable_commands(&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].command;
        }
    }
    return OPTIONS_SERVE;
}

static void read_input(struct command_line *c, const uint8_t *data, size_t size)
{
    char *rest = c->text, *line;

    c->args.n = c->env.n = 0;
    c->args.items[0] = c->env.items[0] = NULL;
    size = size < INPUT_MAX ? size : INPUT_MAX;
    memcpy(c->text, data, size);
    c->text[size] = '\0';
    line = strsep(&rest, "\n");
    c->command = command_named(line);
    while ((line = strsep(&rest, "\n")) != NULL) {
        add(line[0] == '$' ? &c->env : &c->args, line[0] == '$' ? line + 1 : line);
    }
}

static int parse(struct command_line *c, struct options *o, struct err *e)
{
    char **before = environ;
    int rc;

    err_clear(e);
    environ = c->env.items;
    rc = options_parse(o, c->command, c->args.n, c->args.items, e);
    environ = before;
    ASSERT(rc == 0 || (rc == -EINVAL && e->text[0] != '\0'));
    return rc;
}

/* ---- what a row may hold --------------------------------------------------------------------- */

static const void *field(const struct options *o, const struct optiontable_row *row)
{
    return (const char *)o + row->offset;
}

static uint64_t number_of(const struct options *o, const struct optiontable_row *row)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (row->bytes == sizeof(wide)) {
        memcpy(&wide, field(o, row), sizeof(wide));
        return wide;
    }
    ASSERT(row->bytes == sizeof(narrow));
    memcpy(&narrow, field(o, row), sizeof(narrow));
    return narrow;
}

static const char *text_of(const struct options *o, const struct optiontable_row *row)
{
    return *(const char *const *)field(o, row);
}

static void check_word(const struct options *o, const struct optiontable_row *row)
{
    uint64_t n = 0;

    while (row->words[n] != NULL) {
        n++;
    }
    ASSERT(number_of(o, row) < n);
}

static void check_number(const struct options *o, const struct optiontable_row *row)
{
    uint64_t n = number_of(o, row);

    /* Nothing asked for and none by default, or off, is 0. */
    ASSERT((n >= row->range.min && n <= row->range.max) ||
           (n == 0 && (row->may_be_off || row->fallback == NULL)));
}

static void check_text(const struct options *o, const struct optiontable_row *row)
{
    const char *text = text_of(o, row);
    struct netaddr ip;

    ASSERT(text == NULL || *text != '\0');
    ASSERT(text == NULL || row->type != OPTIONTABLE_ADDRESS || netaddr_parse_ip(text, 0, &ip) == 0);
}

static void check_list(const struct options *o, const struct optiontable_row *row)
{
    const struct options_list *l = field(o, row);

    for (size_t i = 0; i < l->n; i++) {
        ASSERT(l->items[i][0] != '\0' && strchr(l->items[i], ',') == NULL);
        ASSERT(row->is_entry == NULL || row->is_entry(l->items[i]));
    }
}

static void check_row(const struct options *o, const struct optiontable_row *row)
{
    switch (row->type) {
    case OPTIONTABLE_FLAG:
    case OPTIONTABLE_SWITCH:
        ASSERT(row->bytes == sizeof(bool) && *(const uint8_t *)field(o, row) <= 1);
        break;
    case OPTIONTABLE_TEXT:
    case OPTIONTABLE_ADDRESS:
        check_text(o, row);
        break;
    case OPTIONTABLE_LIST:
        check_list(o, row);
        break;
    case OPTIONTABLE_LISTEN:
        ASSERT(o->n_listen <= LIMIT_LISTENERS);
        break;
    case OPTIONTABLE_SOCKET:
        break;
    case OPTIONTABLE_WORD:
        check_word(o, row);
        break;
    default:
        check_number(o, row);
    }
}

/* ---- written out again ----------------------------------------------------------------------- */

static void write_argument(struct command_line *c, const char *before, const char *name,
                           const char *between, const char *value)
{
    char *start = c->text + c->len;
    size_t room = sizeof(c->text) - c->len;
    int len = snprintf(start, room, "%s%s%s%s", before, name, between, value);

    ASSERT(len >= 0 && (size_t)len < room);
    c->len += (size_t)len + 1;
    add(&c->args, start);
}

static void write_option(struct command_line *c, const struct optiontable_row *row,
                         const char *value)
{
    write_argument(c, "--", row->name, "=", value);
}

static void write_number(struct command_line *c, const struct options *o,
                         const struct optiontable_row *row)
{
    unsigned long long n = number_of(o, row);
    char text[32];

    if (n == 0 && row->may_be_off) {
        write_option(c, row, "off");
    } else if (row->type == OPTIONTABLE_WORD) {
        write_option(c, row, row->words[n]);
    } else if (row->type == OPTIONTABLE_DURATION) {
        (void)snprintf(text, sizeof(text), "%llums", n);
        write_option(c, row, text);
    } else if (row->type == OPTIONTABLE_SIZE) {
        ASSERT(n % 1024 == 0);
        (void)snprintf(text, sizeof(text), "%lluKiB", n / 1024);
        write_option(c, row, text);
    } else if (n != 0 || row->fallback != NULL) {
        (void)snprintf(text, sizeof(text), "%llu", n);
        write_option(c, row, text);
    }
}

static void write_addresses(struct command_line *c, const struct optiontable_row *row,
                            const struct netaddr *a, size_t n)
{
    char text[NETADDR_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        if (a[i].family != AF_UNSPEC) {
            write_option(c, row, netaddr_format(&a[i], text));
        }
    }
}

static void write_row(struct command_line *c, const struct options *o,
                      const struct optiontable_row *row)
{
    const struct options_list *l = field(o, row);

    switch (row->type) {
    case OPTIONTABLE_FLAG:
    case OPTIONTABLE_SWITCH:
        write_option(c, row, *(const bool *)field(o, row) ? "on" : "off");
        break;
    case OPTIONTABLE_TEXT:
    case OPTIONTABLE_ADDRESS:
        if (text_of(o, row) != NULL) {
            write_option(c, row, text_of(o, row));
        }
        break;
    case OPTIONTABLE_LIST:
        for (size_t i = 0; i < l->n; i++) {
            write_option(c, row, l->items[i]);
        }
        break;
    case OPTIONTABLE_LISTEN:
        write_addresses(c, row, o->listen, o->n_listen);
        break;
    case OPTIONTABLE_SOCKET:
        write_addresses(c, row, field(o, row), 1);
        break;
    default:
        write_number(c, o, row);
    }
}

static bool same_list(const struct options_list *a, const struct options_list *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0) {
            return false;
        }
    }
    return a->n == b->n;
}

static bool same_listen(const struct options *a, const struct options *b)
{
    for (size_t i = 0; i < a->n_listen && i < b->n_listen; i++) {
        if (!netaddr_equal(&a->listen[i], &b->listen[i])) {
            return false;
        }
    }
    return a->n_listen == b->n_listen;
}

static bool same_row(const struct options *a, const struct options *b,
                     const struct optiontable_row *row)
{
    const char *x, *y;

    switch (row->type) {
    case OPTIONTABLE_TEXT:
    case OPTIONTABLE_ADDRESS:
        x = text_of(a, row);
        y = text_of(b, row);
        return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
    case OPTIONTABLE_LIST:
        return same_list(field(a, row), field(b, row));
    case OPTIONTABLE_LISTEN:
        return same_listen(a, b);
    case OPTIONTABLE_SOCKET:
        return netaddr_equal(field(a, row), field(b, row));
    default:
        return memcmp(field(a, row), field(b, row), row->bytes) == 0;
    }
}

static void check_again(const struct options *o)
{
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);
    struct options other;
    struct err e;

    again.command = given.command;
    again.args.n = again.env.n = 0;
    again.args.items[0] = again.env.items[0] = NULL;
    again.len = 0;
    for (size_t i = 0; i < n; i++) {
        if ((rows[i].commands & given.command) != 0) {
            write_row(&again, o, &rows[i]);
        }
    }
    write_argument(&again, "--", "", "", "");
    for (size_t i = 0; i < o->args.n; i++) {
        write_argument(&again, "", "", "", o->args.items[i]);
    }
    if (again.args.n < ARGS_MAX) {
        ASSERT(parse(&again, &other, &e) == 0);
        for (size_t i = 0; i < n; i++) {
            ASSERT((rows[i].commands & given.command) == 0 || same_row(o, &other, &rows[i]));
        }
        ASSERT(same_list(&o->args, &other.args));
        options_fini(&other);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);
    const struct optiontable_command *command;
    struct options o;
    struct err e;

    read_input(&given, data, size);
    command = optiontable_command(given.command);
    if (parse(&given, &o, &e) == 0 && !o.help) {
        for (size_t i = 0; i < n; i++) {
            if ((rows[i].commands & given.command) != 0) {
                check_row(&o, &rows[i]);
            }
        }
        ASSERT(o.args.n >= command->min_args && o.args.n <= command->max_args);
        check_again(&o);
    }
    options_fini(&o);
    return 0;
}
