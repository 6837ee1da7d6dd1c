/**
 * http_ask - one request to the admin port of a running program, one answer.
 *
 * Blocking, with a deadline, a connection of its own.
 */
#ifndef SUPPORT_HTTP_ASK_H
#define SUPPORT_HTTP_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/netaddr.h"

struct http_answer {
    int status; /* 0: none came */
    char *text; /* head and body, terminated; "" without an answer */
    const char *body;
    size_t body_len;
};

/** Send "METHOD TARGET" and read to the end.  To be freed with http_answer_fini(). */
void http_ask(const struct netaddr *to, const char *method, const char *target,
              struct http_answer *out);

void http_answer_fini(struct http_answer *a);

/** GET it and see only the status. */
int http_status(const struct netaddr *to, const char *target);

/** GET it and see that the status is this and the body has these words; prints what it has if not.
 */
bool http_says(const struct netaddr *to, const char *target, int status, const char *words);

/** Likewise, without printing: for waiting. */
bool http_says_yet(const struct netaddr *to, const char *target, int status, const char *words);

#endif
