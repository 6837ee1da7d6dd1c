#include "app/optiontable.h"

#include <stdio.h>
#include <string.h>

#include "optionrows_priv.h"

static const struct optiontable_command COMMANDS[] = {
    {.command = OPTIONS_SERVE,
     .name = "serve",
     .usage = "[--manifests DIR | --kubeconfig FILE] [options]",
     .help = "Route TLS connections by server name, undecrypted, to the Services that Ingresses "
             "name. Objects come from files, or from an API server: that of a kubeconfig, or in a "
             "pod the cluster's own."},
    {.command = OPTIONS_CHECK,
     .name = "check",
     .usage = "[options] PATH...",
     .help = "Report every problem in manifests (files, directories, - for standard input). Exit "
             "0: no errors, 1: errors, 2: wrong usage.",
     .min_args = 1,
     .max_args = SIZE_MAX},
    {.command = OPTIONS_EXPLAIN,
     .name = "explain",
     .usage = "NAME [--manifests DIR | --admin URL] [options]",
     .help = "Say where a connection with the server name NAME goes, and why: by the manifests in "
             "DIR, or by a running instance. NAME may be empty (\"\"): a connection without one. "
             "Exit 0: routed, 3: not routed, 1: no answer, 2: wrong usage.",
     .min_args = 1,
     .max_args = 1},
    {.command = OPTIONS_ROUTES,
     .name = "routes",
     .usage = "[--admin URL] [options]",
     .help = "List what a running instance serves: hosts, who owns them, endpoints, claims that "
             "lost. Exit 0: listed, 1: no answer, 2: wrong usage."},
    {.command = OPTIONS_VERSION,
     .name = "version",
     .usage = "",
     .help = "Print the version, and those of the compiler and the libraries."},
};

const struct optiontable_row *optiontable_rows(size_t *n_out)
{
    *n_out = optionrows_n;
    return optionrows;
}

const struct optiontable_row *optiontable_find(const char *name, size_t len,
                                               enum options_command command)
{
    for (size_t i = 0; i < optionrows_n; i++) {
        if ((optionrows[i].commands & command) != 0 && strlen(optionrows[i].name) == len &&
            memcmp(optionrows[i].name, name, len) == 0) {
            return &optionrows[i];
        }
    }
    return NULL;
}

const struct optiontable_row *optiontable_find_letter(char letter, enum options_command command)
{
    for (size_t i = 0; i < optionrows_n; i++) {
        if ((optionrows[i].commands & command) != 0 && optionrows[i].letter == letter) {
            return &optionrows[i];
        }
    }
    return NULL;
}

const char *optiontable_env_name(const struct optiontable_row *row, char text[OPTIONTABLE_ENV_MAX])
{
    snprintf(text, OPTIONTABLE_ENV_MAX, "SEALWAY_%s", row->name);
    for (char *p = text; *p != '\0'; p++) {
        if (*p >= 'a' && *p <= 'z') {
            *p = (char)(*p - 'a' + 'A');
        } else if (*p == '-') {
            *p = '_';
        }
    }
    return text;
}

const char *optiontable_default(const struct optiontable_row *row)
{
    if (row->shown != NULL) {
        return row->shown;
    }
    return row->fallback != NULL ? row->fallback : "none";
}

const struct optiontable_command *optiontable_commands(size_t *n_out)
{
    *n_out = ARRAY_LEN(COMMANDS);
    return COMMANDS;
}

const struct optiontable_command *optiontable_command(enum options_command command)
{
    size_t i = 0;

    while (COMMANDS[i].command != command) {
        i++;
        ASSERT(i < ARRAY_LEN(COMMANDS));
    }
    return &COMMANDS[i];
}
