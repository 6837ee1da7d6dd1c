/* The program's front door: finds the command and hands over. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app/nearest.h"
#include "app/optionhelp.h"
#include "app/optiontable.h"
#include "cmd.h"

static enum cmd_status dispatch(enum options_command command, int argc, char **argv)
{
    switch (command) {
    case OPTIONS_SERVE:
        return serve_command(argc, argv);
    case OPTIONS_CHECK:
        return check_command(argc, argv);
    case OPTIONS_EXPLAIN:
        return explain_command(argc, argv);
    case OPTIONS_ROUTES:
        return routes_command(argc, argv);
    case OPTIONS_VERSION:
        return version_command(argc, argv);
    }
    return CMD_USAGE;
}

static enum cmd_status refuse_unknown(const char *word)
{
    struct nearest near = {.word = word};
    struct err e;
    size_t n;
    const struct optiontable_command *commands = optiontable_commands(&n);

    for (size_t i = 0; i < n; i++) {
        nearest_offer(&near, commands[i].name);
    }
    if (near.best != NULL) {
        err_set(&e, "%.64s: no such command; did you mean %s?", word, near.best);
    } else {
        err_set(&e, "%.64s: no such command; sealway --help lists them", word);
    }
    cmd_complain(NULL, e.text);
    return CMD_USAGE;
}

static enum cmd_status run(int argc, char **argv)
{
    size_t n;
    const struct optiontable_command *commands = optiontable_commands(&n);

    if (argc < 2) {
        cmd_complain(NULL, "a command is missing; sealway --help lists them");
        return CMD_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        optionhelp_print_program(stdout);
        return CMD_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        version_print_short(stdout);
        return CMD_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return dispatch(commands[i].command, argc - 2, argv + 2);
        }
    }
    return refuse_unknown(argv[1]);
}

/* A report that could not be written whole must not look like a good one. */
static enum cmd_status flush(enum cmd_status status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return status;
    }
    cmd_complain(NULL, strerror(errno));
    return CMD_FAILED;
}

/* A standard descriptor that is closed would become the next socket, and a log line go to a client.
 * Each is opened the wrong way round, so that using it still fails.  Open numbers are given out in
 * order, so the new one is the one that was missing. */
static bool hold_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!hold_standard_fds()) {
        return CMD_FAILED;
    }
    return (int)flush(run(argc, argv));
}
