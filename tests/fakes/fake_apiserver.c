#include "fakes/fake_apiserver.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>
#include <openssl/err.h>

#include "fakes/fakeapi_priv.h"

#define FIRST_VERSION 100u
#define BACKLOG       128

static void check(bool good, const char *what)
{
    if (!good) {
        ERR_print_errors_fp(stderr);
        fakeapi_text_die(what, strerror(errno));
    }
}

/* ---- TLS ---- */

static int choose_http1(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                        const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_ctx(const struct fakeapi *api, const char *cert)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    check(ctx != NULL && SSL_CTX_use_PrivateKey_file(ctx, cert, SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_use_certificate_chain_file(ctx, cert) == 1,
          cert);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"fakeapi", 7);
    SSL_CTX_set_alpn_select_cb(ctx, choose_http1, NULL);
    if (api->client_ca[0] != '\0') {
        check(SSL_CTX_load_verify_file(ctx, api->client_ca) == 1, api->client_ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    return ctx;
}

void fakeapi_use_cert(struct fakeapi *api, const char *cert)
{
    SSL_CTX *ctx = make_ctx(api, cert);

    pthread_mutex_lock(&api->lock);
    SSL_CTX_free(api->ctx);
    api->ctx = ctx;
    pthread_mutex_unlock(&api->lock);
}

/* ---- listening ---- */

/* A socket of our address and port; two may have it as long as one of them does not listen. */
static int bind_socket(const struct netaddr *addr)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(addr, &sa);
    int fd = socket(addr->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;

    check(fd >= 0, "socket");
    check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0, "SO_REUSEADDR");
    check(bind(fd, (struct sockaddr *)&sa, len) == 0, "bind");
    return fd;
}

static void take_port(struct fakeapi *api, bool ipv6)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    check(netaddr_parse_ip(ipv6 ? "::1" : "127.0.0.1", 0, &api->addr) == 0, "address");
    api->holder = bind_socket(&api->addr);
    check(getsockname(api->holder, (struct sockaddr *)&sa, &len) == 0, "getsockname");
    netaddr_from_sockaddr(&api->addr, (struct sockaddr *)&sa);
}

static void start_listening(struct fakeapi *api)
{
    api->listener = bind_socket(&api->addr);
    check(listen(api->listener, BACKLOG) == 0, "listen");
}

void fakeapi_listen(struct fakeapi *api, bool does)
{
    pthread_mutex_lock(&api->lock);
    if (does && api->listener < 0) {
        start_listening(api);
    } else if (!does && api->listener >= 0) {
        shutdown(api->listener, SHUT_RDWR); /* the acceptor's poll(2) still holds it open */
        close(api->listener);
        api->listener = -1;
    }
    pthread_mutex_unlock(&api->lock);
    check(eventfd_write(api->wake, 1) == 0, "eventfd");
}

/* ---- connections ---- */

static void free_conn(struct fakeapi_conn *c)
{
    fakeapi_watch_close(c);
    close(c->wake);
    SSL_CTX_free(c->ctx);
    free(c);
}

/* Join the threads that have ended; of all when the server stops. */
static void reap(struct fakeapi *api, bool all)
{
    struct fakeapi_conn *ended = NULL;

    pthread_mutex_lock(&api->lock);
    for (struct fakeapi_conn **at = &api->conns; *at != NULL;) {
        struct fakeapi_conn *c = *at;

        if (!all && !c->has_ended) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        c->next = ended;
        ended = c;
    }
    pthread_mutex_unlock(&api->lock);
    while (ended != NULL) {
        struct fakeapi_conn *c = ended;

        ended = c->next;
        pthread_join(c->thread, NULL);
        free_conn(c);
    }
}

static void set_up_tls(struct fakeapi_conn *c)
{
    if (c->api->ctx == NULL) {
        return;
    }
    check(SSL_CTX_up_ref(c->api->ctx) == 1, "SSL_CTX_up_ref");
    c->ctx = c->api->ctx;
    c->ssl = SSL_new(c->ctx);
    check(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1, "SSL_new");
}

/* (locked) */
static void adopt(struct fakeapi *api, int fd)
{
    struct fakeapi_conn *c = fakeapi_text_alloc(sizeof(*c));
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c->api = api;
    c->fd = fd;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(c->wake >= 0, "eventfd");
    c->number = ++api->n_accepted;
    c->watch.last = &c->watch.inserts;
    set_up_tls(c);
    api->n_open++;
    c->next = api->conns;
    api->conns = c;
    check(pthread_create(&c->thread, NULL, fakeapi_http_run, c) == 0, "pthread_create");
    pthread_cond_broadcast(&api->changed);
}

/* (locked) */
static void accept_all(struct fakeapi *api)
{
    int fd;

    while (api->listener >= 0 && !api->is_frozen &&
           (fd = accept4(api->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        adopt(api, fd);
    }
}

static void *accept_loop(void *arg)
{
    struct fakeapi *api = arg;
    eventfd_t n;

    for (;;) {
        struct pollfd fds[] = {{.fd = api->wake, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

        pthread_mutex_lock(&api->lock);
        if (api->stops) {
            pthread_mutex_unlock(&api->lock);
            return NULL;
        }
        accept_all(api);
        fds[1].fd = api->is_frozen ? -1 : api->listener;
        pthread_mutex_unlock(&api->lock);
        reap(api, false);
        (void)poll(fds, 2, -1);
        if (fds[0].revents != 0) {
            (void)eventfd_read(api->wake, &n);
        }
    }
}

/* (locked) */
static void wake_all(struct fakeapi *api)
{
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        fakeapi_conn_wake(c);
    }
    check(eventfd_write(api->wake, 1) == 0, "eventfd");
}

void fakeapi_drop(struct fakeapi *api, enum fakeapi_cut how)
{
    pthread_mutex_lock(&api->lock);
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        c->doom = how;
        c->watch.is_cut = true;
    }
    wake_all(api);
    pthread_mutex_unlock(&api->lock);
}

void fakeapi_freeze(struct fakeapi *api, bool is_frozen)
{
    pthread_mutex_lock(&api->lock);
    api->is_frozen = is_frozen;
    wake_all(api);
    pthread_mutex_unlock(&api->lock);
}

void fakeapi_behave(struct fakeapi *api, const struct fakeapi_behaviour *b)
{
    pthread_mutex_lock(&api->lock);
    api->behaviour = *b;
    snprintf(api->extra_head, sizeof(api->extra_head), "%s",
             b->extra_head != NULL ? b->extra_head : "");
    pthread_mutex_unlock(&api->lock);
}

unsigned fakeapi_accepted(struct fakeapi *api)
{
    unsigned n;

    pthread_mutex_lock(&api->lock);
    n = api->n_accepted;
    pthread_mutex_unlock(&api->lock);
    return n;
}

unsigned fakeapi_open(struct fakeapi *api)
{
    unsigned n;

    pthread_mutex_lock(&api->lock);
    n = api->n_open;
    pthread_mutex_unlock(&api->lock);
    return n;
}

/* ---- start and stop ---- */

static void init_locks(struct fakeapi *api)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&api->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&api->changed, &attr);
    pthread_condattr_destroy(&attr);
}

/* Our threads take no signal, SIGPIPE of a write to who has left included. */
static void start_thread(struct fakeapi *api)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    check(pthread_create(&api->acceptor, NULL, accept_loop, api) == 0, "pthread_create");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct fakeapi *fakeapi_start(const struct fakeapi_config *cfg)
{
    struct fakeapi *api = fakeapi_text_alloc(sizeof(*api));

    init_locks(api);
    snprintf(api->prefix, sizeof(api->prefix), "%s", cfg->prefix != NULL ? cfg->prefix : "");
    snprintf(api->rv_prefix, sizeof(api->rv_prefix), "%s",
             cfg->rv_prefix != NULL ? cfg->rv_prefix : "");
    snprintf(api->client_ca, sizeof(api->client_ca), "%s",
             cfg->client_ca != NULL ? cfg->client_ca : "");
    api->version = cfg->first_version != 0 ? cfg->first_version : FIRST_VERSION;
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        api->collections[i].oldest = api->version;
    }
    if (cfg->cert != NULL) {
        api->ctx = make_ctx(api, cfg->cert);
    }
    api->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(api->wake >= 0, "eventfd");
    take_port(api, cfg->ipv6);
    start_listening(api);
    start_thread(api);
    return api;
}

void fakeapi_stop(struct fakeapi *api)
{
    if (api == NULL) {
        return;
    }
    pthread_mutex_lock(&api->lock);
    api->stops = true;
    wake_all(api);
    pthread_mutex_unlock(&api->lock);
    pthread_join(api->acceptor, NULL);
    reap(api, true);
    if (api->listener >= 0) {
        close(api->listener);
    }
    close(api->holder);
    close(api->wake);
    fakeapi_store_fini(api);
    fakeapi_script_fini(api);
    SSL_CTX_free(api->ctx);
    free(api->log);
    pthread_mutex_destroy(&api->lock);
    pthread_cond_destroy(&api->changed);
    free(api);
}

struct netaddr fakeapi_addr(const struct fakeapi *api)
{
    return api->addr;
}

uint16_t fakeapi_port(const struct fakeapi *api)
{
    return api->addr.port;
}

const char *fakeapi_url(const struct fakeapi *api, const char *host, char out[256])
{
    char text[NETADDR_TEXT_MAX];

    if (host != NULL) {
        snprintf(out, 256, "%s://%s:%u%s", api->ctx != NULL ? "https" : "http", host,
                 (unsigned)api->addr.port, api->prefix);
    } else {
        snprintf(out, 256, "%s://%s%s", api->ctx != NULL ? "https" : "http",
                 netaddr_format(&api->addr, text), api->prefix);
    }
    return out;
}
