/**
 * certs - a certificate authority of a test's own, and certificates from it.
 *
 * PEM files in a directory, valid for a day, keys on P-256.  Failures abort the test program.
 */
#ifndef SUPPORT_CERTS_H
#define SUPPORT_CERTS_H

#include "support/tempdir.h"

struct certs;

/** Make an authority and write its certificate to `dir`/ca.pem. */
struct certs *certs_new(const struct tempdir *dir);

/** Write `dir`/`file`.pem: a new key and a certificate of it for the DNS name `host` ("*.x" works)
 * and what follows it ("x.test,IP:192.0.2.1"), or for an IPv6 address; good for servers and
 * clients. */
void certs_issue(struct certs *c, const char *file, const char *host);

/** Likewise, but it was good until an hour ago. */
void certs_issue_expired(struct certs *c, const char *file, const char *host);

/** The path of `file`.pem ("ca" is the authority); returns `out`. */
const char *certs_path(const struct certs *c, const char *file, char out[PATH_MAX]);

void certs_free(struct certs *c);

#endif
