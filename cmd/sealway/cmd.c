#include "cmd.h"

#include <errno.h>
#include <string.h>

#include "app/optionhelp.h"
#include "app/optiontable.h"
#include "base/utf8.h"

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

/* A byte that is no UTF-8 may be a command too: some terminals take 0x9b alone for CSI. */
static void put_safe(FILE *out, const char *text, size_t len, bool lines)
{
    for (size_t i = 0; i < len;) {
        size_t n = utf8_plain_run(text + i, len - i);

        fwrite(text + i, 1, n, out);
        i += n;
        if (i < len) {
            n = utf8_len(text + i, len - i);
            fputc(lines && text[i] == '\n' ? '\n' : '?', out);
            i += n > 0 ? n : 1;
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
