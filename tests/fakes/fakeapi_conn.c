#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "fakes/fakeapi_priv.h"

#define FAREWELL_US 2000000u /* how long a client may take to close after our FIN */

void fakeapi_conn_wake(struct fakeapi_conn *c)
{
    (void)eventfd_write(c->wake, 1); /* full: it is awake */
}

/* Whether the connection goes on; and whether it is frozen. */
static bool is_alive(struct fakeapi_conn *c, bool *frozen_out)
{
    bool alive;

    pthread_mutex_lock(&c->api->lock);
    alive = !c->api->stops && c->doom == FAKEAPI_UNCUT;
    *frozen_out = c->api->is_frozen;
    pthread_mutex_unlock(&c->api->lock);
    return alive;
}

/* In milliseconds, rounded up; -1: for ever. */
static int time_left(uint64_t until_us)
{
    uint64_t now = fakeapi_text_now_us();

    if (until_us == 0) {
        return -1;
    }
    return until_us <= now ? 0 : (int)((until_us - now + 999) / 1000);
}

enum fakeapi_poll fakeapi_conn_poll(struct fakeapi_conn *c, short events, uint64_t until_us)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = c->wake, .events = POLLIN}, {.fd = c->fd, .events = events}};
        bool frozen;
        eventfd_t n;
        int rc;

        if (!is_alive(c, &frozen)) {
            return FAKEAPI_ENDED;
        }
        rc = poll(fds, events == 0 || frozen ? 1 : 2, frozen ? -1 : time_left(until_us));
        if (rc == 0) {
            return FAKEAPI_TIMEOUT;
        }
        if (fds[0].revents != 0) {
            (void)eventfd_read(c->wake, &n);
            if (!is_alive(c, &frozen)) {
                return FAKEAPI_ENDED;
            }
            if (!frozen) {
                return FAKEAPI_WOKEN;
            }
        } else if (!frozen && fds[1].revents != 0) {
            return FAKEAPI_READY;
        }
    }
}

/* Wait as long as it takes for what OpenSSL wants; false: the connection ends. */
static bool wait_for_ssl(struct fakeapi_conn *c, int rc)
{
    short events = 0;
    enum fakeapi_poll what;

    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        events = POLLIN;
        break;
    case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;
    default:
        ERR_clear_error();
        return false;
    }
    do {
        what = fakeapi_conn_poll(c, events, 0);
    } while (what == FAKEAPI_WOKEN);
    return what == FAKEAPI_READY;
}

bool fakeapi_conn_greet(struct fakeapi_conn *c)
{
    X509 *shown;
    int rc;

    if (c->ssl == NULL) {
        return true;
    }
    while ((rc = SSL_accept(c->ssl)) != 1) {
        if (!wait_for_ssl(c, rc)) {
            return false;
        }
    }
    shown = SSL_get1_peer_certificate(c->ssl);
    if (shown != NULL) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, c->client,
                                  sizeof(c->client));
        X509_free(shown);
    }
    return true;
}

/* What can be had at once: >0 bytes, 0: nothing yet, -1: the end. */
static int read_some(struct fakeapi_conn *c)
{
    size_t room = sizeof(c->in) - c->n_in;
    ssize_t n;

    if (room == 0) {
        return -1;
    }
    if (c->ssl == NULL) {
        n = recv(c->fd, c->in + c->n_in, room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
    } else {
        n = SSL_read(c->ssl, c->in + c->n_in, (int)room);
        if (n <= 0 && SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ) {
            return 0;
        }
        ERR_clear_error();
    }
    if (n <= 0) {
        return -1;
    }
    c->n_in += (size_t)n;
    return 1;
}

enum fakeapi_poll fakeapi_conn_read(struct fakeapi_conn *c, uint64_t until_us)
{
    enum fakeapi_poll what = FAKEAPI_READY;
    bool frozen;
    int rc = 0;

    if (!is_alive(c, &frozen)) {
        return FAKEAPI_ENDED;
    }
    /* OpenSSL may hold bytes that poll(2) knows nothing of. */
    if (!frozen) {
        rc = read_some(c);
    }
    while (rc == 0) {
        what = fakeapi_conn_poll(c, POLLIN, until_us);
        if (what != FAKEAPI_READY) {
            return what;
        }
        rc = read_some(c);
    }
    return rc > 0 ? FAKEAPI_READY : FAKEAPI_ENDED;
}

/* How many were taken; 0: none for now; -1: the end. */
static ssize_t write_some(struct fakeapi_conn *c, const char *bytes, size_t len)
{
    ssize_t n;

    if (c->ssl != NULL) {
        int rc = SSL_write(c->ssl, bytes, (int)(len < 1 << 20 ? len : 1 << 20));

        return rc > 0 ? rc : wait_for_ssl(c, rc) ? 0 : -1;
    }
    n = send(c->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return fakeapi_conn_poll(c, POLLOUT, 0) != FAKEAPI_ENDED ? 0 : -1;
    }
    return n;
}

bool fakeapi_conn_write(struct fakeapi_conn *c, const void *bytes, size_t len)
{
    const char *at = bytes;
    bool frozen;

    while (len > 0) {
        ssize_t n;

        if (!is_alive(c, &frozen)) {
            return false;
        }
        if (frozen) {
            (void)fakeapi_conn_poll(c, 0, 0);
            continue;
        }
        n = write_some(c, at, len);
        if (n < 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool fakeapi_conn_pause(struct fakeapi_conn *c, unsigned ms)
{
    uint64_t until = fakeapi_text_after_ms(ms);
    enum fakeapi_poll what;

    do {
        what = fakeapi_conn_poll(c, 0, until);
    } while (what == FAKEAPI_WOKEN);
    return what != FAKEAPI_ENDED;
}

/* A close that follows our FIN at once would be a reset to a client that still sends. */
static void await_fin(struct fakeapi_conn *c)
{
    uint64_t until = fakeapi_text_now_us() + FAREWELL_US;
    enum fakeapi_poll what = FAKEAPI_WOKEN;
    char dropped[4096];

    while (what == FAKEAPI_WOKEN || what == FAKEAPI_READY) {
        what = fakeapi_conn_poll(c, POLLIN, until);
        if (what == FAKEAPI_READY && recv(c->fd, dropped, sizeof(dropped), 0) <= 0) {
            return;
        }
    }
}

void fakeapi_conn_end(struct fakeapi_conn *c, enum fakeapi_cut how)
{
    const struct linger reset = {.l_onoff = 1};

    if (how == FAKEAPI_RST) {
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    } else {
        if (how != FAKEAPI_FIN && c->ssl != NULL && SSL_is_init_finished(c->ssl)) {
            (void)SSL_shutdown(c->ssl);
        }
        shutdown(c->fd, SHUT_WR);
        await_fin(c);
    }
    ERR_clear_error();
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
}
