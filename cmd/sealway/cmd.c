#include "cmd.h"

#include <errno.h>
#include <string.h>

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
static void put_safe(FILE *out, const char *text, size_t len, bool lines)
{
    const unsigned char *p = (const unsigned char *)text;

    for (size_t i = 0; i < len; i++) {
        if (lines && p[i] == '\n') {
            fputc('\n', out);
        } else if (p[i] < 0x20 || p[i] == 0x7f) {
            fputc('?', out);
        } else if (p[i] == 0xc2 && i + 1 < len && p[i + 1] >= 0x80 && p[i + 1] <= 0x9f) {
            fputc('?', out);
            i++;
        } else {
            fputc(p[i], out);
        }
    }
}

void cmd_put_text(FILE *out, const char *text)
{
    put_safe(out, text, strlen(text), false);
}

void cmd_put_page(FILE *out, const char *text, size_t len)
{
    put_safe(out, text, len, true);
}
