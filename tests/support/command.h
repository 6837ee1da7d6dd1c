/**
 * command - a command of the real program run to its end, as a user at a shell would.
 *
 * Meant for cmocka's setup and teardown: each test has a directory of its own, with an empty
 * directory `m` for manifests in it, and runs there.
 */
#ifndef SUPPORT_COMMAND_H
#define SUPPORT_COMMAND_H

#include "support/tempdir.h"

/** The directory of the test at hand. */
extern struct tempdir command_dir;

int command_setup(void **state);
int command_teardown(void **state);

/**
 * Run "BEFORE sealway ARGS" in the directory by a shell; `before` ends with a ';' or is "".
 * Returns the exit status; what came on stdout is command_output().
 */
int command_run_after(const char *before, const char *args);
int command_run(const char *args);

/** What the last run wrote to stdout. */
const char *command_output(void);

/** Fail the test unless the output has these words; unless it has not; unless it is one line and
 * has. */
void command_says(const char *words);
void command_is_silent_about(const char *words);
void command_says_one_line(const char *words);

#endif
