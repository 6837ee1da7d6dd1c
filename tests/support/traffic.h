/**
 * traffic - clients that ask without pause while a test changes something under them.
 */
#ifndef SUPPORT_TRAFFIC_H
#define SUPPORT_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/netaddr.h"

struct traffic;

#define TRAFFIC_MOST_CLIENTS 40u

struct traffic_report {
    uint64_t asked;  /* connections made */
    uint64_t failed; /* of them, those not answered by the right backend to every byte */
    char first[200]; /* what the first failure looked like; "" for none */
};

/** `clients` threads that ask `to` for `name`, one connection after the other, and expect the
 * name_backend `from` to answer.  The texts are borrowed. */
struct traffic *traffic_start(const struct netaddr *to, unsigned clients, const char *name,
                              const char *from);

/** Connections made so far. */
uint64_t traffic_asked(const struct traffic *t);

/** Wait until `more` further connections were made; false after 20 seconds. */
bool traffic_wait_for(const struct traffic *t, uint64_t more);

/** Let every client finish, free all. */
void traffic_stop(struct traffic *t, struct traffic_report *out);

#endif
