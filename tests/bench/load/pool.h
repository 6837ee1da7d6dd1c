/**
 * pool - the connections of a run, what became of them, and the turns of its loop.
 *
 * A connection that has not moved for cfg->stuck_ms while something was due counts as stuck.
 */
#ifndef BENCH_LOAD_POOL_H
#define BENCH_LOAD_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/load/config.h"
#include "bench/load/conn.h"

struct pool {
    struct conn *conns;
    struct conn **free; /* a stack of those that are closed */
    unsigned n, n_free;
    uint32_t serial; /* connections begun */
    uint64_t faults[FAULTS];
    uint64_t stuck_ns, next_check_ns;
    int epoll_fd;
    unsigned name_first, names;
};

/** Make room for cfg->concurrent connections, none of them open. */
void pool_start(struct pool *p, const struct config *cfg, const struct conn_user *user);

/** Open a connection to the next name; NULL when all are in use. */
struct conn *pool_dial(struct pool *p);

/** Wait for events until `until_ns`, at most a second, and act on them; what is done is closed. */
void pool_turn(struct pool *p, uint64_t until_ns);

unsigned pool_active(const struct pool *p);

/** Connections that failed, by whatever fault. */
uint64_t pool_failed(const struct pool *p);

uint64_t pool_now_ns(void);

#endif
