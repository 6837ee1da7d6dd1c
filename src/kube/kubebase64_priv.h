/**
 * kubebase64 - base64 (RFC 4648, section 4) of the data in a kubeconfig.
 */
#ifndef KUBE_KUBEBASE64_PRIV_H
#define KUBE_KUBEBASE64_PRIV_H

#include "base/attr.h"

/** Decode to a terminated text, to be freed with secret_free(); line ends within are passed over.
 * Returns 0, -EINVAL (not base64, or a NUL within), -ENOMEM. */
MUST_CHECK int kubebase64_decode(const char *text, char **out);

/** Encode a text; NULL without memory. */
MUST_CHECK char *kubebase64_encode(const char *text);

#endif
