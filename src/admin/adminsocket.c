#include "admin/adminsocket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024 /* clients are accepted one a turn; in a flood a probe must find room here */

/* What the kernel holds for one client: enough for speed, and not what it would grow to. */
#define SEND_BYTES      131072
#define RECEIVE_BYTES   32768
#define USER_TIMEOUT_MS 30000 /* nor for longer, also when the connection is closed already */

static int complain(const struct netaddr *a, int error, struct err *e)
{
    char text[NETADDR_TEXT_MAX];
    const char *mend = "check the address";

    if (error == EADDRINUSE) {
        mend = "another process has it: stop that one, or choose another port with --admin";
    } else if (error == EACCES) {
        mend = "ports below 1024 need privileges here: choose a higher port";
    } else if (error == EADDRNOTAVAIL) {
        mend = "this machine has no such address: use one of its own, 0.0.0.0 or [::]";
    } else if (error == EAFNOSUPPORT) {
        mend = "this address family is off here: use an address of the other one";
    }
    err_set(e, "admin port: cannot listen on %s: %s; %s", netaddr_format(a, text), strerror(error),
            mend);
    return -error;
}

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* known options with good values */
}

/* Bind and listen; without SO_REUSEPORT the kernel refuses an address that another one has. */
static int open_listening(int fd, const struct netaddr *a)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(a, &sa);

    set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* connections of a former run may linger */
    /* The rest is inherited by what is accepted. */
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, SOL_SOCKET, SO_SNDBUF, SEND_BYTES);
    set_int(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
    if (sa.ss_family == AF_INET6) {
        set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    return bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, BACKLOG) == 0 ? 0 : errno;
}

/* The port that the kernel chose. */
static int read_port(int fd, uint16_t *port_out)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr bound;

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        return errno;
    }
    netaddr_from_sockaddr(&bound, (struct sockaddr *)&sa);
    *port_out = bound.port;
    return 0;
}

int adminsocket_open(struct netaddr *a, struct err *e)
{
    int fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return complain(a, errno, e);
    }
    error = open_listening(fd, a);
    if (error == 0) {
        error = read_port(fd, &a->port);
    }
    if (error != 0) {
        close(fd);
        return complain(a, error, e);
    }
    return fd;
}
