/**
 * serverurl - whether a text is the URL of a server or of a proxy that can be used.
 */
#ifndef KUBE_SERVERURL_PRIV_H
#define KUBE_SERVERURL_PRIV_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/**
 * An API server: http or https, a host, perhaps a port and a path; no user, query or fragment.
 * `*out` is the URL without slashes at its end.  Returns 0, -EINVAL with `e` saying what it must be
 * (in words that follow its place), -ENOMEM.
 */
MUST_CHECK int serverurl_check(const char *url, char **out, struct err *e);

/** A forward proxy: http, https or socks5, and a host; a user may be in it.  Likewise. */
MUST_CHECK int serverurl_check_proxy(const char *url, struct err *e);

/** "https://HOST:PORT", with brackets around an IPv6 address; NULL without memory. */
MUST_CHECK char *serverurl_compose(const char *host, const char *port);

/** Whether requests to it are encrypted. */
bool serverurl_is_https(const char *url);

#endif
