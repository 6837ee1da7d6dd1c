/**
 * kubeheaders - the headers of a request, secrets among them.
 */
#ifndef KUBE_KUBEHEADERS_PRIV_H
#define KUBE_KUBEHEADERS_PRIV_H

#include "base/attr.h"

struct curl_slist;
struct kubeaccess;

struct kubeheaders_query {
    const struct kubeaccess *access; /* whom to act as */
    const char *token;               /* NULL: none */
    const char *host;                /* "Host: ..."; NULL: as libcurl makes it */
    const char *content_type;        /* of the body; NULL: there is none */
};

/**
 * All but User-Agent and Accept-Encoding, which libcurl makes.  Returns 0, -ENOMEM, or -EINVAL when
 * token or user hold a byte that cannot stand in a header.
 */
MUST_CHECK int kubeheaders_make(const struct kubeheaders_query *q, struct curl_slist **out);

/** Overwrites them first.  NULL is ignored. */
void kubeheaders_free(struct curl_slist *list);

#endif
