/**
 * sim_hello - the first flights of simulated clients, and what the proxy must make of them.
 */
#ifndef SUPPORT_SIM_HELLO_H
#define SUPPORT_SIM_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/stats.h"

struct sim_hello {
    const char *what;
    uint8_t *bytes;
    size_t len;
    bool routed;             /* where the table has the host */
    enum end_reason refused; /* otherwise */
};

/** In a routed hello, the client's random: 32 bytes that tell one client from another. */
#define SIM_HELLO_RANDOM_AT    11u
#define SIM_HELLO_RANDOM_BYTES 32u

/** Make them, once; free them. */
void sim_hello_setup(void);
void sim_hello_teardown(void);

/** Any that is to be routed, or to be refused. */
const struct sim_hello *sim_hello_any(bool routed);

#endif
