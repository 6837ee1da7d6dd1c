#include "support/answerer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#define ANSWERS     64u
#define REQUESTS    64u
#define CONNECTIONS 64u

struct answer {
    char *bytes;
    size_t len;
    enum answer_then then;
};

struct connection {
    struct answerer *server;
    pthread_t thread;
    int fd;
    SSL *ssl; /* NULL: plain */
};

struct answerer {
    struct netaddr addr;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t added;
    bool is_stopping;
    SSL_CTX *tls;
    bool is_tls;
    struct answer answers[ANSWERS];
    size_t first, last;
    char *requests[REQUESTS];
    size_t n_requests;
    struct connection connections[CONNECTIONS];
    size_t n_connections;
    char sni[256];
};

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

/* ---- a connection: its own thread ------------------------------------------------------------ */

static bool put(const struct connection *c, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = c->ssl != NULL ? SSL_write(c->ssl, bytes, (int)len)
                                   : send(c->fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static size_t body_len(const char *head)
{
    const char *field = strcasestr(head, "\r\nContent-Length:");

    return field != NULL ? strtoul(field + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* To the end of a request; NULL when the client went before.  A byte at a time is quick enough. */
static char *get_request(const struct connection *c)
{
    char *text = calloc(1, 1 << 17);
    size_t len = 0, rest = 0;
    bool has_head = false;

    check(text != NULL, "calloc");
    while (!has_head || rest > 0) {
        ssize_t n =
            c->ssl != NULL ? SSL_read(c->ssl, text + len, 1) : recv(c->fd, text + len, 1, 0);

        if (n <= 0 || len + 2 > 1 << 17) {
            free(text);
            return NULL;
        }
        len++;
        if (has_head) {
            rest--;
        } else if (len >= 4 && memcmp(text + len - 4, "\r\n\r\n", 4) == 0) {
            has_head = true;
            rest = body_len(text);
        }
    }
    return text;
}

static bool keep_request(struct answerer *s, char *text)
{
    if (text == NULL) {
        return false;
    }
    pthread_mutex_lock(&s->lock);
    check(s->n_requests < REQUESTS, "answerer: too many requests");
    s->requests[s->n_requests++] = text;
    pthread_mutex_unlock(&s->lock);
    return true;
}

static bool next_answer(struct answerer *s, struct answer *out)
{
    bool has;

    pthread_mutex_lock(&s->lock);
    while (!s->is_stopping && s->first == s->last) {
        pthread_cond_wait(&s->added, &s->lock);
    }
    has = !s->is_stopping;
    if (has) {
        *out = s->answers[s->first++];
    }
    pthread_mutex_unlock(&s->lock);
    return has;
}

static bool start_tls(struct connection *c)
{
    struct answerer *s = c->server;
    const char *name;

    pthread_mutex_lock(&s->lock);
    c->ssl = SSL_new(s->tls);
    pthread_mutex_unlock(&s->lock);
    check(c->ssl != NULL && SSL_set_fd(c->ssl, c->fd) == 1, "SSL_new");
    if (SSL_accept(c->ssl) != 1) {
        return false;
    }
    name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
    pthread_mutex_lock(&s->lock);
    snprintf(s->sni, sizeof(s->sni), "%s", name != NULL ? name : "");
    pthread_mutex_unlock(&s->lock);
    return true;
}

static void reset(const struct connection *c)
{
    const struct linger now = {.l_onoff = 1};

    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* Whether the connection goes on. */
static bool say(struct connection *c, const struct answer *a)
{
    bool good = put(c, a->bytes, a->len);

    while (good && a->then == ANSWER_FLOOD) {
        good = put(c, a->bytes, a->len);
    }
    if (a->then == ANSWER_RESET) {
        reset(c);
    }
    if (good && a->then == ANSWER_TLS) {
        good = start_tls(c);
    }
    return good && a->then != ANSWER_CLOSE && a->then != ANSWER_RESET;
}

static void converse(struct connection *c)
{
    struct answer a = {NULL, 0, ANSWER_KEEP};
    bool goes_on = true;

    while (goes_on && (a.then == ANSWER_MORE || keep_request(c->server, get_request(c))) &&
           next_answer(c->server, &a)) {
        goes_on = say(c, &a);
        free(a.bytes);
    }
}

/* The descriptor is closed by the one who stops, too: under the lock. */
static void *serve_connection(void *ctx)
{
    struct connection *c = ctx;

    if (!c->server->is_tls || start_tls(c)) {
        converse(c);
    }
    pthread_mutex_lock(&c->server->lock);
    SSL_free(c->ssl);
    close(c->fd);
    c->fd = -1;
    pthread_mutex_unlock(&c->server->lock);
    return NULL;
}

/* ---- the listener ---------------------------------------------------------------------------- */

static void *serve(void *ctx)
{
    struct answerer *s = ctx;
    int fd;

    /* Shut down it fails with EINVAL; a test may leave it without descriptors for a while. */
    while ((fd = accept(s->listener, NULL, NULL)) >= 0 || errno != EINVAL) {
        struct connection *c = &s->connections[s->n_connections];

        if (fd < 0) {
            sched_yield();
            continue;
        }
        pthread_mutex_lock(&s->lock);
        check(s->n_connections < CONNECTIONS, "answerer: too many connections");
        c->server = s;
        c->fd = fd;
        s->n_connections++;
        check(pthread_create(&c->thread, NULL, serve_connection, c) == 0, "pthread_create");
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static SSL_CTX *make_tls(const char *cert, const char *client_ca)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    check(ctx != NULL && SSL_CTX_use_certificate_chain_file(ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey_file(ctx, cert, SSL_FILETYPE_PEM) == 1,
          cert);
    if (client_ca != NULL) {
        check(SSL_CTX_load_verify_locations(ctx, client_ca, NULL) == 1, client_ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

static int listen_on(int family, struct netaddr *addr_out)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct netaddr any;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    check(netaddr_parse_ip(family == AF_INET6 ? "::1" : "127.0.0.1", 0, &any) == 0, "address");
    len = netaddr_to_sockaddr(&any, &sa);
    check(fd >= 0 && bind(fd, (struct sockaddr *)&sa, len) == 0 && listen(fd, 64) == 0, "listen");
    len = sizeof(sa);
    check(getsockname(fd, (struct sockaddr *)&sa, &len) == 0, "getsockname");
    netaddr_from_sockaddr(addr_out, (struct sockaddr *)&sa);
    return fd;
}

struct answerer *answerer_start(const struct answerer_config *cfg)
{
    struct answerer *s = calloc(1, sizeof(*s));

    check(s != NULL, "calloc");
    check(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->added, NULL) == 0,
          "pthread");
    s->listener = listen_on(cfg->family != 0 ? cfg->family : AF_INET, &s->addr);
    s->is_tls = cfg->cert != NULL;
    s->tls = s->is_tls ? make_tls(cfg->cert, cfg->client_ca) : NULL;
    check(pthread_create(&s->thread, NULL, serve, s) == 0, "pthread_create");
    return s;
}

void answerer_use_cert(struct answerer *s, const char *cert)
{
    pthread_mutex_lock(&s->lock);
    SSL_CTX_free(s->tls); /* connections hold their own references */
    s->tls = make_tls(cert, NULL);
    pthread_mutex_unlock(&s->lock);
}

void answerer_stop(struct answerer *s)
{
    if (s == NULL) {
        return;
    }
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    for (size_t i = 0; i < s->n_connections; i++) {
        if (s->connections[i].fd >= 0) {
            shutdown(s->connections[i].fd, SHUT_RDWR);
        }
    }
    pthread_cond_broadcast(&s->added);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n_connections; i++) {
        pthread_join(s->connections[i].thread, NULL);
    }
    while (s->first < s->last) {
        free(s->answers[s->first++].bytes);
    }
    while (s->n_requests > 0) {
        free(s->requests[--s->n_requests]);
    }
    close(s->listener);
    SSL_CTX_free(s->tls);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->added);
    free(s);
}

/* ---- the test's side ------------------------------------------------------------------------- */

struct netaddr answerer_addr(const struct answerer *s)
{
    return s->addr;
}

void answerer_add_bytes(struct answerer *s, const void *bytes, size_t len, enum answer_then then)
{
    char *copy = malloc(len + 1);

    check(copy != NULL, "malloc");
    memcpy(copy, bytes, len);
    pthread_mutex_lock(&s->lock);
    check(s->last < ANSWERS, "answerer: too many answers");
    s->answers[s->last++] = (struct answer){copy, len, then};
    pthread_cond_signal(&s->added);
    pthread_mutex_unlock(&s->lock);
}

void answerer_add(struct answerer *s, const char *text, enum answer_then then)
{
    answerer_add_bytes(s, text, strlen(text), then);
}

void answerer_add_json(struct answerer *s, const char *body)
{
    char text[4096];
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       strlen(body), body);

    check(len > 0 && (size_t)len < sizeof(text), "answerer: too long a body");
    answerer_add(s, text, ANSWER_KEEP);
}

size_t answerer_requests(struct answerer *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_requests;
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t answerer_connections(struct answerer *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_connections;
    pthread_mutex_unlock(&s->lock);
    return n;
}

const char *answerer_request(struct answerer *s, size_t i)
{
    const char *text;

    pthread_mutex_lock(&s->lock);
    text = i < s->n_requests ? s->requests[i] : "";
    pthread_mutex_unlock(&s->lock);
    return text;
}

const char *answerer_sni(struct answerer *s)
{
    return s->sni; /* written before the request that the caller has seen */
}
