#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void err_clear(struct err *e)
{
    e->text[0] = '\0';
}

void err_set(struct err *e, const char *fmt, ...)
{
    struct err fresh = {""}; /* the arguments may point into e->text */
    va_list args;

    if (e == NULL) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(fresh.text, sizeof(fresh.text), fmt, args); /* cutting is the contract */
    va_end(args);
    *e = fresh;
}

static void append_text(struct err *e, const char *text)
{
    size_t len = strlen(e->text);
    size_t n = strnlen(text, sizeof(e->text) - 1 - len);

    memcpy(e->text + len, text, n);
    e->text[len + n] = '\0';
}

void err_prefix(struct err *e, const char *fmt, ...)
{
    struct err fresh = {""};
    va_list args;

    if (e == NULL) {
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(fresh.text, sizeof(fresh.text), fmt, args);
    va_end(args);
    if (e->text[0] != '\0') {
        append_text(&fresh, ": ");
        append_text(&fresh, e->text);
    }
    *e = fresh;
}
