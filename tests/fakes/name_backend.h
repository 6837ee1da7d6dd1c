/**
 * name_backend - a backend that says who it is: reads all a client sends, then answers its name.
 *
 * Serves any number of connections in one thread: input until the client's FIN, then name and input
 * length as "name 517\n", then FIN.  So a client learns in one exchange whom it reached and that
 * nothing was lost; the last input is kept, to compare byte by byte.  Thread: the functions here
 * are for the test's main thread.
 */
#ifndef FAKES_NAME_BACKEND_H
#define FAKES_NAME_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"

struct name_backend;

/** Listen on a free port of a loopback address and serve.  Aborts the test program on failure. */
struct name_backend *name_backend_start(const char *ip, const char *name);

struct netaddr name_backend_addr(const struct name_backend *b);

/** Connections that got their answer so far. */
uint64_t name_backend_answered(const struct name_backend *b);

/** Copy the first `cap` bytes that the last answered connection sent; returns how many it sent. */
size_t name_backend_last_input(struct name_backend *b, uint8_t *out, size_t cap);

/** Close everything.  NULL is ignored. */
void name_backend_stop(struct name_backend *b);

#endif
