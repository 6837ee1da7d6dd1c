/**
 * ask - a client that sends something, ends its output and takes the whole answer.
 *
 * Blocking, with a deadline; for tests that only want to know who answers, or how they are refused.
 */
#ifndef SUPPORT_ASK_H
#define SUPPORT_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"

enum ask_end {
    ASK_FIN,     /* the other end finished its output */
    ASK_RESET,   /* or reset the connection */
    ASK_REFUSED, /* nobody listens there */
    ASK_TIMEOUT, /* ten seconds passed */
};

struct ask_answer {
    char bytes[1024]; /* terminated, cut beyond */
    size_t len;
    enum ask_end end;
};

/** Connect to `to`, send `bytes`, half-close, read to the end. */
void ask_bytes(const struct netaddr *to, const void *bytes, size_t len, struct ask_answer *out);

/** Likewise with the input left open: a client that waits for an answer to an incomplete request.
 */
void ask_bytes_open(const struct netaddr *to, const void *bytes, size_t len,
                    struct ask_answer *out);

/** Likewise with a ClientHello for `name` (NULL: without a name). */
void ask_name(const struct netaddr *to, const char *name, struct ask_answer *out);

/** Whether exactly a fatal alert came, followed by a FIN. */
bool ask_is_alert(const struct ask_answer *a, int description);

/** Whether `name` of a name_backend answered (fakes/name_backend.h), and took `len` bytes. */
bool ask_is_from(const struct ask_answer *a, const char *name, size_t len);

/** Ask for `name` and see whether the backend `from` answers to every byte of the hello. */
bool ask_reaches(const struct netaddr *to, const char *name, const char *from);

#endif
