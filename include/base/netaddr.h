/**
 * netaddr - an IP address and port, small and comparable.
 *
 * IPv4-mapped IPv6 addresses are unmapped on the way in, so that one peer has one spelling.
 */
#ifndef BASE_NETADDR_H
#define BASE_NETADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"

struct netaddr {
    uint16_t family; /* AF_INET, AF_INET6, or AF_UNSPEC for "none" */
    uint16_t port;   /* host order */
    union {
        uint8_t bytes[16]; /* network order; the first 4 for AF_INET, the rest then zero */
        struct in_addr v4;
        struct in6_addr v6;
    } ip;
};

/** "[" + the longest IPv6 text + "]:65535" + terminator. */
#define NETADDR_TEXT_MAX 56

/** Parse "1.2.3.4:80" or "[::1]:80".  Returns 0, -EINVAL. */
MUST_CHECK int netaddr_parse(const char *text, struct netaddr *out);

/** Parse a bare address ("1.2.3.4", "::1", no brackets, no scope) and give it `port`.  0, -EINVAL.
 */
MUST_CHECK int netaddr_parse_ip(const char *text, uint16_t port, struct netaddr *out);

/** Write "1.2.3.4:80" / "[::1]:80" / "-" for none; returns `text` for use in an argument list. */
const char *netaddr_format(const struct netaddr *a, char text[NETADDR_TEXT_MAX]);

/** Write the address without port and brackets; returns `text`. */
const char *netaddr_format_ip(const struct netaddr *a, char text[NETADDR_TEXT_MAX]);

/** From a kernel address; unmaps ::ffff:a.b.c.d; AF_UNSPEC for any other family. */
void netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr *sa);

/** To a kernel address; returns its length. */
socklen_t netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *out);

/** Same family, address and port. */
bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);

/** Same family and address, whatever the ports. */
bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b);

/** Total order (family, address, port) for sorting; <0, 0, >0. */
int netaddr_compare(const struct netaddr *a, const struct netaddr *b);

bool netaddr_is_unspecified(const struct netaddr *a); /* 0.0.0.0, :: */
bool netaddr_is_loopback(const struct netaddr *a);    /* 127/8, ::1 */
bool netaddr_is_link_local(const struct netaddr *a);  /* 169.254/16, fe80::/10 */
bool netaddr_is_multicast(const struct netaddr *a);   /* 224/4, ff00::/8 */

#endif
