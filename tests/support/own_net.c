#include "support/own_net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    check(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
    close(fd);
}

bool own_net_enter(void)
{
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        return false;
    }
    raise_loopback();
    return true;
}

void own_net_add_address(const char *ip)
{
    struct sockaddr_in sin = {.sin_family = AF_INET};
    struct ifreq request = {.ifr_name = "lo:1"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    check(inet_pton(AF_INET, ip, &sin.sin_addr) == 1, ip);
    memcpy(&request.ifr_addr, &sin, sizeof(sin));
    check(fd >= 0 && ioctl(fd, SIOCSIFADDR, &request) == 0, ip);
    close(fd);
}

void own_net_set(const char *name, const char *value)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    check(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value), path);
    close(fd);
}
