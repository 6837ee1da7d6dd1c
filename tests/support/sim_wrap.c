/*
 * What the linker puts in place of the calls of the data plane (SIM_WRAP in the Makefile).  A real
 * descriptor goes to the real kernel.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/netaddr.h"
#include "support/sim.h"
#include "support/sim_event.h"
#include "support/sim_kernel.h"
#include "support/sim_pipe.h"
#include "support/sim_thread.h"

#define MOST_LOOKS                                                                                 \
    2 /* at a connection's deadline in one turn of the loop: one that is set anew may come */

int __real_close(int fd);
ssize_t __real_read(int fd, void *into, size_t n);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_open(const char *path, int flags, ...);
void __real_event_free(struct event *ev);

int __wrap_socket(int family, int type, int protocol);
int __wrap_listen(int fd, int backlog);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_shutdown(int fd, int how);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *into, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_open(const char *path, int flags, ...);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_event_add(struct event *ev, const struct timeval *tv);
int __wrap_event_del(struct event *ev);
void __wrap_event_free(struct event *ev);
int __wrap_event_base_loop(struct event_base *base, int flags);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pipe2(int fds[2], int flags);
int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_ioctl(int fd, unsigned long what, ...);
ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags);

int __wrap_socket(int family, int type, int protocol)
{
    SIM_CHECK((type & SOCK_NONBLOCK) != 0 && (type & SOCK_CLOEXEC) != 0, "socket(%d, %d, %d)",
              family, type, protocol);
    return sim_kernel_socket();
}

int __wrap_listen(int fd, int backlog)
{
    (void)backlog;
    SIM_CHECK(sim_kernel_sock(fd)->kind == SIM_LISTENER, "listen(%d)", fd);
    return 0;
}

static void put_address(const struct netaddr *a, struct sockaddr *sa, socklen_t *len)
{
    struct sockaddr_storage storage;

    if (sa != NULL) {
        *len = netaddr_to_sockaddr(a, &storage);
        *(struct sockaddr_storage *)(void *)sa = storage;
    }
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    struct netaddr from;
    int got;

    SIM_CHECK((flags & SOCK_CLOEXEC) != 0, "accept4(%d, %d)", fd, flags);
    got = sim_kernel_accept(fd, &from);
    if (got >= 0) {
        put_address(&from, sa, len);
    }
    return got;
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    struct netaddr to;

    (void)len;
    netaddr_from_sockaddr(&to, sa);
    return sim_kernel_connect(fd, &to);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return sim_kernel_send(fd, bytes, len, flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    SIM_CHECK(flags == 0, "recv(%d, flags %d)", fd, flags);
    return sim_kernel_recv(fd, bytes, len);
}

ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    SIM_CHECK(len <= room, "recv(%d) of %zu bytes into %zu", fd, len, room);
    return __wrap_recv(fd, bytes, len, flags);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
    uint32_t wanted = (uint32_t)fds->events | POLLERR | POLLHUP;

    SIM_CHECK(n == 1 && timeout == 0, "poll(%d, %lu, %d)", fds->fd, (unsigned long)n, timeout);
    fds->revents = (short)(sim_kernel_poll(sim_kernel_sock(fds->fd)) & wanted); /* as EPOLL* */
    return fds->revents != 0;
}

int __wrap_shutdown(int fd, int how)
{
    return sim_kernel_shutdown(fd, how);
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
    put_address(&sim_kernel_sock(fd)->far, sa, len);
    return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    SIM_CHECK(level == SOL_SOCKET && name == SO_ERROR && *len == sizeof(int),
              "getsockopt(%d, %d, %d)", fd, level, name);
    *(int *)value = sim_kernel_take_error(fd);
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)sim_kernel_sock(fd); /* it is open */
    if (level == SOL_SOCKET && name == SO_LINGER) {
        const struct linger *l = value;
        SIM_CHECK(len == sizeof(*l) && l->l_onoff == 1 && l->l_linger == 0, "SO_LINGER of %d", fd);
        sim_kernel_make_hard(fd);
    }
    return 0;
}

int __wrap_close(int fd)
{
    return fd >= SIM_FD_FIRST ? sim_kernel_close(fd) : __real_close(fd);
}

ssize_t __wrap_read(int fd, void *into, size_t n)
{
    if (fd < SIM_FD_FIRST) {
        return __real_read(fd, into, n);
    }
    return sim_kernel_sock(fd)->kind == SIM_BELL ? sim_kernel_ring(fd, false)
                                                 : sim_pipe_read(fd, into, n);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return fd >= SIM_FD_FIRST ? sim_kernel_ring(fd, true) : __real_write(fd, bytes, n);
}

/* /dev/null is the acceptor's reserve; only a build for coverage opens more, once all is done. */
int __wrap_open(const char *path, int flags, ...)
{
    const char *ending = strrchr(path, '.');

    if (ending != NULL && strcmp(ending, ".gcda") == 0) {
        return __real_open(path, flags, 0666);
    }
    SIM_CHECK((flags & O_CREAT) == 0, "open(%s)", path);
    return sim_kernel_file();
}

int __wrap_eventfd(unsigned count, int flags)
{
    (void)count;
    (void)flags;
    return sim_kernel_bell();
}

int __wrap_event_add(struct event *ev, const struct timeval *tv)
{
    return sim_event_add(ev, tv);
}

int __wrap_event_del(struct event *ev)
{
    return sim_event_del(ev);
}

void __wrap_event_free(struct event *ev)
{
    (void)sim_event_del(ev);
    __real_event_free(ev);
}

int __wrap_event_base_loop(struct event_base *base, int flags)
{
    (void)base;
    SIM_CHECK(flags == EVLOOP_ONCE, "event_base_loop(%d)", flags);
    for (unsigned i = 0; i < sim_kernel_open(); i++) {
        sim_kernel_nth(i)->looks = 0;
    }
    sim_thread_loop();
    return 0;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    (void)attr;
    *thread = pthread_self();
    sim_thread_keep(run, arg);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    (void)thread;
    (void)result;
    return 0;
}

int __wrap_pipe2(int fds[2], int flags)
{
    SIM_CHECK(flags == (O_NONBLOCK | O_CLOEXEC), "pipe2(%d)", flags);
    return sim_pipe_open(fds);
}

int __wrap_fcntl(int fd, int what, ...)
{
    va_list args;
    int bytes;

    if (what == F_SETLK || what == F_SETLKW) { /* of gcov's own files, at the program's end */
        struct flock *lock;

        va_start(args, what);
        lock = va_arg(args, struct flock *);
        va_end(args);
        return __real_fcntl(fd, what, lock);
    }
    SIM_CHECK(what == F_SETPIPE_SZ, "fcntl(%d, %d)", fd, what);
    va_start(args, what);
    bytes = va_arg(args, int);
    va_end(args);
    return sim_pipe_resize(fd, bytes);
}

int __wrap_ioctl(int fd, unsigned long what, ...)
{
    struct sim_sock *s = sim_kernel_sock(fd);
    va_list args;

    SIM_CHECK(what == SIOCOUTQ && s != NULL, "ioctl(%d, %lu)", fd, what);
    SIM_CHECK(s->looks++ < MOST_LOOKS, "descriptor %d is looked at again and again", fd);
    /* The kernel counts a FIN, too. */
    uint64_t queued = s->accepted - s->taken;
    s->told_us = s->queued_told == 0 && queued != 0 ? sim_now_us() : s->told_us;
    s->less_us = queued < s->queued_told ? sim_now_us() : s->less_us;
    s->queued_told = queued;
    va_start(args, what);
    *va_arg(args, int *) = (int)queued;
    va_end(args);
    return 0;
}

ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
    SIM_CHECK(from_at == NULL && to_at == NULL && (flags & SPLICE_F_NONBLOCK) != 0 &&
                  (flags & SPLICE_F_MORE) == 0,
              "splice(%d, %d, flags %u)", from, to, flags);
    return sim_pipe_splice(from, to, len);
}
