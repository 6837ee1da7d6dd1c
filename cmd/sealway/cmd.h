/**
 * cmd - what the commands share; each command is one function in a file of its name.
 */
#ifndef SEALWAY_CMD_H
#define SEALWAY_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "app/metrics.h"
#include "app/options.h"
#include "base/attr.h"

/** Exit statuses. */
enum cmd_status {
    CMD_OK = 0,
    CMD_FAILED = 1, /* at run time; `check`: there are errors */
    CMD_USAGE = 2,
    CMD_NOT_ROUTED = 3, /* `explain` only */
};

/* The commands: the arguments are those behind the command's name; the result is the exit status.
 */
enum cmd_status serve_command(int argc, char **argv);
enum cmd_status check_command(int argc, char **argv);
enum cmd_status explain_command(int argc, char **argv);
enum cmd_status routes_command(int argc, char **argv);
enum cmd_status version_command(int argc, char **argv);

/** What this program was built from, for the metrics. */
const struct metrics_build *version_build(void);

/** The version and commit of this program on one line. */
void version_print_short(FILE *out);

/**
 * Parse a command's options; print help or the error when that ends it.  Returns whether to go on;
 * otherwise *status_out is the exit status.  options_fini() is due in both cases.
 */
MUST_CHECK bool cmd_begin(struct options *o, enum options_command command, int argc, char **argv,
                          enum cmd_status *status_out);

/** One line on stderr: "sealway: what" or "sealway COMMAND: what"; `command` may be NULL. */
void cmd_complain(const char *command, const char *what);

/** Print what another program sent, lines as they are, everything else as cmd_put_text(). */
void cmd_put_page(FILE *out, const char *text, size_t len);

/** Print text of any origin, which may go to a terminal: control characters and bytes that are no
 * UTF-8 become '?'. */
void cmd_put_text(FILE *out, const char *text);

#endif
