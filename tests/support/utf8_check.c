#include "support/utf8_check.h"

#include <stdint.h>

static size_t decode(const char *s, size_t left, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = (uint8_t)s[0];
    size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    uint32_t point;

    if (len == 0 || len > left || lead >= 0xf8) {
        return 0;
    }
    point = len == 1 ? lead : lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | ((uint8_t)s[i] & 0x3f);
    }
    *out = point;
    return point >= least[len] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) ? len : 0;
}

size_t utf8_check_len(const char *s, size_t left)
{
    uint32_t ignored;

    return decode(s, left, &ignored);
}

bool utf8_check_is_clean(const char *s, size_t len)
{
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t point = 0;

        n = decode(s + i, len - i, &point);
        if (n == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0)) {
            return false;
        }
    }
    return true;
}
