#include "support/delay_line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/own_net.h"

#define MTU       1500
#define MOST      32768u /* packets under way, each way; a power of two */
#define US_PER_MS 1000u

struct packet {
    uint64_t due_us;
    uint16_t len;
    uint8_t bytes[MTU];
};

/* What is under way in one direction, oldest first. */
struct lane {
    int from, to; /* TUN devices */
    struct packet *ring;
    uint64_t head, tail; /* of packets put in, taken out */
};

struct delay_line {
    pthread_t thread;
    unsigned one_way_ms;
    int near_ns, far_ns, stop;
    struct lane lanes[2];
    _Atomic bool is_cut;
    _Atomic uint64_t passed, lost, latest_us;
};

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static void set_address(int fd, struct ifreq *request, unsigned long what, const char *text)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};

    check(inet_pton(AF_INET, text, &sa.sin_addr) == 1, text);
    memcpy(&request->ifr_addr, &sa, sizeof(sa));
    check(ioctl(fd, what, request) == 0, "address of the TUN device");
}

/* A TUN device of the calling thread's namespace, up.  -1 when there is none to be had. */
static int open_tun(const char *own, const char *peer)
{
    struct ifreq request = {.ifr_name = "cable", .ifr_flags = IFF_TUN | IFF_NO_PI};
    int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int fd;

    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0) {
        if (tun >= 0) {
            close(tun);
        }
        return -1;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    check(fd >= 0, "socket");
    set_address(fd, &request, SIOCSIFADDR, own);
    set_address(fd, &request, SIOCSIFDSTADDR, peer);
    request.ifr_qlen = MOST;
    check(ioctl(fd, SIOCSIFTXQLEN, &request) == 0, "queue of the TUN device");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    check(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "TUN device up");
    close(fd);
    return tun;
}

static void take_in(struct delay_line *d, struct lane *l)
{
    uint64_t due_us = clock_now_us() + d->one_way_ms * (uint64_t)US_PER_MS;
    uint8_t spare[MTU];

    for (;;) {
        bool full = l->head - l->tail == MOST;
        struct packet *p = &l->ring[l->head % MOST];
        ssize_t n = read(l->from, full ? spare : p->bytes, MTU);
        if (n <= 0) {
            return;
        }
        if (full || atomic_load(&d->is_cut)) {
            atomic_fetch_add(&d->lost, full);
            continue;
        }
        p->due_us = due_us;
        p->len = (uint16_t)n;
        l->head++;
    }
}

/* Returns when the next is due, UINT64_MAX without one. */
static uint64_t hand_out(struct delay_line *d, struct lane *l, uint64_t now_us)
{
    while (l->tail != l->head) {
        struct packet *p = &l->ring[l->tail % MOST];
        if (p->due_us > now_us) {
            return p->due_us;
        }
        if (now_us - p->due_us > atomic_load(&d->latest_us)) {
            atomic_store(&d->latest_us, now_us - p->due_us);
        }
        l->tail++;
        if (!atomic_load(&d->is_cut) && write(l->to, p->bytes, p->len) == (ssize_t)p->len) {
            atomic_fetch_add(&d->passed, 1);
        }
    }
    return UINT64_MAX;
}

static void *carry(void *arg)
{
    struct delay_line *d = arg;
    struct pollfd fds[3] = {{.fd = d->lanes[0].from, .events = POLLIN},
                            {.fd = d->lanes[1].from, .events = POLLIN},
                            {.fd = d->stop, .events = POLLIN}};

    while (fds[2].revents == 0) {
        uint64_t now_us = clock_now_us(), next_us = UINT64_MAX;
        int timeout_ms = -1;

        for (unsigned i = 0; i < 2; i++) {
            uint64_t due_us = hand_out(d, &d->lanes[i], now_us);
            next_us = due_us < next_us ? due_us : next_us;
        }
        if (next_us != UINT64_MAX) {
            timeout_ms = (int)((next_us - now_us) / US_PER_MS) + 1;
        }
        (void)poll(fds, 3, timeout_ms); /* fails only when interrupted */
        take_in(d, &d->lanes[0]);
        take_in(d, &d->lanes[1]);
    }
    return NULL;
}

static int own_namespace(void)
{
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

    check(fd >= 0, "/proc/thread-self/ns/net");
    return fd;
}

struct delay_line *delay_line_new(unsigned one_way_ms)
{
    struct delay_line *d = calloc(1, sizeof(*d));
    int near_tun, far_tun;

    check(d != NULL, "calloc");
    d->one_way_ms = one_way_ms;
    d->near_ns = own_namespace();
    near_tun = open_tun(DELAY_LINE_NEAR, DELAY_LINE_FAR);
    if (near_tun < 0 || !own_net_enter()) {
        close(d->near_ns);
        free(d);
        return NULL;
    }
    d->far_ns = own_namespace();
    far_tun = open_tun(DELAY_LINE_FAR, DELAY_LINE_NEAR);
    delay_line_go_near(d);
    d->stop = eventfd(0, EFD_CLOEXEC);
    check(far_tun >= 0 && d->stop >= 0, "delay line");
    d->lanes[0] = (struct lane){.from = near_tun, .to = far_tun};
    d->lanes[1] = (struct lane){.from = far_tun, .to = near_tun};
    for (unsigned i = 0; i < 2; i++) {
        d->lanes[i].ring = malloc(MOST * sizeof(struct packet));
        check(d->lanes[i].ring != NULL, "malloc");
    }
    check(pthread_create(&d->thread, NULL, carry, d) == 0, "pthread_create");
    return d;
}

void delay_line_free(struct delay_line *d)
{
    const uint64_t one = 1;

    if (d == NULL) {
        return;
    }
    check(write(d->stop, &one, sizeof(one)) == (ssize_t)sizeof(one), "eventfd");
    pthread_join(d->thread, NULL);
    for (unsigned i = 0; i < 2; i++) {
        close(d->lanes[i].from);
        free(d->lanes[i].ring);
    }
    close(d->stop);
    close(d->near_ns);
    close(d->far_ns);
    free(d);
}

void delay_line_go_far(const struct delay_line *d)
{
    check(setns(d->far_ns, CLONE_NEWNET) == 0, "setns");
}

void delay_line_go_near(const struct delay_line *d)
{
    check(setns(d->near_ns, CLONE_NEWNET) == 0, "setns");
}

void delay_line_cut(struct delay_line *d, bool is_cut)
{
    atomic_store(&d->is_cut, is_cut);
}

uint64_t delay_line_passed(const struct delay_line *d)
{
    return atomic_load(&d->passed);
}

uint64_t delay_line_lost(const struct delay_line *d)
{
    return atomic_load(&d->lost);
}

uint64_t delay_line_latest_ms(const struct delay_line *d)
{
    return atomic_load(&d->latest_us) / US_PER_MS;
}
