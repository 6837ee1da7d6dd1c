#include "app/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/nearest.h"
#include "app/optionpairs.h"
#include "app/optionstore.h"
#include "app/optiontable.h"

#define ARENA_CHUNK_BYTES 1024

/* One run over one command line. */
struct parse {
    struct options *o;
    const struct optiontable_command *command;
    const struct optiontable_row *rows;
    size_t n_rows;
    bool *given; /* by row: the command line or the environment had it */
    int argc;
    char **argv;
    int next; /* index of the argument to look at */
    struct err *e;
};

static int no_memory(struct err *e)
{
    err_set(e, "out of memory");
    return -ENOMEM;
}

static int refuse_unknown(struct parse *p, const char *arg, size_t len)
{
    char name[64];
    struct nearest near = {.word = name};

    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name)), arg);
    nearest_offer(&near, "help");
    for (size_t i = 0; i < p->n_rows; i++) {
        if ((p->rows[i].commands & p->command->command) != 0) {
            nearest_offer(&near, p->rows[i].name);
        }
    }
    if (near.best != NULL) {
        err_set(p->e, "--%s: no such option; did you mean --%s?", name, near.best);
    } else {
        err_set(p->e, "--%s: no such option; sealway %s --help lists them", name, p->command->name);
    }
    return -EINVAL;
}

/* The value of an option: behind its '=', or the next argument.  NULL when there is none. */
static const char *take_value(struct parse *p, const struct optiontable_row *row,
                              const char *equals)
{
    if (equals != NULL) {
        return equals + 1;
    }
    if (row->type == OPTIONTABLE_FLAG) {
        return "on";
    }
    if (p->next < p->argc && strncmp(p->argv[p->next], "--", 2) != 0) {
        return p->argv[p->next++];
    }
    return NULL;
}

static int store(struct parse *p, const struct optiontable_row *row, const char *value)
{
    int rc;

    if (value == NULL || *value == '\0') {
        err_set(p->e, "--%s: needs a value: %s", row->name, row->value);
        return -EINVAL;
    }
    p->given[row - p->rows] = true;
    rc = optionstore_set(p->o, row, value, p->e);
    if (rc != 0) {
        err_prefix(p->e, "--%s %.100s", row->name, value);
    }
    return rc;
}

/* "-o VALUE" or "-oVALUE". */
static int parse_letter(struct parse *p, const char *arg)
{
    const struct optiontable_row *row = optiontable_find_letter(arg[1], p->command->command);

    if (row == NULL) {
        err_set(p->e, "%.64s: no such option; sealway %s --help lists them", arg, p->command->name);
        return -EINVAL;
    }
    return store(p, row, arg[2] != '\0' ? arg + 2 : take_value(p, row, NULL));
}

static int parse_option(struct parse *p, const char *arg)
{
    const char *name = arg + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct optiontable_row *row = optiontable_find(name, len, p->command->command);

    if (row == NULL) {
        return refuse_unknown(p, name, len);
    }
    return store(p, row, take_value(p, row, equals));
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* "-" alone is an argument: standard input. */
static bool is_dashed(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0';
}

static int parse_argument(struct parse *p, bool *options_over)
{
    const char *arg = p->argv[p->next++];

    if (*options_over || !is_dashed(arg)) {
        int rc = optionstore_append(p->o, &p->o->args, arg, strlen(arg));

        return rc == 0 ? 0 : no_memory(p->e);
    }
    if (strcmp(arg, "--") == 0) {
        *options_over = true;
        return 0;
    }
    return arg[1] == '-' ? parse_option(p, arg) : parse_letter(p, arg);
}

/* Another source than this one that was given already; NULL: none, or this is no source. */
static const struct optiontable_row *given_instead(const struct parse *p,
                                                   const struct optiontable_row *row)
{
    for (size_t i = 0; row->is_source && i < p->n_rows; i++) {
        const struct optiontable_row *other = &p->rows[i];

        if (other != row && other->is_source && p->given[i] &&
            (other->commands & p->command->command) != 0) {
            return other;
        }
    }
    return NULL;
}

/* Two options of one command line of which each takes the other's place. */
static int check_instead(const struct parse *p)
{
    for (size_t i = 0; i < p->n_rows; i++) {
        const struct optiontable_row *other = p->given[i] ? given_instead(p, &p->rows[i]) : NULL;

        if (other != NULL) {
            err_set(p->e, "--%s and --%s are two different sources; leave one out", p->rows[i].name,
                    other->name);
            return -EINVAL;
        }
    }
    return 0;
}

static int parse_command_line(struct parse *p)
{
    bool options_over = false;

    while (p->next < p->argc) {
        int rc;

        if (!options_over && is_help(p->argv[p->next])) {
            p->o->help = true;
            return 0;
        }
        rc = parse_argument(p, &options_over);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* A variable that belongs to no option is none of our business: Kubernetes sets SEALWAY_PORT and
 * the like for a Service named sealway. */
static int parse_environment(struct parse *p)
{
    for (size_t i = 0; i < p->n_rows; i++) {
        const struct optiontable_row *row = &p->rows[i];
        char name[OPTIONTABLE_ENV_MAX];
        const char *value;
        int rc;

        if (p->given[i] || (row->commands & p->command->command) == 0 ||
            given_instead(p, row) != NULL) {
            continue;
        }
        value = getenv(optiontable_env_name(row, name));
        if (value == NULL || *value == '\0') {
            continue;
        }
        p->given[i] = true;
        rc = optionstore_set(p->o, row, value, p->e);
        if (rc != 0) {
            err_prefix(p->e, "%s=%.100s", name, value);
            return rc;
        }
    }
    return 0;
}

static bool has_default(const struct parse *p, const struct optiontable_row *row)
{
    return row->fallback != NULL && !(row->fallback_is_local && p->o->manifests == NULL &&
                                      p->command->command == OPTIONS_SERVE);
}

static int apply_defaults(struct parse *p)
{
    for (size_t i = 0; i < p->n_rows; i++) {
        if (!p->given[i] && has_default(p, &p->rows[i])) {
            int rc = optionstore_set(p->o, &p->rows[i], p->rows[i].fallback, p->e);

            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int check_arguments(const struct parse *p)
{
    const struct optiontable_command *c = p->command;
    const struct options_list *args = &p->o->args;

    if (args->n < c->min_args) {
        err_set(p->e, "an argument is missing: sealway %s %s", c->name, c->usage);
        return -EINVAL;
    }
    if (args->n > c->max_args) {
        err_set(p->e, "%.100s: an argument too many: sealway %s %s", args->items[c->max_args],
                c->name, c->usage);
        return -EINVAL;
    }
    return 0;
}

static int parse_all(struct parse *p)
{
    int rc = parse_command_line(p);

    if (rc != 0 || p->o->help) {
        return rc;
    }
    rc = check_instead(p);
    if (rc == 0) {
        rc = parse_environment(p);
    }
    if (rc != 0) {
        return rc;
    }
    rc = apply_defaults(p);
    if (rc == 0) {
        rc = check_arguments(p);
    }
    return rc != 0 ? rc : optionpairs_check(p->o, p->e);
}

int options_parse(struct options *o, enum options_command command, int argc, char **argv,
                  struct err *e)
{
    struct parse p = {
        .o = o, .command = optiontable_command(command), .argc = argc, .argv = argv, .e = e};

    memset(o, 0, sizeof(*o));
    arena_init(&o->arena, ARENA_CHUNK_BYTES);
    p.rows = optiontable_rows(&p.n_rows);
    p.given = arena_calloc(&o->arena, p.n_rows, sizeof(*p.given));
    return p.given != NULL ? parse_all(&p) : no_memory(e);
}

void options_fini(struct options *o)
{
    arena_fini(&o->arena);
}

struct translate_config options_translate(const struct options *o)
{
    return (struct translate_config){
        .controller_class = o->controller_class,
        .ingress_classes = o->ingress_classes.items,
        .n_ingress_classes = o->ingress_classes.n,
        .ingress_class_only = o->ingress_class_only,
        .ingress_without_class = o->ingress_without_class,
        .require_annotation = o->require_annotation,
        .catch_all = o->catch_all.items,
        .n_catch_all = o->catch_all.n,
    };
}
