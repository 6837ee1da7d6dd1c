/**
 * answerer - an HTTP server that knows nothing of HTTP: it says what it was told to.
 *
 * Plain or TLS, on a free port of loopback; a thread for each connection.  A connection reads a
 * request, keeps it, waits for the next answer of the one queue that all share, writes it, and does
 * what comes behind.  Failures abort the test program.
 */
#ifndef SUPPORT_ANSWERER_H
#define SUPPORT_ANSWERER_H

#include <stddef.h>

#include "base/netaddr.h"

struct answerer;

enum answer_then {
    ANSWER_KEEP,  /* read the next request */
    ANSWER_MORE,  /* wait for the next answer, which continues this one */
    ANSWER_CLOSE, /* FIN, in TLS without close_notify */
    ANSWER_RESET, /* RST */
    ANSWER_FLOOD, /* say it again and again until the client has gone */
    ANSWER_TLS,   /* go on in TLS, as a proxy's tunnel does */
};

/** Speak plainly (`cert` NULL), or TLS with that PEM file; ask for client certificates from
 * `client_ca`, NULL: do not. */
struct answerer_config {
    const char *cert, *client_ca;
    int family; /* AF_INET (or 0), AF_INET6 */
};

struct answerer *answerer_start(const struct answerer_config *cfg);

/** Ends every connection.  NULL is ignored. */
void answerer_stop(struct answerer *s);

struct netaddr answerer_addr(const struct answerer *s);

/** Queue an answer; the text is copied. */
void answerer_add(struct answerer *s, const char *text, enum answer_then then);
void answerer_add_bytes(struct answerer *s, const void *bytes, size_t len, enum answer_then then);

/** "HTTP/1.1 200 OK", JSON, with a Content-Length; the connection is kept. */
void answerer_add_json(struct answerer *s, const char *body);

/** New connections show this certificate from now on. */
void answerer_use_cert(struct answerer *s, const char *cert);

/** What came so far.  A request's text (head and body) stays until the server is stopped. */
size_t answerer_requests(struct answerer *s);
size_t answerer_connections(struct answerer *s);
const char *answerer_request(struct answerer *s, size_t i);

/** The server name of the last TLS handshake; "" without. */
const char *answerer_sni(struct answerer *s);

#endif
