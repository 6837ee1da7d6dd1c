/**
 * tls_backend - a real TLS server that answers each HTTP request with its name.
 *
 * OpenSSL in a thread of its own, one connection after the other, one request on each.
 */
#ifndef FAKES_TLS_BACKEND_H
#define FAKES_TLS_BACKEND_H

#include "base/netaddr.h"

struct tls_backend;

struct tls_backend_config {
    const char *name;      /* the body of every answer */
    const char *cert;      /* PEM file with key and certificate */
    const char *client_ca; /* PEM file: clients must show a certificate from it; NULL: none */
    int max_version;       /* TLS1_2_VERSION, ...; 0: the newest */
    const char *groups;    /* the only ones it takes: "P-384"; NULL: OpenSSL's own */
    const char *ip;        /* NULL: 127.0.0.1 */
};

/** Listen on a free port and serve.  Aborts the test program on failure. */
struct tls_backend *tls_backend_start(const struct tls_backend_config *cfg);

struct netaddr tls_backend_addr(const struct tls_backend *b);

/** NULL is ignored. */
void tls_backend_stop(struct tls_backend *b);

#endif
