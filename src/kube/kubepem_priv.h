/**
 * kubepem - whether a text is what a TLS client needs: certificates, a private key, a pair of both.
 *
 * What passes here is what libcurl with OpenSSL will take.  Keeps nothing.
 */
#ifndef KUBE_KUBEPEM_PRIV_H
#define KUBE_KUBEPEM_PRIV_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/** One certificate or more in PEM, each of which can be read, and nothing cut short. */
bool kubepem_is_certificates(const char *text);

/** A private key in PEM without a passphrase. */
bool kubepem_is_key(const char *text);

/** Whether the key belongs to the first certificate.  Both are what they should be. */
bool kubepem_is_pair(const char *cert, const char *key);

#endif
