#include "app/optionhelp.h"

#include <string.h>

#include "app/optiontable.h"

#define COLUMNS       100
#define OPTION_COLUMN 38 /* where the words behind an option start */
#define NAME_COLUMN   12 /* where the words behind a command start */

/* Write `text` from column `at` on, broken at spaces, further lines starting at column `indent`. */
static void print_wrapped(FILE *out, size_t at, size_t indent, const char *text)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " ");

        if (at > indent && at + 1 + word > COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, word, out);
        at += word;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct optiontable_row *row)
{
    char head[64], body[512];
    const char letter[] = {'-', row->letter, ',', ' ', '\0'};
    int width =
        snprintf(head, sizeof(head), "  %s--%s%s%s", row->letter != 0 ? letter : "", row->name,
                 row->value != NULL ? " " : "", row->value != NULL ? row->value : "");

    snprintf(body, sizeof(body), "%s [default: %s]", row->help, optiontable_default(row));
    if (width < OPTION_COLUMN) {
        fprintf(out, "%-*s", OPTION_COLUMN, head);
    } else {
        fprintf(out, "%s\n%*s", head, OPTION_COLUMN, "");
    }
    print_wrapped(out, OPTION_COLUMN, OPTION_COLUMN, body);
}

void optionhelp_print_command(FILE *out, enum options_command command)
{
    const struct optiontable_command *c = optiontable_command(command);
    size_t n;
    const struct optiontable_row *rows = optiontable_rows(&n);
    bool any = false;

    fprintf(out, "Usage: sealway %s%s%s\n\n", c->name, *c->usage != '\0' ? " " : "", c->usage);
    print_wrapped(out, 0, 0, c->help);
    for (size_t i = 0; i < n; i++) {
        if ((rows[i].commands & command) == 0) {
            continue;
        }
        if (!any) {
            fputs("\nOptions, each also as a variable (--log-level: SEALWAY_LOG_LEVEL; the command "
                  "line wins):\n\n",
                  out);
            any = true;
        }
        print_option(out, &rows[i]);
    }
}

void optionhelp_print_program(FILE *out)
{
    size_t n;
    const struct optiontable_command *commands = optiontable_commands(&n);

    fputs("Usage: sealway COMMAND [options]\n\n"
          "A Kubernetes ingress controller that routes TLS by server name without decrypting it.\n"
          "\nCommands:\n\n",
          out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "  %-*s", NAME_COLUMN - 2, commands[i].name);
        print_wrapped(out, NAME_COLUMN, NAME_COLUMN, commands[i].help);
    }
    fputs("\nsealway COMMAND --help lists a command's options.\n", out);
}
