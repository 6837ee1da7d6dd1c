#include "support/sim_pipe.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/limits.h"
#include "support/sim.h"
#include "support/sim_kernel.h"

#define PIPES    LIMIT_PIPES
#define ROOM     ((size_t)320 * 1024) /* more than waits in any socket */
#define PAGE     4096
#define FIRST_SZ (16 * PAGE)

struct sim_pipe {
    int read_fd, write_fd;
    size_t size, filled;
    uint8_t bytes[ROOM];
};

static struct sim_pipe pipes[PIPES];
static uint64_t moved;

void sim_pipe_begin(void)
{
    for (unsigned i = 0; i < PIPES; i++) {
        pipes[i].read_fd = -1;
        pipes[i].write_fd = -1;
    }
    moved = 0;
}

uint64_t sim_pipe_moved(void)
{
    return moved;
}

static int fail_with(int error)
{
    errno = error;
    return -1;
}

static bool is_end(int fd, enum sim_kind kind)
{
    const struct sim_sock *s = fd >= SIM_FD_FIRST ? sim_kernel_sock(fd) : NULL;

    return s != NULL && s->kind == kind;
}

/* The pipe this is an end of.  One whose number belongs to something else by now is free. */
static struct sim_pipe *pipe_at(int fd, enum sim_kind kind)
{
    SIM_CHECK(is_end(fd, kind), "descriptor %d is not that end of a pipe", fd);
    for (unsigned i = 0; i < PIPES; i++) {
        if (fd == (kind == SIM_PIPE_READ ? pipes[i].read_fd : pipes[i].write_fd)) {
            return &pipes[i];
        }
    }
    SIM_CHECK(false, "descriptor %d is an end of no pipe", fd);
    return NULL;
}

void sim_pipe_closed(int fd)
{
    for (unsigned i = 0; i < PIPES; i++) {
        pipes[i].read_fd = pipes[i].read_fd == fd ? -1 : pipes[i].read_fd;
        pipes[i].write_fd = pipes[i].write_fd == fd ? -1 : pipes[i].write_fd;
    }
}

static struct sim_pipe *free_pipe(void)
{
    for (unsigned i = 0; i < PIPES; i++) {
        if (pipes[i].read_fd < 0 && pipes[i].write_fd < 0) {
            return &pipes[i];
        }
    }
    SIM_CHECK(false, "more than %u pipes", PIPES);
    return NULL;
}

int sim_pipe_open(int fds[2])
{
    struct sim_pipe *p = free_pipe();

    if (sim_unlucky(sim_kernel_weather()->no_socket)) {
        return fail_with(ENFILE);
    }
    fds[0] = sim_kernel_open_kind(SIM_PIPE_READ);
    if (fds[0] < 0) {
        return -1;
    }
    fds[1] = sim_kernel_open_kind(SIM_PIPE_WRITE);
    if (fds[1] < 0) {
        (void)sim_kernel_close(fds[0]);
        return fail_with(EMFILE);
    }
    p->read_fd = fds[0];
    p->write_fd = fds[1];
    p->size = FIRST_SZ;
    p->filled = 0;
    sim_note("pipe", fds[0], fds[1]);
    return 0;
}

int sim_pipe_resize(int fd, int bytes)
{
    struct sim_pipe *p = pipe_at(fd, SIM_PIPE_READ);

    if (sim_unlucky(sim_kernel_weather()->small_pipes)) {
        sim_note("small pipe", fd, bytes);
        return fail_with(EPERM);
    }
    p->size = (size_t)bytes;
    return bytes;
}

/* How it goes wrong, if it does; 0: it does not. */
static int splice_error(void)
{
    if (!sim_unlucky(sim_kernel_weather()->no_splice)) {
        return 0;
    }
    sim_note("splice fails", 0, 0);
    return sim_one_in(8) ? EINVAL : ENOMEM;
}

static ssize_t fill(struct sim_pipe *p, int from, size_t len)
{
    size_t room = (p->size < ROOM ? p->size : ROOM) - p->filled;
    struct sim_sock *s = sim_kernel_sock(from);
    int error = splice_error();
    bool was_read;
    ssize_t n;

    if (error != 0 || room == 0) {
        return fail_with(error != 0 ? error : EAGAIN);
    }
    was_read = s->fin_read;
    n = sim_kernel_recv(from, p->bytes + p->filled, room < len ? room : len);
    p->filled += n > 0 ? (size_t)n : 0;
    s->fin_read = n == 0 ? was_read : s->fin_read; /* a splice may say so too early */
    return n;
}

static void remove_first(struct sim_pipe *p, size_t n)
{
    p->filled -= n;
    memmove(p->bytes, p->bytes + n, p->filled);
}

static ssize_t drain(struct sim_pipe *p, int to, size_t len)
{
    int error = splice_error();
    ssize_t n;

    if (error != 0) {
        sim_kernel_hurt(); /* what is in the pipe has no other way, or needs memory for it */
        return fail_with(error);
    }
    SIM_CHECK(len <= p->filled, "%zu bytes of a pipe that has %zu: a cork", len, p->filled);
    n = sim_kernel_send(to, p->bytes, len, MSG_NOSIGNAL);
    if (n > 0) {
        remove_first(p, (size_t)n);
        moved += (uint64_t)n;
    }
    return n;
}

ssize_t sim_pipe_splice(int from, int to, size_t len)
{
    return is_end(from, SIM_PIPE_READ) ? drain(pipe_at(from, SIM_PIPE_READ), to, len)
                                       : fill(pipe_at(to, SIM_PIPE_WRITE), from, len);
}

ssize_t sim_pipe_read(int fd, void *into, size_t len)
{
    struct sim_pipe *p = pipe_at(fd, SIM_PIPE_READ);
    size_t n = len < p->filled ? len : p->filled;

    if (sim_unlucky(sim_kernel_weather()->cut)) {
        n = n < 2 ? n : 1 + sim_below(n);
    }
    if (n == 0) {
        return fail_with(EAGAIN);
    }
    memcpy(into, p->bytes, n);
    remove_first(p, n);
    return (ssize_t)n;
}
