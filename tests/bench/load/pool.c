#include "bench/load/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS      256
#define SECOND_NS   1000000000u
#define NAME_STRIDE 7919u

uint64_t pool_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

void pool_start(struct pool *p, const struct config *cfg, const struct conn_user *user)
{
    *p = (struct pool){.n = cfg->concurrent, .name_first = cfg->name_first, .names = cfg->names};
    p->conns = calloc(p->n, sizeof(*p->conns));
    p->free = calloc(p->n, sizeof(struct conn *));
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->conns == NULL || p->free == NULL || p->epoll_fd < 0) {
        perror("pool");
        exit(1);
    }
    for (unsigned i = p->n; i > 0; i--) {
        p->free[p->n_free++] = &p->conns[i - 1];
    }
    p->stuck_ns = cfg->stuck_ms * 1000000u;
    p->next_check_ns = pool_now_ns() + SECOND_NS;
    conn_start(cfg, p->epoll_fd, user);
}

unsigned pool_active(const struct pool *p)
{
    return p->n - p->n_free;
}

uint64_t pool_failed(const struct pool *p)
{
    uint64_t sum = 0;

    for (unsigned i = FAULT_NONE + 1; i < FAULTS; i++) {
        sum += p->faults[i];
    }
    return sum;
}

static void close_if_over(struct pool *p, struct conn *c)
{
    if (c->phase == CONN_CLOSED || (c->fault == FAULT_NONE && !c->done)) {
        return;
    }
    p->faults[c->fault]++;
    conn_close(c);
    p->free[p->n_free++] = c;
}

struct conn *pool_dial(struct pool *p)
{
    struct conn *c;

    if (p->n_free == 0) {
        return NULL;
    }
    c = p->free[--p->n_free];
    c->host = p->name_first + (uint32_t)((uint64_t)p->serial * NAME_STRIDE % p->names);
    conn_dial(c, p->serial++, pool_now_ns());
    close_if_over(p, c);
    return c;
}

static void end_the_stuck(struct pool *p, uint64_t now)
{
    for (unsigned i = 0; i < p->n; i++) {
        struct conn *c = &p->conns[i];

        if (c->phase != CONN_CLOSED && c->phase != CONN_READY &&
            now - c->progress_ns > p->stuck_ns) {
            c->fault = FAULT_STUCK;
            close_if_over(p, c);
        }
    }
}

void pool_turn(struct pool *p, uint64_t until_ns)
{
    struct epoll_event events[EVENTS];
    uint64_t now = pool_now_ns();
    uint64_t wait = until_ns > now ? until_ns - now : 0;
    struct timespec limit = {.tv_nsec = (long)(wait < SECOND_NS ? wait : SECOND_NS - 1)};
    int n = epoll_pwait2(p->epoll_fd, events, EVENTS, &limit, NULL);

    now = pool_now_ns();
    for (int i = 0; i < n; i++) {
        conn_event(events[i].data.ptr, events[i].events, now);
        close_if_over(p, events[i].data.ptr);
    }
    if (now >= p->next_check_ns) {
        p->next_check_ns = now + SECOND_NS;
        end_the_stuck(p, now);
    }
}
