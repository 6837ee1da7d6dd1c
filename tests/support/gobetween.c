#include "support/gobetween.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/scripted_peer.h"

#define PAIRS       ((size_t)256)
#define CHUNK_BYTES 65536u

struct pair {
    int client, server;
    size_t hold;   /* so much is kept; 0: nothing */
    char *kept;    /* of the server's */
    size_t n_kept; /* less than `hold` */
};

struct gobetween {
    struct netaddr addr, server;
    bool is_proxy;
    int listener, wake;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    bool is_stopping, closes;
    size_t holds; /* to be set on all pairs */
    size_t n;
    struct pair pairs[PAIRS];
    char asked[256];
};

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static bool put(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- a pair ---------------------------------------------------------------------------------- */

static int dial(const struct netaddr *to)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(fd >= 0, "gobetween: socket");
    if (connect(fd, (struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A byte at a time is quick enough. */
static bool take_connect(struct gobetween *r, int fd)
{
    static const char answer[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    char head[4096];
    size_t len = 0;

    while (len < 4 || memcmp(head + len - 4, "\r\n\r\n", 4) != 0) {
        if (len + 1 == sizeof(head) || recv(fd, head + len, 1, 0) != 1) {
            return false;
        }
        len++;
    }
    head[len] = '\0';
    snprintf(r->asked, sizeof(r->asked), "%.*s", (int)strcspn(head, "\r"), head);
    return put(fd, answer, sizeof(answer) - 1);
}

static void take_client(struct gobetween *r)
{
    int client = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC), server;

    check(client >= 0, "gobetween: accept");
    check(r->n < PAIRS, "gobetween: too many connections");
    server = !r->is_proxy || take_connect(r, client) ? dial(&r->server) : -1;
    if (server < 0) {
        close(client);
        return;
    }
    r->pairs[r->n++] = (struct pair){.client = client, .server = server};
}

static void end_pair(struct gobetween *r, size_t i)
{
    close(r->pairs[i].client);
    close(r->pairs[i].server);
    free(r->pairs[i].kept);
    r->pairs[i] = r->pairs[--r->n];
}

static bool keep(struct pair *p, const char *bytes, size_t len)
{
    bool good = true;

    p->kept = realloc(p->kept, p->n_kept + len);
    check(p->kept != NULL, "gobetween: realloc");
    memcpy(p->kept + p->n_kept, bytes, len);
    p->n_kept += len;
    if (p->n_kept >= p->hold) {
        good = put(p->client, p->kept, p->n_kept);
        p->n_kept = 0;
    }
    return good;
}

/* Pass on what one of them sent; false: the pair is over. */
static bool pass(struct pair *p, bool is_server)
{
    char bytes[CHUNK_BYTES];
    ssize_t n = recv(is_server ? p->server : p->client, bytes, sizeof(bytes), 0);

    if (n <= 0) {
        return false;
    }
    if (is_server && p->hold > 0) {
        return keep(p, bytes, (size_t)n);
    }
    return put(is_server ? p->client : p->server, bytes, (size_t)n);
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void obey(struct gobetween *r)
{
    while (r->closes && r->n > 0) {
        end_pair(r, 0);
    }
    r->closes = false;
    for (size_t i = 0; i < r->n && r->holds > 0; i++) {
        r->pairs[i].hold = r->holds;
    }
    r->holds = 0;
}

static void serve_pairs(struct gobetween *r, const struct pollfd *fds)
{
    for (size_t i = r->n; i-- > 0;) {
        struct pair *p = &r->pairs[i];

        if ((fds[2 * i].revents != 0 && !pass(p, false)) ||
            (fds[2 * i + 1].revents != 0 && !pass(p, true))) {
            end_pair(r, i);
        }
    }
}

static void *run(void *ctx)
{
    struct pollfd fds[2 * PAIRS + 2];
    struct gobetween *r = ctx;
    eventfd_t many;
    size_t n;

    pthread_mutex_lock(&r->lock);
    while (!r->is_stopping) {
        obey(r);
        n = r->n;
        for (size_t i = 0; i < n; i++) {
            fds[2 * i] = (struct pollfd){.fd = r->pairs[i].client, .events = POLLIN};
            fds[2 * i + 1] = (struct pollfd){.fd = r->pairs[i].server, .events = POLLIN};
        }
        fds[2 * n] = (struct pollfd){.fd = r->wake, .events = POLLIN};
        fds[2 * n + 1] = (struct pollfd){.fd = r->listener, .events = POLLIN};
        pthread_mutex_unlock(&r->lock);
        check(poll(fds, 2 * n + 2, -1) > 0, "gobetween: poll");
        pthread_mutex_lock(&r->lock);
        serve_pairs(r, fds);
        if (fds[2 * n].revents != 0) {
            (void)eventfd_read(r->wake, &many);
        }
        if (fds[2 * n + 1].revents != 0) {
            take_client(r);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- the test's side ------------------------------------------------------------------------- */

struct gobetween *gobetween_start(const struct netaddr *server, bool is_proxy)
{
    struct gobetween *r = calloc(1, sizeof(*r));

    check(r != NULL, "gobetween: calloc");
    r->server = *server;
    r->is_proxy = is_proxy;
    r->listener = peer_listen("127.0.0.1", 64, NULL, &r->addr);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(r->wake >= 0 && pthread_mutex_init(&r->lock, NULL) == 0, "gobetween: eventfd");
    check(pthread_create(&r->thread, NULL, run, r) == 0, "gobetween: pthread_create");
    return r;
}

void gobetween_stop(struct gobetween *r)
{
    if (r == NULL) {
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->is_stopping = true;
    pthread_mutex_unlock(&r->lock);
    check(eventfd_write(r->wake, 1) == 0, "gobetween: eventfd_write");
    pthread_join(r->thread, NULL);
    while (r->n > 0) {
        end_pair(r, 0);
    }
    close(r->listener);
    close(r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct netaddr gobetween_addr(const struct gobetween *r)
{
    return r->addr;
}

const char *gobetween_asked(struct gobetween *r, char out[256])
{
    pthread_mutex_lock(&r->lock);
    memcpy(out, r->asked, sizeof(r->asked));
    pthread_mutex_unlock(&r->lock);
    return out;
}

/* What is told is done once the thread has looked. */
static void tell(struct gobetween *r)
{
    bool done = false;

    check(eventfd_write(r->wake, 1) == 0, "gobetween: eventfd_write");
    while (!done) {
        pthread_mutex_lock(&r->lock);
        done = !r->closes && r->holds == 0;
        pthread_mutex_unlock(&r->lock);
        sched_yield();
    }
}

void gobetween_close_all(struct gobetween *r)
{
    pthread_mutex_lock(&r->lock);
    r->closes = true;
    pthread_mutex_unlock(&r->lock);
    tell(r);
}

void gobetween_hold(struct gobetween *r, size_t bytes)
{
    pthread_mutex_lock(&r->lock);
    r->holds = bytes;
    pthread_mutex_unlock(&r->lock);
    tell(r);
}
