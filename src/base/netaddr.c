#include "base/netaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static size_t ip_len(const struct netaddr *a)
{
    switch (a->family) {
    case AF_INET:
        return 4;
    case AF_INET6:
        return 16;
    default:
        return 0;
    }
}

static void set_v4(struct netaddr *out, const void *ip, uint16_t port)
{
    *out = (struct netaddr){.family = AF_INET, .port = port};
    memcpy(&out->ip.v4, ip, sizeof(out->ip.v4));
}

static void set_v6(struct netaddr *out, const struct in6_addr *ip, uint16_t port)
{
    if (IN6_IS_ADDR_V4MAPPED(ip)) {
        set_v4(out, &ip->s6_addr[12], port);
        return;
    }
    *out = (struct netaddr){.family = AF_INET6, .port = port};
    out->ip.v6 = *ip;
}

int netaddr_parse_ip(const char *text, uint16_t port, struct netaddr *out)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        set_v4(out, &v4, port);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &v6) == 1) {
        set_v6(out, &v6, port);
        return 0;
    }
    return -EINVAL;
}

static MUST_CHECK int parse_port(const char *text, uint16_t *port_out)
{
    size_t digits = strspn(text, "0123456789");
    uint32_t port = 0;

    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return -EINVAL;
    }
    for (size_t i = 0; i < digits; i++) {
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port > UINT16_MAX) {
        return -EINVAL;
    }
    *port_out = (uint16_t)port;
    return 0;
}

int netaddr_parse(const char *text, struct netaddr *out)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN];
    bool bracketed = text[0] == '[';
    uint16_t port;
    size_t len;

    if (colon == NULL || parse_port(colon + 1, &port) < 0) {
        return -EINVAL;
    }
    len = (size_t)(colon - text);
    if (bracketed) {
        if (len < 2 || text[len - 1] != ']') {
            return -EINVAL;
        }
        text++;
        len -= 2;
    }
    if (len >= sizeof(host)) {
        return -EINVAL;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    /* Brackets mean IPv6 and IPv6 means brackets: "::1:80" would be ambiguous. */
    if (bracketed != (strchr(host, ':') != NULL)) {
        return -EINVAL;
    }
    return netaddr_parse_ip(host, port, out);
}

/* Write a number without a terminator; returns its end. */
static char *put_number(char *at, unsigned value)
{
    char digits[10];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

/*
 * Write the address without a terminator; returns its end.  IPv4 by hand, because every access
 * line has some and inet_ntop(3) goes through printf.
 */
static char *put_ip(char *at, const struct netaddr *a)
{
    if (a->family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &a->ip.v6, at, INET6_ADDRSTRLEN); /* it always fits */
        return at + strlen(at);
    }
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) {
            *at++ = '.';
        }
        at = put_number(at, a->ip.bytes[i]);
    }
    return at;
}

const char *netaddr_format_ip(const struct netaddr *a, char text[NETADDR_TEXT_MAX])
{
    if (ip_len(a) == 0) {
        return memcpy(text, "-", sizeof("-"));
    }
    *put_ip(text, a) = '\0';
    return text;
}

const char *netaddr_format(const struct netaddr *a, char text[NETADDR_TEXT_MAX])
{
    char *at = text;

    if (ip_len(a) == 0) {
        return netaddr_format_ip(a, text);
    }
    if (a->family == AF_INET6) {
        *at++ = '[';
    }
    at = put_ip(at, a);
    if (a->family == AF_INET6) {
        *at++ = ']';
    }
    *at++ = ':';
    *put_number(at, a->port) = '\0';
    return text;
}

void netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr *sa)
{
    struct sockaddr_in6 sin6;
    struct sockaddr_in sin;

    *out = (struct netaddr){.family = AF_UNSPEC};
    if (sa == NULL) {
        return;
    }
    /* Copied, because a caller's buffer need not be aligned for the family it holds. */
    if (sa->sa_family == AF_INET) {
        memcpy(&sin, sa, sizeof(sin));
        set_v4(out, &sin.sin_addr, ntohs(sin.sin_port));
    } else if (sa->sa_family == AF_INET6) {
        memcpy(&sin6, sa, sizeof(sin6));
        set_v6(out, &sin6.sin6_addr, ntohs(sin6.sin6_port));
    }
}

socklen_t netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *out)
{
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(a->port)};

    memset(out, 0, sizeof(*out));
    switch (a->family) {
    case AF_INET:
        sin.sin_addr = a->ip.v4;
        memcpy(out, &sin, sizeof(sin));
        return sizeof(sin);
    case AF_INET6:
        sin6.sin6_addr = a->ip.v6;
        memcpy(out, &sin6, sizeof(sin6));
        return sizeof(sin6);
    default:
        return 0;
    }
}

bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b)
{
    return a->family == b->family && memcmp(&a->ip, &b->ip, ip_len(a)) == 0;
}

bool netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
    return a->port == b->port && netaddr_same_ip(a, b);
}

int netaddr_compare(const struct netaddr *a, const struct netaddr *b)
{
    int order;

    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    order = memcmp(&a->ip, &b->ip, ip_len(a));
    if (order != 0) {
        return order;
    }
    return (a->port > b->port) - (a->port < b->port);
}

bool netaddr_is_unspecified(const struct netaddr *a)
{
    static const uint8_t zeros[16];

    return ip_len(a) > 0 && memcmp(&a->ip, zeros, ip_len(a)) == 0;
}

bool netaddr_is_loopback(const struct netaddr *a)
{
    if (a->family == AF_INET) {
        return a->ip.bytes[0] == 127;
    }
    return a->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->ip.v6);
}

bool netaddr_is_link_local(const struct netaddr *a)
{
    const uint8_t *ip = a->ip.bytes;

    if (a->family == AF_INET) {
        return ip[0] == 169 && ip[1] == 254;
    }
    return a->family == AF_INET6 && ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

bool netaddr_is_multicast(const struct netaddr *a)
{
    if (a->family == AF_INET) {
        return (a->ip.bytes[0] & 0xf0) == 0xe0;
    }
    return a->family == AF_INET6 && a->ip.bytes[0] == 0xff;
}
