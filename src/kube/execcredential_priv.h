/**
 * execcredential - what a credential plugin prints: an ExecCredential of client.authentication.
 */
#ifndef KUBE_EXECCREDENTIAL_PRIV_H
#define KUBE_EXECCREDENTIAL_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

#define EXECCREDENTIAL_FOREVER INT64_MAX

struct execcredential {
    char *token;      /* NULL: none */
    char *cert, *key; /* PEM; both or none */
    int64_t expires;  /* seconds since 1970; EXECCREDENTIAL_FOREVER: it does not say */
};

/**
 * Parse and check.  `api_version` is what it must be of.  Returns 0, -EINVAL or -ENOMEM with `e`,
 * which never has a part of the text in it, for that may be a secret.
 */
MUST_CHECK int execcredential_parse(struct execcredential *out, const char *text, size_t len,
                                    const char *api_version, struct err *e);

/** Overwrite and free.  A zeroed one is accepted. */
void execcredential_fini(struct execcredential *c);

#endif
