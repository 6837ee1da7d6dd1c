#include "kubetoken_priv.h"

#include <string.h>

#define SPACE " \t\r\n"

bool kubetoken_is_good(const char *text)
{
    const char *p = text;

    while (*p > 0x20 && *p < 0x7f) {
        p++;
    }
    return p != text && *p == '\0';
}

void kubetoken_trim(char *text)
{
    size_t size = strlen(text), start = strspn(text, SPACE), end = size;

    while (end > start && strchr(SPACE, text[end - 1]) != NULL) {
        end--;
    }
    memmove(text, text + start, end - start);
    explicit_bzero(text + (end - start), size - (end - start));
}
