#include "support/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536

/* A sanitizer's, those of timeout(1), and behind 128 signals: no command of ours ends so. */
#define STATUS_OF_NO_COMMAND 99

struct tempdir command_dir;
static char output[OUTPUT_MAX];

int command_setup(void **state)
{
    (void)state;
    tempdir_make(&command_dir);
    tempdir_mkdir(&command_dir, "m");
    return 0;
}

int command_teardown(void **state)
{
    (void)state;
    tempdir_remove(&command_dir);
    return 0;
}

/* The exit status, as a shell has it.  What was written tells how it came to one of no command. */
static int status_of(int wait_status)
{
    int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);

    if (status >= STATUS_OF_NO_COMMAND) {
        fprintf(stderr, "\nthe program ended with status %d; it wrote:\n%s", status, output);
        fail();
    }
    return status;
}

int command_run_after(const char *before, const char *args)
{
    const char *bin = getenv("SEALWAY_BIN");
    char command[8192], cwd[PATH_MAX];
    FILE *f;

    assert_non_null(getcwd(cwd, sizeof(cwd)));
    if (bin == NULL) {
        bin = "build/sealway";
    }
    snprintf(command, sizeof(command), "cd %s && %s exec timeout 30 %s%s%s %s", command_dir.path,
             before, *bin == '/' ? "" : cwd, *bin == '/' ? "" : "/", bin, args);
    f = popen(command, "re");
    assert_non_null(f);
    output[fread(output, 1, sizeof(output) - 1, f)] = '\0';
    return status_of(pclose(f));
}

int command_run(const char *args)
{
    return command_run_after("", args);
}

const char *command_output(void)
{
    return output;
}

void command_says(const char *words)
{
    if (strstr(output, words) == NULL) {
        fail_msg("expected: %s\noutput: %s", words, output);
    }
}

void command_is_silent_about(const char *words)
{
    if (strstr(output, words) != NULL) {
        fail_msg("not expected: %s\noutput: %s", words, output);
    }
}

void command_says_one_line(const char *words)
{
    command_says(words);
    assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
}
