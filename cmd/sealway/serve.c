#include "app/app.h"
#include "app/mainloop.h"
#include "cmd.h"

enum cmd_status serve_command(int argc, char **argv)
{
    struct options o;
    struct err e = {.text = ""};
    enum cmd_status status;
    sigset_t before;

    /* First of all: a signal that comes while we start waits until the loop can take it.  Never
     * taken back, for the process ends with this command. */
    mainloop_block_signals(&before);
    if (cmd_begin(&o, OPTIONS_SERVE, argc, argv, &status)) {
        status = (enum cmd_status)app_serve(&o, version_build(), &e);
        if (status != CMD_OK) {
            cmd_complain("serve", e.text);
        }
    }
    options_fini(&o);
    return status;
}

_Static_assert(APP_OK == (int)CMD_OK && APP_FAILED == (int)CMD_FAILED &&
                   APP_USAGE == (int)CMD_USAGE,
               "exit statuses");
