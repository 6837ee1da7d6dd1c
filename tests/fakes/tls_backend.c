#include "fakes/tls_backend.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "fakes/scripted_peer.h"

struct tls_backend {
    pthread_t thread;
    struct netaddr addr;
    char name[64];
    int listener, stop;
    SSL_CTX *ctx;
};

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "tls_backend: %s\n", what);
        ERR_print_errors_fp(stderr);
        abort();
    }
}

/* Read to the end of the request's header; false when the client left before. */
static int read_request(SSL *ssl)
{
    char request[4096];
    size_t len = 0;

    while (len < sizeof(request) - 1) {
        int n = SSL_read(ssl, request + len, (int)(sizeof(request) - 1 - len));

        if (n <= 0) {
            return 0;
        }
        len += (size_t)n;
        request[len] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL) {
            return 1;
        }
    }
    return 0;
}

static void answer(const struct tls_backend *b, SSL *ssl)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s\n",
                     strlen(b->name) + 1, b->name);

    SSL_write(ssl, text, n);
    SSL_shutdown(ssl);
}

/* Waiting for the client's FIN keeps our close from resetting what it has not read yet. */
static void serve_one(struct tls_backend *b, int fd)
{
    const struct timeval limit = {.tv_sec = 10};
    SSL *ssl = SSL_new(b->ctx);
    char byte;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    check(ssl != NULL && SSL_set_fd(ssl, fd), "SSL_new");
    if (SSL_accept(ssl) == 1 && read_request(ssl)) {
        answer(b, ssl);
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    SSL_free(ssl);
    ERR_clear_error();
    close(fd);
}

static void *serve(void *arg)
{
    struct tls_backend *b = arg;
    struct pollfd fds[] = {{.fd = b->listener, .events = POLLIN},
                           {.fd = b->stop, .events = POLLIN}};

    while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
        int fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd >= 0) {
            serve_one(b, fd);
        }
    }
    return NULL;
}

static SSL_CTX *make_ctx(const struct tls_backend_config *cfg)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    check(ctx != NULL && SSL_CTX_use_PrivateKey_file(ctx, cfg->cert, SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_use_certificate_chain_file(ctx, cfg->cert) == 1,
          cfg->cert);
    SSL_CTX_set_max_proto_version(ctx, cfg->max_version);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"sealway", 7);
    if (cfg->groups != NULL) {
        check(SSL_CTX_set1_groups_list(ctx, (uintptr_t)cfg->groups) == 1, cfg->groups);
    }
    if (cfg->client_ca != NULL) {
        check(SSL_CTX_load_verify_file(ctx, cfg->client_ca), cfg->client_ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

struct tls_backend *tls_backend_start(const struct tls_backend_config *cfg)
{
    struct tls_backend *b = calloc(1, sizeof(*b));

    check(b != NULL, "calloc");
    snprintf(b->name, sizeof(b->name), "%s", cfg->name);
    b->ctx = make_ctx(cfg);
    b->listener = peer_listen(cfg->ip != NULL ? cfg->ip : "127.0.0.1", 64, NULL, &b->addr);
    b->stop = eventfd(0, EFD_CLOEXEC);
    check(b->stop >= 0, "eventfd");
    check(pthread_create(&b->thread, NULL, serve, b) == 0, "pthread_create");
    return b;
}

struct netaddr tls_backend_addr(const struct tls_backend *b)
{
    return b->addr;
}

void tls_backend_stop(struct tls_backend *b)
{
    if (b == NULL) {
        return;
    }
    check(eventfd_write(b->stop, 1) == 0, "eventfd_write");
    pthread_join(b->thread, NULL);
    close(b->listener);
    close(b->stop);
    SSL_CTX_free(b->ctx);
    free(b);
}
