#include "proxy/listen.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A peer that is gone is found when nothing was heard of it for the user timeout: keepalive asks
 * while the connection is silent, and with that option set Linux does not count probes but time.
 * It also ends a peer that keeps its window shut for so long, hence minutes.
 */
#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 15
#define USER_TIMEOUT_MS      300000

#define TCP_FLAGS_AT  13 /* RFC 9293 3.1: the byte of the header that has them */
#define TCP_FLAGS_SYN 0x02
#define TCP_FLAGS_ACK 0x10

#define BACKLOG 4096 /* the kernel caps it by net.core.somaxconn */

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* known options with good values */
}

void listen_set_keepalive(int fd)
{
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
}

static int complain(const struct netaddr *a, int error, struct err *e)
{
    char text[NETADDR_TEXT_MAX];
    const char *mend = "check the address";

    if (error == EADDRINUSE) {
        mend = "another process has it: stop that one, or choose another port";
    } else if (error == EACCES) {
        mend = "ports below 1024 need privileges here: choose a higher port";
    } else if (error == EADDRNOTAVAIL) {
        mend = "this machine has no such address: use one of its own, 0.0.0.0 or [::]";
    } else if (error == EAFNOSUPPORT) {
        mend = "this address family is off here: use an address of the other one";
    }
    err_set(e, "cannot bind %s: %s; %s", netaddr_format(a, text), strerror(error), mend);
    return -error;
}

/* A bound socket; with `shared` others of ours can bind the same address. */
static int open_bound(const struct netaddr *a, bool shared)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(a, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0) {
        return -errno;
    }
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* connections of a former run may linger */
    if (shared) {
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (sa.ss_family == AF_INET6) {
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    if (bind(fd, (struct sockaddr *)&sa, len) != 0) {
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int listen_probe(struct netaddr *a, struct err *e)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr bound;
    int fd = open_bound(a, false);

    if (fd < 0) {
        return complain(a, -fd, e);
    }
    /* Addresses bound with SO_REUSEADDR by others show only when one listens. */
    if (listen(fd, 1) != 0 || getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        int error = errno;
        close(fd);
        return complain(a, error, e);
    }
    netaddr_from_sockaddr(&bound, (struct sockaddr *)&sa);
    a->port = bound.port;
    close(fd);
    return 0;
}

int listen_bind(const struct netaddr *a, struct err *e)
{
    int fd = open_bound(a, true);

    if (fd < 0) {
        return complain(a, -fd, e);
    }
    /* Inherited by what is accepted, so that no connection pays for it. */
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    listen_set_keepalive(fd);
    return fd;
}

void listen_hold(int fd)
{
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 0);
}

int listen_start(int fd)
{
    /* What is accepted inherits it and may linger when the next run binds. */
    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    return listen(fd, BACKLOG) == 0 ? 0 : -errno;
}

void listen_end_handshakes(int fd)
{
    /* A socket filter sees a segment from its TCP header on, and what it refuses was never here.
     * Connections accepted from now on inherit it, and never get a SYN. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TCP_FLAGS_SYN | TCP_FLAGS_ACK),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TCP_FLAGS_SYN, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    const struct sock_fprog filter = {.len = ARRAY_LEN(code), .filter = code};

    /* Where it is not permitted, those who come last may be reset, as without it. */
    (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}
