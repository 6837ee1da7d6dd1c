#include "cmd.h"

#include <errno.h>

#include "app/optionhelp.h"
#include "app/optiontable.h"

bool cmd_begin(struct options *o, enum options_command command, int argc, char **argv,
               enum cmd_status *status_out)
{
    struct err e = {.text = ""};
    int rc = options_parse(o, command, argc, argv, &e);

    if (rc != 0) {
        cmd_complain(optiontable_command(command)->name, e.text);
        *status_out = rc == -ENOMEM ? CMD_FAILED : CMD_USAGE;
        return false;
    }
    if (o->help) {
        optionhelp_print_command(stdout, command);
        *status_out = CMD_OK;
        return false;
    }
    return true;
}

void cmd_complain(const char *command, const char *what)
{
    fputs("sealway", stderr);
    if (command != NULL) {
        fprintf(stderr, " %s", command);
    }
    fputs(": ", stderr);
    cmd_put_text(stderr, what);
    fputc('\n', stderr);
}

/* C0, DEL, and C1 as UTF-8 writes it: what a terminal would take for a command. */
void cmd_put_text(FILE *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    for (; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f) {
            fputc('?', out);
        } else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
            fputc('?', out);
            p++;
        } else {
            fputc(*p, out);
        }
    }
}
