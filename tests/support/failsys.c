#include "support/failsys.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "support/failalloc.h"

struct plan {
    _Atomic unsigned skip, times, calls;
    _Atomic int error;
    _Atomic size_t most;
};

static struct plan plans[FAILSYS_CALLS];

int __real_socket(int family, int type, int protocol);
int __real_listen(int fd, int backlog);
int __real_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __real_connect(int fd, const struct sockaddr *sa, socklen_t len);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_recv(int fd, void *bytes, size_t len, int flags);
int __real_shutdown(int fd, int how);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __real_event_add(struct event *ev, const struct timeval *tv);
struct event *__real_event_new(struct event_base *base, evutil_socket_t fd, short what,
                               event_callback_fn fn, void *arg);
int __real_eventfd(unsigned count, int flags);
void *__real_aligned_alloc(size_t align, size_t n);
ssize_t __real_getrandom(void *bytes, size_t n, unsigned flags);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
ssize_t __real_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags);
int __real_pipe2(int fds[2], int flags);
int __real_fcntl(int fd, int what, ...);

int __wrap_socket(int family, int type, int protocol);
int __wrap_listen(int fd, int backlog);
int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags);
ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
int __wrap_shutdown(int fd, int how);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_event_add(struct event *ev, const struct timeval *tv);
struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
                               event_callback_fn fn, void *arg);
int __wrap_eventfd(unsigned count, int flags);
void *__wrap_aligned_alloc(size_t align, size_t n);
ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg);
ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags);
int __wrap_pipe2(int fds[2], int flags);
int __wrap_fcntl(int fd, int what, ...);

void failsys_fail(enum failsys_call call, int error, unsigned skip, unsigned times)
{
    atomic_store(&plans[call].error, error);
    atomic_store(&plans[call].skip, skip);
    atomic_store(&plans[call].times, times);
}

void failsys_cut(enum failsys_call call, size_t bytes)
{
    atomic_store(&plans[call].most, bytes);
}

unsigned failsys_count(enum failsys_call call)
{
    return atomic_load(&plans[call].calls);
}

unsigned failsys_count_all(void)
{
    unsigned sum = 0;

    for (int i = 0; i < FAILSYS_CALLS; i++) {
        sum += failsys_count((enum failsys_call)i);
    }
    return sum;
}

void failsys_reset(void)
{
    for (int i = 0; i < FAILSYS_CALLS; i++) {
        failsys_fail((enum failsys_call)i, 0, 0, 0);
        failsys_cut((enum failsys_call)i, 0);
        atomic_store(&plans[i].calls, 0);
    }
}

/* Take one from a count that other threads may take from, too.  False when it was 0. */
static bool take_one(_Atomic unsigned *count)
{
    unsigned now = atomic_load(count);

    while (now != 0 && !atomic_compare_exchange_weak(count, &now, now - 1)) {
        /* `now` was renewed */
    }
    return now != 0;
}

/* Whether this call fails; errno is set then. */
static bool fails(enum failsys_call call)
{
    struct plan *p = &plans[call];

    atomic_fetch_add(&p->calls, 1);
    if (take_one(&p->skip) || !take_one(&p->times)) {
        return false;
    }
    errno = atomic_load(&p->error);
    return true;
}

static size_t cut(enum failsys_call call, size_t len)
{
    size_t most = atomic_load(&plans[call].most);

    return most != 0 && len > most ? most : len;
}

int __wrap_socket(int family, int type, int protocol)
{
    return fails(FAILSYS_SOCKET) ? -1 : __real_socket(family, type, protocol);
}

int __wrap_listen(int fd, int backlog)
{
    return fails(FAILSYS_LISTEN) ? -1 : __real_listen(fd, backlog);
}

int __wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    return fails(FAILSYS_ACCEPT4) ? -1 : __real_accept4(fd, sa, len, flags);
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
    return fails(FAILSYS_CONNECT) ? -1 : __real_connect(fd, sa, len);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return fails(FAILSYS_SEND) ? -1 : __real_send(fd, bytes, cut(FAILSYS_SEND, len), flags);
}

ssize_t __wrap_recv(int fd, void *bytes, size_t len, int flags)
{
    return fails(FAILSYS_RECV) ? -1 : __real_recv(fd, bytes, cut(FAILSYS_RECV, len), flags);
}

/* What recv() becomes where the compiler knows the room but not the length. */
ssize_t __wrap___recv_chk(int fd, void *bytes, size_t len, size_t room, int flags)
{
    if (len > room) {
        abort();
    }
    return __wrap_recv(fd, bytes, len, flags);
}

int __wrap_shutdown(int fd, int how)
{
    return fails(FAILSYS_SHUTDOWN) ? -1 : __real_shutdown(fd, how);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return fails(FAILSYS_GETSOCKOPT) ? -1 : __real_getsockopt(fd, level, name, value, len);
}

int __wrap_event_add(struct event *ev, const struct timeval *tv)
{
    return fails(FAILSYS_EVENT_ADD) ? -1 : __real_event_add(ev, tv);
}

struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
                               event_callback_fn fn, void *arg)
{
    return fails(FAILSYS_EVENT_NEW) ? NULL : __real_event_new(base, fd, what, fn, arg);
}

int __wrap_eventfd(unsigned count, int flags)
{
    return fails(FAILSYS_EVENTFD) ? -1 : __real_eventfd(count, flags);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    if (fails(FAILSYS_ALIGNED_ALLOC)) {
        failalloc_note(__builtin_return_address(0));
        return NULL;
    }
    return __real_aligned_alloc(align, n);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *arg)
{
    return fails(FAILSYS_PTHREAD_CREATE) ? errno : __real_pthread_create(thread, attr, run, arg);
}

ssize_t __wrap_getrandom(void *bytes, size_t n, unsigned flags)
{
    return fails(FAILSYS_GETRANDOM) ? -1 : __real_getrandom(bytes, n, flags);
}

ssize_t __wrap_splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
    return fails(FAILSYS_SPLICE)
               ? -1
               : __real_splice(from, from_at, to, to_at, cut(FAILSYS_SPLICE, len), flags);
}

int __wrap_pipe2(int fds[2], int flags)
{
    return fails(FAILSYS_PIPE2) ? -1 : __real_pipe2(fds, flags);
}

/* Every command that is used here takes a number, or nothing. */
int __wrap_fcntl(int fd, int what, ...)
{
    va_list args;
    long arg;

    va_start(args, what);
    arg = va_arg(args, long);
    va_end(args);
    return what == F_SETPIPE_SZ && fails(FAILSYS_SETPIPE_SZ) ? -1 : __real_fcntl(fd, what, arg);
}
