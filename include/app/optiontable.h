/**
 * optiontable - the one table of options: flag, environment, type, default, range, help.
 *
 * Parsing, --help, the README and the chart are all held against these rows.
 */
#ifndef APP_OPTIONTABLE_H
#define APP_OPTIONTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/options.h"
#include "app/optionvalue.h"

/** How a value is read, and which field type it is stored in. */
enum optiontable_type {
    OPTIONTABLE_FLAG,     /* bool; no value needed, --name=off takes it back */
    OPTIONTABLE_SWITCH,   /* bool; on or off */
    OPTIONTABLE_TEXT,     /* const char *; not empty */
    OPTIONTABLE_ADDRESS,  /* const char *; a bare IP address */
    OPTIONTABLE_LIST,     /* struct options_list; repeatable, or comma separated */
    OPTIONTABLE_LISTEN,   /* the listen addresses; repeatable, or comma separated */
    OPTIONTABLE_SOCKET,   /* struct netaddr; one ADDR:PORT */
    OPTIONTABLE_WORD,     /* an enum; the index of one of `words` */
    OPTIONTABLE_COUNT,    /* uint32_t */
    OPTIONTABLE_SIZE,     /* uint32_t, bytes */
    OPTIONTABLE_DURATION, /* uint32_t or uint64_t, milliseconds */
};

struct optiontable_row {
    const char *name;  /* without dashes */
    const char *value; /* what --help calls the value; NULL for a flag */
    enum optiontable_type type;
    unsigned commands;    /* set of enum options_command */
    size_t offset, bytes; /* the field of struct options */
    const char *fallback; /* the default as a user would write it; NULL: none, or computed */
    const char *shown;    /* the default in words where `fallback` cannot say it */
    struct optionvalue_range range; /* of a count, size or duration */
    const char *const *words;
    bool (*is_entry)(const char *text); /* of a list: whether an entry can mean anything */
    const char *entry;                  /* and in words what it has to be */
    const char *help;
    bool is_source;         /* of objects or answers: each of a command takes the others' place */
    bool fallback_is_local; /* it holds for manifests only, not with an API server */
    bool may_be_off;        /* takes `off`, which is stored as 0 */
    char letter;            /* the short form, "-o", or 0 */
};

/** Every option in the order of --help; *n_out is their number. */
const struct optiontable_row *optiontable_rows(size_t *n_out);

/** The row of that name that `command` takes, or NULL.  `name` need not be terminated at `len`. */
const struct optiontable_row *optiontable_find(const char *name, size_t len,
                                               enum options_command command);

/** The row with that short form (not 0), or NULL. */
const struct optiontable_row *optiontable_find_letter(char letter, enum options_command command);

/** "SEALWAY_" and the name in upper case with underscores; returns `text`. */
#define OPTIONTABLE_ENV_MAX 64
const char *optiontable_env_name(const struct optiontable_row *row, char text[OPTIONTABLE_ENV_MAX]);

/** The default as --help and the README show it; "none" where there is none. */
const char *optiontable_default(const struct optiontable_row *row);

/** What a command is called, how it is used, and what it does. */
struct optiontable_command {
    const char *name;
    const char *usage; /* behind the name */
    const char *help;
    size_t min_args, max_args; /* how many arguments that are no options */
    enum options_command command;
};

/** The description of a command. */
const struct optiontable_command *optiontable_command(enum options_command command);

/** Every command in the order of --help; *n_out is their number. */
const struct optiontable_command *optiontable_commands(size_t *n_out);

#endif
