/**
 * hostname - server names in the one form that tables are keyed by.
 *
 * Lower case ASCII, no trailing dot.  The rule for a name from the wire (RFC 6066 3, RFC
 * 1035 2.3.4): labels of letters, digits, '-' and '_', 1 to 63 bytes, 253 in all; exactly one
 * trailing dot is taken off. An address, and what a resolver would read as one (last label all
 * digits, or 0x…), is no name.
 */
#ifndef ROUTE_HOSTNAME_H
#define ROUTE_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>

#define HOSTNAME_MAX       253
#define HOSTNAME_LABEL_MAX 63

enum hostname_kind {
    HOSTNAME_VALID,
    HOSTNAME_NONE,    /* empty */
    HOSTNAME_ADDRESS, /* an IP literal, bracketed or not: counts as no name */
    HOSTNAME_INVALID, /* cannot be a DNS name */
};

/**
 * Normalise a name from the wire: any bytes, not terminated.  On HOSTNAME_VALID `out` holds the
 * terminated name and *out_len its length (at most HOSTNAME_MAX); otherwise both are untouched.
 */
enum hostname_kind hostname_normalise(const char *name, size_t len, char out[HOSTNAME_MAX + 1],
                                      size_t *out_len);

/**
 * Normalise a host pattern of a route: as above, or "*." followed by a valid name.  Patterns with
 * an address or a '*' anywhere else are HOSTNAME_INVALID.
 */
enum hostname_kind hostname_normalise_pattern(const char *pattern, size_t len,
                                              char out[HOSTNAME_MAX + 1], size_t *out_len);

/** Whether a normalised pattern is a wildcard ("*.example.com"). */
bool hostname_is_wildcard(const char *pattern);

#endif
