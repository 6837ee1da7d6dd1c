/**
 * mass_backend - a backend for thousands of connections at once, in one thread.
 *
 * Thread: the functions here are for the test's main thread.
 */
#ifndef FAKES_MASS_BACKEND_H
#define FAKES_MASS_BACKEND_H

#include <stdint.h>

#include "base/netaddr.h"

enum mass_kind {
    MASS_ECHO,   /* sends back what it gets; closes at the other's FIN */
    MASS_HOLD,   /* neither reads nor sends; closes at the other's FIN */
    MASS_SILENT, /* neither reads nor sends nor closes, until it is reset or stopped */
    MASS_FLOOD,  /* sends without end, reads nothing */
};

struct mass_backend;

/** Listen on a free port of a loopback address and serve.  Aborts the test program on failure. */
struct mass_backend *mass_backend_start(const char *ip, enum mass_kind kind);

struct netaddr mass_backend_addr(const struct mass_backend *b);

/** Connections accepted so far; open now. */
uint64_t mass_backend_accepted(const struct mass_backend *b);
uint64_t mass_backend_open(const struct mass_backend *b);

/** Send a FIN on every open connection. */
void mass_backend_hang_up(struct mass_backend *b);

/** Close everything.  NULL is ignored. */
void mass_backend_stop(struct mass_backend *b);

#endif
