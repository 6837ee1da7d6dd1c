#include "base/utf8.h"

#include <stdint.h>

#include "base/attr.h"

size_t utf8_len(const char *s, size_t n)
{
    static const struct {
        uint8_t lead_first, lead_last, second_first, second_last, len;
    } forms[] = {
        /* RFC 3629, section 4: no overlong form, no surrogate, nothing over U+10FFFF. */
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const uint8_t *u = (const uint8_t *)s;
    size_t form = 0;

    if (u[0] < 0x80) {
        return 1;
    }
    while (form < ARRAY_LEN(forms) && u[0] > forms[form].lead_last) {
        form++;
    }
    if (form == ARRAY_LEN(forms) || u[0] < forms[form].lead_first || n < forms[form].len ||
        u[1] < forms[form].second_first || u[1] > forms[form].second_last) {
        return 0;
    }
    for (size_t i = 2; i < forms[form].len; i++) {
        if ((u[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return forms[form].len;
}

bool utf8_is_control(const char *s, size_t len)
{
    const uint8_t *u = (const uint8_t *)s;

    return (len == 1 && (u[0] < 0x20 || u[0] == 0x7f)) || (len == 2 && u[0] == 0xc2 && u[1] < 0xa0);
}

size_t utf8_plain_run(const char *s, size_t n)
{
    size_t i = 0, len;

    while (i < n && (len = utf8_len(s + i, n - i)) > 0 && !utf8_is_control(s + i, len)) {
        i += len;
    }
    return i;
}
