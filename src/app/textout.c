#include "app/textout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

#define PRINTF_MAX 512

static void put(struct textout *t, const void *bytes, size_t n)
{
    if (t->rc == 0) {
        t->rc = buf_append(t->out, bytes, n);
    }
}

void textout_init(struct textout *t, struct buf *out)
{
    *t = (struct textout){.out = out};
}

void textout_put(struct textout *t, const char *text)
{
    put(t, text, strlen(text));
}

void textout_printf(struct textout *t, const char *fmt, ...)
{
    char text[PRINTF_MAX];
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ASSERT(len >= 0 && (size_t)len < sizeof(text)); /* words of ours, numbers, addresses */
    put(t, text, (size_t)len);
}

void textout_safe_bytes(struct textout *t, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && t->rc == 0;) {
        size_t run = utf8_plain_run(bytes + i, n - i);

        put(t, bytes + i, run);
        i += run;
        if (i < n) {
            size_t len = utf8_len(bytes + i, n - i);

            put(t, "?", 1);
            i += len > 0 ? len : 1;
        }
    }
}

void textout_safe(struct textout *t, const char *text)
{
    textout_safe_bytes(t, text, strlen(text));
}

void textout_spaces(struct textout *t, size_t n)
{
    static const char spaces[] = "                                ";

    for (size_t some; n > 0; n -= some) {
        some = n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1;
        put(t, spaces, some);
    }
}
