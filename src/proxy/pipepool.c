#include "proxy/pipepool.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void pipepool_init(struct pipepool *pool, unsigned most)
{
    *pool = (struct pipepool){.is_useless = most == 0};
    for (unsigned i = 0; i < LIMIT_PIPES && i < most; i++) {
        struct pipe *p = &pool->pipes[i];
        p->read_fd = -1;
        p->write_fd = -1;
        SLIST_INSERT_HEAD(&pool->closed, p, link);
    }
}

/* The kernel grants the whole of it or refuses.  0: neither size. */
static size_t enlarge(int fd)
{
    static const int sizes[] = {LIMIT_PIPE_BYTES, LIMIT_PIPE_MIN_BYTES};

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        if (fcntl(fd, F_SETPIPE_SZ, sizes[i]) >= sizes[i]) {
            return (size_t)sizes[i];
        }
    }
    return 0;
}

static void close_pipe(struct pipepool *pool, struct pipe *p)
{
    close(p->read_fd);
    close(p->write_fd);
    p->read_fd = -1;
    p->write_fd = -1;
    SLIST_INSERT_HEAD(&pool->closed, p, link);
}

/* Returns 0, or -errno with nothing open. */
static int open_pipe(struct pipe *p)
{
    int fds[2];

    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        return -errno;
    }
    p->size = enlarge(fds[0]);
    if (p->size == 0) {
        close(fds[0]);
        close(fds[1]);
        return -EPERM;
    }
    p->read_fd = fds[0];
    p->write_fd = fds[1];
    return 0;
}

static struct pipe *make(struct pipepool *pool)
{
    struct pipe *p = SLIST_FIRST(&pool->closed);

    if (p == NULL || pool->in_want) {
        return NULL;
    }
    if (open_pipe(p) != 0) {
        pool->in_want = true;
        return NULL;
    }
    SLIST_REMOVE_HEAD(&pool->closed, link);
    return p;
}

struct pipe *pipepool_take(struct pipepool *pool)
{
    struct pipe *p = SLIST_FIRST(&pool->empty);

    if (pool->is_useless) {
        return NULL;
    }
    if (p == NULL) {
        return make(pool);
    }
    SLIST_REMOVE_HEAD(&pool->empty, link);
    pool->n_empty--;
    if (pool->n_empty < pool->spare) {
        pool->spare = pool->n_empty;
    }
    return p;
}

void pipepool_give(struct pipepool *pool, struct pipe *p)
{
    ASSERT(p->held.left == 0);
    SLIST_INSERT_HEAD(&pool->empty, p, link);
    pool->n_empty++;
}

void pipepool_drop(struct pipepool *pool, struct pipe *p)
{
    p->held.left = 0;
    close_pipe(pool, p);
}

void pipepool_give_up(struct pipepool *pool)
{
    pool->is_useless = true;
}

static void close_empty(struct pipepool *pool, unsigned n)
{
    for (; n > 0; n--) {
        struct pipe *p = SLIST_FIRST(&pool->empty);
        SLIST_REMOVE_HEAD(&pool->empty, link);
        pool->n_empty--;
        close_pipe(pool, p);
    }
}

void pipepool_rest(struct pipepool *pool)
{
    close_empty(pool, pool->spare);
    pool->spare = pool->n_empty;
    pool->in_want = false;
}

void pipepool_fini(struct pipepool *pool)
{
    close_empty(pool, pool->n_empty);
}
