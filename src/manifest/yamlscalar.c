#include "yamlscalar_priv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

#define NUMBER_MAX 128u /* a longer one is a text: no field takes it */

static const struct {
    const char *words; /* each between blanks */
    enum yamlscalar_type type;
} named[] = {
    {" y Y yes Yes YES true True TRUE on On ON ", YAMLSCALAR_TRUE},
    {" n N no No NO false False FALSE off Off OFF ", YAMLSCALAR_FALSE},
    {" ~ null Null NULL ", YAMLSCALAR_NULL},
    {" .nan .NaN .NAN .inf .Inf .INF +.inf +.Inf +.INF -.inf -.Inf -.INF ", YAMLSCALAR_NO_JSON},
};

#define NAMED_FIRST "yYtTfFnNoO~.+-" /* what such words begin with */

static bool resolve_named(const char *text, size_t len, enum yamlscalar_type *out)
{
    char word[8];

    if (len > 5 || strchr(NAMED_FIRST, text[0]) == NULL || memchr(text, ' ', len) != NULL) {
        return false;
    }
    word[0] = ' ';
    memcpy(word + 1, text, len);
    memcpy(word + 1 + len, " ", 2);
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        if (strstr(named[i].words, word) != NULL) {
            *out = named[i].type;
            return true;
        }
    }
    return false;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Go's strconv.ParseInt with base 0: 12, 0x1f, 0o17, 017, 0b11, each with a sign. */
static bool parse_int(const char *s, double *out)
{
    bool negative = *s == '-';
    double value = 0;
    int base = 10;

    s += *s == '-' || *s == '+';
    if (s[0] == '0' && s[1] != '\0') {
        base = 8;
        if (strchr("xXoObB", s[1]) != NULL) {
            base = s[1] == 'x' || s[1] == 'X' ? 16 : s[1] == 'o' || s[1] == 'O' ? 8 : 2;
            s += 2;
        }
    }
    if (*s == '\0') {
        return false;
    }
    for (; *s != '\0'; s++) {
        if (digit_value(*s) >= base) {
            return false;
        }
        value = value * base + digit_value(*s); /* exact as long as a double is: 2^53 */
    }
    *out = negative ? -value : value;
    return true;
}

static const char *skip_digits(const char *s)
{
    while (*s >= '0' && *s <= '9') {
        s++;
    }
    return s;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool parse_float(const char *text, double *out)
{
    const char *s = text + (*text == '-' || *text == '+'), *digits = s, *fraction;

    s = skip_digits(s);
    if (*s == '.') {
        fraction = ++s;
        s = skip_digits(s);
        if (s == fraction && fraction == digits + 1) {
            return false; /* a lone dot */
        }
    } else if (s == digits) {
        return false;
    }
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        digits = s;
        s = skip_digits(s);
        if (s == digits) {
            return false;
        }
    }
    if (*s != '\0') {
        return false;
    }
    *out = strtod(text, NULL);
    return isfinite(*out) != 0;
}

static bool may_be_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
}

enum yamlscalar_type yamlscalar_resolve(const char *text, size_t len, double *number_out)
{
    char plain[NUMBER_MAX + 1];
    enum yamlscalar_type type;
    size_t n = 0;

    if (len == 0) {
        return YAMLSCALAR_NULL;
    }
    if (memchr(text, '\0', len) != NULL) {
        return YAMLSCALAR_STRING;
    }
    if (resolve_named(text, len, &type)) {
        return type;
    }
    if (!may_be_number(text[0]) || len > NUMBER_MAX) {
        return YAMLSCALAR_STRING;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '_') {
            plain[n++] = text[i];
        }
    }
    plain[n] = '\0';
    if (parse_int(plain, number_out)) {
        return YAMLSCALAR_INT;
    }
    return parse_float(plain, number_out) ? YAMLSCALAR_FLOAT : YAMLSCALAR_STRING;
}
