#include "model/k8sname.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define LABEL_MAX      63u
#define SUBDOMAIN_MAX  253u
#define PORT_NAME_MAX  15u
#define CONTROLLER_MAX 250u

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool is_label(const char *s, size_t len)
{
    if (len == 0 || !is_lower_alnum(s[0]) || !is_lower_alnum(s[len - 1])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_lower_alnum(s[i]) && s[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool is_subdomain(const char *s, size_t len)
{
    const char *end = s + len;

    if (len > SUBDOMAIN_MAX) {
        return false;
    }
    for (;;) {
        const char *dot = memchr(s, '.', (size_t)(end - s));
        const char *label_end = dot != NULL ? dot : end;

        if (!is_label(s, (size_t)(label_end - s))) {
            return false;
        }
        if (dot == NULL) {
            return true;
        }
        s = dot + 1;
    }
}

bool k8sname_is_label(const char *name)
{
    size_t len = strlen(name);

    return len <= LABEL_MAX && is_label(name, len);
}

bool k8sname_is_subdomain(const char *name)
{
    return is_subdomain(name, strlen(name));
}

bool k8sname_is_service(const char *name)
{
    return k8sname_is_label(name); /* a DNS-1035 label is one, too */
}

bool k8sname_is_port(const char *name)
{
    size_t len = strlen(name);

    return len <= PORT_NAME_MAX && is_label(name, len) && strstr(name, "--") == NULL &&
           strpbrk(name, LOWER) != NULL;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_qualified_name(const char *s)
{
    size_t len = strlen(s);

    return len > 0 && len <= LABEL_MAX && strspn(s, LOWER UPPER DIGIT "-_.") == len &&
           strchr("-_.", s[0]) == NULL && strchr("-_.", s[len - 1]) == NULL;
}

static bool is_subdomain_any_case(const char *s, size_t len)
{
    char lower[SUBDOMAIN_MAX] = {0};

    if (len > sizeof(lower)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        lower[i] = (char)tolower((unsigned char)s[i]);
    }
    return is_subdomain(lower, len);
}

bool k8sname_is_qualified(const char *key)
{
    const char *slash = strchr(key, '/');

    if (slash == NULL) {
        return is_qualified_name(key);
    }
    /* The API server lower-cases keys before it checks them. */
    return is_subdomain_any_case(key, (size_t)(slash - key)) && is_qualified_name(slash + 1);
}

bool k8sname_is_controller(const char *name)
{
    const char *slash = strchr(name, '/');
    size_t len = strlen(name);

    if (slash == NULL || len > CONTROLLER_MAX || slash[1] == '\0') {
        return false;
    }
    /* RFC 3986 path characters */
    return is_subdomain(name, (size_t)(slash - name)) &&
           strspn(slash + 1, LOWER UPPER DIGIT "/-._~%!$&'()*+,;=:") == strlen(slash + 1);
}

/* Four decimal numbers up to 255; leading zeros too, as the API server parses them. */
static bool is_ipv4(const char *s)
{
    for (unsigned part = 0; part < 4; part++) {
        unsigned value = 0;

        if (!isdigit((unsigned char)*s)) {
            return false;
        }
        while (isdigit((unsigned char)*s) && value <= 255) {
            value = value * 10 + (unsigned)(*s++ - '0');
        }
        if (value > 255 || *s != (part < 3 ? '.' : '\0')) {
            return false;
        }
        s++;
    }
    return true;
}

static bool has_upper(const char *s)
{
    return strpbrk(s, UPPER) != NULL;
}

static bool has_non_ascii(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s >= 0x80) {
            return true;
        }
    }
    return false;
}

/* A quote that became part of the name; most likely one of those that word processors make. */
static bool has_quote(const char *s)
{
    static const char *const quotes[] = {"\"",
                                         "'",
                                         "`",
                                         "\xe2\x80\x98",
                                         "\xe2\x80\x99",
                                         "\xe2\x80\x9a",
                                         "\xe2\x80\x9c",
                                         "\xe2\x80\x9d",
                                         "\xe2\x80\x9e",
                                         "\xc2\xab",
                                         "\xc2\xbb"};

    for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
        if (strstr(s, quotes[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* A host less the "*." of a wildcard. */
static const char *bare_name(const char *host)
{
    return strncmp(host, "*.", 2) == 0 ? host + 2 : host;
}

/* The likeliest reason first: why is_subdomain() said no. */
static const char *explain_host(const char *host, size_t len)
{
    if (strchr(host, ':') != NULL || strchr(host, '/') != NULL) {
        return "a host is a bare name: take away scheme, port and path";
    }
    if (len <= SUBDOMAIN_MAX && is_subdomain_any_case(bare_name(host), strlen(bare_name(host)))) {
        return "write it in lower case";
    }
    if (has_quote(host)) {
        return "take away the quotes within it: YAML knows only plain ones, around the whole value";
    }
    if (has_non_ascii(host)) {
        return "write the name in its ASCII form, xn--...";
    }
    if (len > 0 && host[len - 1] == '.') {
        return "take away the dot at its end";
    }
    if (len > SUBDOMAIN_MAX) {
        return "a name has 253 characters at most";
    }
    if (strchr(host, '*') != NULL) {
        return "a wildcard is the whole first label, as in *.example.com";
    }
    if (strchr(host, '_') != NULL) {
        return has_upper(host) ? "write it in lower case, and without underscores"
                               : "the API server takes no underscores in hosts";
    }
    if (has_upper(host)) {
        return "write it in lower case, as labels of a-z, 0-9 and '-' joined by single dots";
    }
    return "write labels of a-z, 0-9 and '-', joined by single dots, as in www.example.com";
}

const char *k8sname_host_fault(const char *host)
{
    const char *name = bare_name(host);
    size_t len = strlen(host);

    if (is_ipv4(host)) {
        return "it is an IP address, and SNI carries names only: write a DNS name";
    }
    if (len > SUBDOMAIN_MAX || !k8sname_is_subdomain(name)) {
        return explain_host(host, len);
    }
    return NULL;
}
