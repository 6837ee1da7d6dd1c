#include "support/hello_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Append what the next unit says and step over it. */
typedef bool (*unit_fn)(struct hello_bytes *b, const char **at, const char *end);

static bool read_digit(char c, unsigned *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, tolower((unsigned char)c)) : NULL;

    if (found == NULL) {
        return false;
    }
    *out = (unsigned)(found - digits);
    return true;
}

static bool add_pair(struct hello_bytes *b, const char **at, const char *end)
{
    const char *p = *at;
    unsigned high, low;

    if (end - p < 2 || !read_digit(p[0], &high) || !read_digit(p[1], &low)) {
        return false;
    }
    hello_bytes_add_u8(b, high << 4 | low);
    *at += 2;
    return true;
}

static bool add_character(struct hello_bytes *b, const char **at, const char *end)
{
    const char *p = *at;

    if (*p != '\\') {
        hello_bytes_add(b, p, 1);
        *at += 1;
        return true;
    }
    if (end - p < 2) {
        return false;
    }
    *at += 2;
    switch (p[1]) {
    case 'r':
        hello_bytes_add_u8(b, '\r');
        return true;
    case 'n':
        hello_bytes_add_u8(b, '\n');
        return true;
    case '\\':
        hello_bytes_add_u8(b, '\\');
        return true;
    case 'x':
        return add_pair(b, at, end);
    default:
        return false;
    }
}

static bool add_units(struct hello_bytes *b, const char *at, const char *end, unit_fn unit)
{
    while (at < end) {
        if (!unit(b, &at, end)) {
            return false;
        }
    }
    return true;
}

/* "{x*N}": `at` stands on the brace. */
static bool add_repeated(struct hello_bytes *b, const char **at, unit_fn unit)
{
    const char *star = strchr(*at, '*');
    char *end;
    unsigned long times;

    if (star == NULL) {
        return false;
    }
    times = strtoul(star + 1, &end, 10);
    if (*end != '}') {
        return false;
    }
    for (unsigned long i = 0; i < times; i++) {
        if (!add_units(b, *at + 1, star, unit)) {
            return false;
        }
    }
    *at = end + 1;
    return true;
}

static bool add_all(struct hello_bytes *b, const char *at, unit_fn unit)
{
    const char *end = at + strlen(at);

    while (at < end) {
        if (!(*at == '{' ? add_repeated(b, &at, unit) : unit(b, &at, end))) {
            return false;
        }
    }
    return true;
}

bool hello_text_add(struct hello_bytes *b, const char *text)
{
    return add_all(b, text, add_character);
}

bool hello_text_add_hex(struct hello_bytes *b, const char *hex)
{
    return add_all(b, hex, add_pair);
}

static void skip_between(const char **at)
{
    for (;;) {
        const char *close = strncmp(*at, "/*", 2) == 0 ? strstr(*at, "*/") : NULL;

        if (close != NULL) {
            *at = close + 2;
        } else if (**at == ',' || isspace((unsigned char)**at)) {
            *at += 1;
        } else if (strncmp(*at, "0x", 2) == 0) {
            *at += 2;
        } else {
            return;
        }
    }
}

bool hello_text_add_file(struct hello_bytes *b, const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    bool good = f != NULL && getdelim(&text, &cap, '\0', f) > 0;
    const char *at = text;

    while (good) {
        skip_between(&at);
        if (*at == '\0') {
            break;
        }
        good = add_pair(b, &at, at + strlen(at));
    }
    if (f != NULL) {
        fclose(f);
    }
    free(text);
    return good;
}

bool hello_text_number(const char *text, int base, size_t *out)
{
    char *end;
    unsigned long value;

    if (!isxdigit((unsigned char)*text)) {
        return false;
    }
    errno = 0;
    value = strtoul(text, &end, base);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}
