/**
 * kubeserver - where requests go: the server of a kubeaccess in the pieces that libcurl wants.
 *
 * libcurl takes the name for SNI and verification from the URL.  With a tls-server-name the URL has
 * that name, `connect_to` leads to the real host, and `host` keeps the Host header what it was.
 */
#ifndef KUBE_KUBESERVER_PRIV_H
#define KUBE_KUBESERVER_PRIV_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct kubeaccess;

struct kubeserver {
    char *url;        /* put the path of a request behind it */
    char *connect_to; /* for CURLOPT_CONNECT_TO; NULL: where the URL says */
    char *host;       /* the header "Host: ..."; NULL: as libcurl makes it */
    bool is_plain;    /* http:// */
};

/** `a->server` is http or https, without user, query or fragment, as kubeaccess has seen to.
 * Returns 0, -EINVAL or -ENOMEM with `e` filled; then nothing needs to be freed. */
MUST_CHECK int kubeserver_init(struct kubeserver *s, const struct kubeaccess *a, struct err *e);

/** A zeroed one is accepted. */
void kubeserver_fini(struct kubeserver *s);

#endif
