#include "route/hostname.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * What a byte of a name becomes; 0 for those no name has.  A table and not tolower(): RFC 4343
 * folds ASCII only, and no locale may have a say in where a connection goes.
 */
/* clang-format off */
static const char folded[256] = {
    ['-'] = '-',
    ['.'] = '.',
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
            'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ['_'] = '_',
    ['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm',
            'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
};
/* clang-format on */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool all_of(bool (*is_one)(char c), const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_one(text[i])) {
            return false;
        }
    }
    return true;
}

/* What inet_aton(3) and the URL standard's host parser take for the end of an IPv4 address. */
static bool is_number(const char *label, size_t len)
{
    if (len >= 2 && label[0] == '0' && label[1] == 'x') {
        return all_of(is_hex_digit, label + 2, len - 2);
    }
    return all_of(is_digit, label, len);
}

/* "::1" or "[::1]". */
static bool is_ipv6(const char *text, size_t len)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr ignored;

    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(copy) || memchr(text, '\0', len) != NULL) {
        return false;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    return inet_pton(AF_INET6, copy, &ignored) == 1;
}

static bool is_label_len(size_t len)
{
    return len >= 1 && len <= HOSTNAME_LABEL_MAX;
}

/* Fold `len` bytes and hold every label to its bounds; *last_out is where the last one starts. */
static bool fold_labels(const char *name, size_t len, char *out, size_t *last_out)
{
    size_t start = 0;

    for (size_t i = 0; i < len; i++) {
        out[i] = folded[(unsigned char)name[i]];
        if (out[i] == '\0') {
            return false;
        }
        if (out[i] == '.') {
            if (!is_label_len(i - start)) {
                return false;
            }
            start = i + 1;
        }
    }
    *last_out = start;
    return is_label_len(len - start);
}

enum hostname_kind hostname_normalise(const char *name, size_t len, char out[HOSTNAME_MAX + 1],
                                      size_t *out_len)
{
    char lower[HOSTNAME_MAX];
    size_t n = len, last;

    if (len == 0) {
        return HOSTNAME_NONE;
    }
    if (name[n - 1] == '.') {
        n--;
    }
    if (n > HOSTNAME_MAX || !fold_labels(name, n, lower, &last)) {
        return is_ipv6(name, len) ? HOSTNAME_ADDRESS : HOSTNAME_INVALID;
    }
    if (is_number(lower + last, n - last)) {
        return HOSTNAME_ADDRESS;
    }
    memcpy(out, lower, n);
    out[n] = '\0';
    *out_len = n;
    return HOSTNAME_VALID;
}

enum hostname_kind hostname_normalise_pattern(const char *pattern, size_t len,
                                              char out[HOSTNAME_MAX + 1], size_t *out_len)
{
    bool wildcard = len >= 2 && pattern[0] == '*' && pattern[1] == '.';
    size_t prefix = wildcard ? 2 : 0, n;
    char name[HOSTNAME_MAX + 1];
    enum hostname_kind kind = hostname_normalise(pattern + prefix, len - prefix, name, &n);

    if (kind == HOSTNAME_NONE && !wildcard) {
        return HOSTNAME_NONE;
    }
    if (kind != HOSTNAME_VALID || prefix + n > HOSTNAME_MAX) {
        return HOSTNAME_INVALID;
    }
    memcpy(out, pattern, prefix);
    memcpy(out + prefix, name, n + 1);
    *out_len = prefix + n;
    return HOSTNAME_VALID;
}

bool hostname_is_wildcard(const char *pattern)
{
    return pattern[0] == '*';
}
