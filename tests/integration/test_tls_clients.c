/* Real TLS through the real program: every client verifies the certificate of the backend it
 * reached, because nothing in between can decrypt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "fakes/scripted_peer.h"
#include "fakes/tls_backend.h"
#include "support/certs.h"
#include "support/hello_builder.h"
#include "support/manifest_writer.h"
#include "support/scene.h"

#define SHOP  "shop.tls.test"
#define ADMIN "admin.tls.test" /* wants a client certificate */
#define OLD   "old.tls.test"   /* speaks TLS 1.2 at most */
#define RETRY "retry.tls.test" /* asks for another key share than a client sends at first */
#define FIRST "first.tls.test" /* scripted */

struct stage {
    struct scene *scene;
    struct tempdir dir;
    struct certs *certs;
    struct tls_backend *shop, *admin, *old, *retry;
    int first; /* the scripted one's listener */
    char ca[PATH_MAX];
};

static struct tls_backend *add_backend(struct stage *g, const char *name, const char *host,
                                       struct tls_backend_config cfg)
{
    char cert[PATH_MAX];
    struct tls_backend *b;
    struct netaddr addr;

    certs_issue(g->certs, name, host);
    cfg.name = name;
    cfg.cert = certs_path(g->certs, name, cert);
    b = tls_backend_start(&cfg);
    addr = tls_backend_addr(b);
    manifest_route(&g->scene->manifests, name, host, &addr, 1);
    return b;
}

static int stage_setup(void **state)
{
    struct stage *g = calloc(1, sizeof(*g));
    struct netaddr first;
    void *scene;

    if (g == NULL || scene_setup(&scene) != 0) {
        abort();
    }
    g->scene = scene;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    tempdir_make(&g->dir);
    g->certs = certs_new(&g->dir);
    certs_path(g->certs, "ca", g->ca);
    certs_issue(g->certs, "client", "client.tls.test");
    g->shop = add_backend(g, "shop", SHOP, (struct tls_backend_config){0});
    g->admin = add_backend(g, "admin", ADMIN, (struct tls_backend_config){.client_ca = g->ca});
    g->old = add_backend(g, "old", OLD, (struct tls_backend_config){.max_version = TLS1_2_VERSION});
    g->retry = add_backend(g, "retry", RETRY, (struct tls_backend_config){.groups = "P-384"});
    g->first = peer_listen("127.0.0.1", 1, NULL, &first);
    manifest_route(&g->scene->manifests, "first", FIRST, &first, 1);
    scene_start(g->scene, NULL);
    *state = g;
    return 0;
}

static int stage_teardown(void **state)
{
    struct stage *g = *state;
    void *scene;
    int rc;

    if (g == NULL) {
        return -1; /* the setup failed and has said so */
    }
    scene = g->scene;
    rc = scene_teardown(&scene);

    tls_backend_stop(g->shop);
    tls_backend_stop(g->admin);
    tls_backend_stop(g->old);
    tls_backend_stop(g->retry);
    close(g->first);
    certs_free(g->certs);
    tempdir_remove(&g->dir);
    free(g);
    return rc;
}

/* One TLS client; zero means nothing special. */
struct client {
    const char *host;
    const char *cert;     /* PEM file of a client certificate */
    const char *groups;   /* the first one's key share is in the hello */
    int version;          /* exactly this one */
    SSL_SESSION *session; /* to resume */
};

struct outcome {
    char body[256]; /* "" when there was no answer */
    long verify;    /* X509_V_OK when the chain and the name were right */
    int version, resumed;
    unsigned hellos; /* that the client sent */
    SSL_SESSION *session;
};

static int dial(const struct netaddr *to)
{
    const struct timeval limit = {.tv_sec = 10};
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    assert_int_equal(connect(fd, (const struct sockaddr *)&sa, len), 0);
    return fd;
}

static SSL_CTX *client_ctx(const struct stage *g, const struct client *c)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_load_verify_file(ctx, g->ca), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_min_proto_version(ctx, c->version);
    SSL_CTX_set_max_proto_version(ctx, c->version);
    if (c->groups != NULL) {
        assert_int_equal(SSL_CTX_set1_groups_list(ctx, (uintptr_t)c->groups), 1);
    }
    if (c->cert != NULL) {
        assert_int_equal(SSL_CTX_use_PrivateKey_file(ctx, c->cert, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_certificate_chain_file(ctx, c->cert), 1);
    }
    return ctx;
}

static void count_hellos(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl,
                         void *arg)
{
    unsigned *hellos = arg;

    (void)version;
    (void)ssl;
    *hellos += sent && type == SSL3_RT_HANDSHAKE && len > 0 &&
               *(const uint8_t *)bytes == SSL3_MT_CLIENT_HELLO;
}

/* Send a request and keep the body of the answer; TLS 1.3 tickets come along with it. */
static void ask_body(SSL *ssl, char body[256])
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    char text[1024];
    size_t len = 0;
    int n;

    SSL_write(ssl, request, sizeof(request) - 1);
    while (len < sizeof(text) - 1 &&
           (n = SSL_read(ssl, text + len, (int)(sizeof(text) - 1 - len))) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    const char *at = strstr(text, "\r\n\r\n");
    snprintf(body, 256, "%s", at != NULL ? at + 4 : "");
}

static struct outcome request(const struct stage *g, struct client c)
{
    struct outcome o = {.verify = -1};
    SSL_CTX *ctx = client_ctx(g, &c);
    SSL *ssl = SSL_new(ctx);
    int fd = dial(&g->scene->addr);
    char host[128]; /* the macro below casts const away */

    assert_non_null(ssl);
    snprintf(host, sizeof(host), "%s", c.host);
    SSL_set_tlsext_host_name(ssl, host);
    SSL_set1_host(ssl, c.host);
    SSL_set_fd(ssl, fd);
    SSL_set_msg_callback(ssl, count_hellos);
    SSL_set_msg_callback_arg(ssl, &o.hellos);
    if (c.session != NULL) {
        SSL_set_session(ssl, c.session);
    }
    if (SSL_connect(ssl) == 1) {
        o.verify = SSL_get_verify_result(ssl);
        ask_body(ssl, o.body);
        o.version = SSL_version(ssl);
        o.resumed = SSL_session_reused(ssl);
        SSL_shutdown(ssl);
        o.session = SSL_get1_session(ssl);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return o;
}

static void assert_answered(const struct outcome *o, const char *body, int version)
{
    assert_int_equal(o->verify, X509_V_OK);
    assert_string_equal(o->body, body);
    assert_int_equal(o->version, version);
}

static void tls_1_2_and_1_3_reach_the_verified_backend(void **state)
{
    const struct stage *g = *state;
    struct outcome o;

    o = request(g, (struct client){.host = SHOP, .version = TLS1_3_VERSION});
    assert_answered(&o, "shop\n", TLS1_3_VERSION);
    SSL_SESSION_free(o.session);
    o = request(g, (struct client){.host = SHOP, .version = TLS1_2_VERSION});
    assert_answered(&o, "shop\n", TLS1_2_VERSION);
    SSL_SESSION_free(o.session);
    o = request(g, (struct client){.host = OLD});
    assert_answered(&o, "old\n", TLS1_2_VERSION);
    SSL_SESSION_free(o.session);
}

static void a_session_is_resumed_through_the_proxy(void **state)
{
    const struct stage *g = *state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        struct client c = {.host = SHOP, .version = versions[i]};
        struct outcome first = request(g, c), second;

        assert_answered(&first, "shop\n", versions[i]);
        assert_int_equal(first.resumed, 0);
        c.session = first.session;
        second = request(g, c);
        assert_answered(&second, "shop\n", versions[i]);
        assert_int_equal(second.resumed, 1);
        SSL_SESSION_free(first.session);
        SSL_SESSION_free(second.session);
    }
}

static void a_client_certificate_passes_through(void **state)
{
    const struct stage *g = *state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    char cert[PATH_MAX];

    certs_path(g->certs, "client", cert);
    for (size_t i = 0; i < 2; i++) {
        struct outcome with, without;

        with = request(g, (struct client){.host = ADMIN, .cert = cert, .version = versions[i]});
        assert_answered(&with, "admin\n", versions[i]);
        without = request(g, (struct client){.host = ADMIN, .version = versions[i]});
        assert_string_equal(without.body, "");
        SSL_SESSION_free(with.session);
        SSL_SESSION_free(without.session);
    }
}

/* The answer to its first hello is a HelloRetryRequest; the second one goes the first one's way. */
static void a_client_that_is_asked_for_another_key_share_reaches_the_verified_backend(void **state)
{
    const struct stage *g = *state;
    struct outcome o = request(
        g, (struct client){.host = RETRY, .version = TLS1_3_VERSION, .groups = "X25519:P-384"});

    assert_answered(&o, "retry\n", TLS1_3_VERSION);
    assert_int_equal(o.hellos, 2);
    SSL_SESSION_free(o.session);
    o = request(g, (struct client){.host = SHOP, .version = TLS1_3_VERSION});
    assert_answered(&o, "shop\n", TLS1_3_VERSION);
    assert_int_equal(o.hellos, 1);
    SSL_SESSION_free(o.session);
}

/* RFC 8446 4.1.3 and 4.1.4: a ServerHello, known by its random, that asks for a share of P-384. */
static const uint8_t hello_retry_request[] = {
    0x16, 0x03, 0x03, 0x00, 0x38,                   /* record */
    0x02, 0x00, 0x00, 0x34, 0x03, 0x03,             /* server_hello */
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, /* random */
    0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, /* ... */
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, /* ... */
    0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c, /* ... */
    0x00, 0x13, 0x01, 0x00,                         /* no session, the suite, no compression */
    0x00, 0x0c, 0x00, 0x2b, 0x00, 0x02, 0x03, 0x04, /* supported_versions: 3.4 */
    0x00, 0x33, 0x00, 0x02, 0x00, 0x18,             /* key_share: secp384r1 */
};

/* The name is not among what a second hello may change (RFC 8446 4.1.2).  To refuse one that does
 * is the backend's part: it gets every byte, and the client gets its alert. */
static void a_second_hello_with_another_name_stays_with_the_first_ones_backend(void **state)
{
    const struct stage *g = *state;
    static const uint8_t change_cipher_spec[] = {1};
    static const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, SSL_AD_ILLEGAL_PARAMETER};
    struct hello_bytes first = {0}, second = {0};
    struct peer *b, *c;
    char *line, routed_on[40];

    hello_simple(&first, FIRST, "h2");
    hello_add_record(&second, SSL3_RT_CHANGE_CIPHER_SPEC, TLS1_2_VERSION, change_cipher_spec, 1);
    hello_simple(&second, SHOP, "h2");

    const struct peer_step client[] = {
        PEER_SEND(first.data, first.len),
        PEER_EXPECT(hello_retry_request, sizeof(hello_retry_request)),
        PEER_SEND(second.data, second.len),
        PEER_HALF_CLOSE,
        PEER_EXPECT(alert, sizeof(alert)),
        PEER_EXPECT_EOF,
        PEER_END,
    };
    const struct peer_step server[] = {
        PEER_EXPECT(first.data, first.len),
        PEER_SEND(hello_retry_request, sizeof(hello_retry_request)),
        PEER_EXPECT(second.data, second.len),
        PEER_EXPECT_EOF,
        PEER_SEND(alert, sizeof(alert)),
        PEER_END,
    };

    b = peer_accept(g->first, server, NULL);
    c = peer_dial(&g->scene->addr, client, NULL);
    assert_peers_ok(c, b);
    line = sealway_access_line(g->scene->program, " sni=" FIRST " ");
    assert_non_null(line);
    snprintf(routed_on, sizeof(routed_on), " hello_bytes=%zu ", first.len);
    assert_non_null(strstr(line, " host=" FIRST " "));
    assert_non_null(strstr(line, routed_on));
    assert_non_null(strstr(line, " reason=client_eof"));
    free(line);
    hello_bytes_free(&first);
    hello_bytes_free(&second);
}

/* Run a shell command line with $PORT, $CA and $HOST set; its output goes to `out`. */
static int run(const struct stage *g, const char *command, char *out, size_t cap)
{
    char port[16];
    FILE *f;
    size_t len;
    int status;

    snprintf(port, sizeof(port), "%u", g->scene->addr.port);
    setenv("PORT", port, 1);
    setenv("CA", g->ca, 1);
    setenv("HOST", SHOP, 1);
    f = popen(command, "r");
    assert_non_null(f);
    len = fread(out, 1, cap - 1, f);
    out[len] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_program_reaches_the_shop(void **state, const char *test, const char *program,
                                            const char *command)
{
    const struct stage *g = *state;
    char which[64], out[8192];

    snprintf(which, sizeof(which), "command -v %s", program);
    if (run(g, which, out, sizeof(out)) != 0) {
        print_message("             skip %s: %s is not installed\n", test, program);
        skip();
    }
    if (run(g, command, out, sizeof(out)) != 0 || strstr(out, "shop\n") == NULL) {
        fail_msg("%s said: %s", program, out);
    }
}

static void curl_reaches_the_verified_backend(void **state)
{
    assert_program_reaches_the_shop(state, __func__, "curl",
                                    "curl -sS --max-time 20 --noproxy '*' --cacert $CA "
                                    "--resolve $HOST:$PORT:127.0.0.1 https://$HOST:$PORT/ 2>&1");
}

static void openssl_s_client_reaches_the_verified_backend(void **state)
{
    assert_program_reaches_the_shop(
        state, __func__, "openssl",
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 openssl s_client -quiet "
        "-connect 127.0.0.1:$PORT -servername $HOST -verify_hostname $HOST -CAfile $CA "
        "-verify_return_error 2>&1");
}

static void gnutls_cli_reaches_the_verified_backend(void **state)
{
    assert_program_reaches_the_shop(
        state, __func__, "gnutls-cli",
        "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 20 gnutls-cli --x509cafile=$CA "
        "--sni-hostname=$HOST --verify-hostname=$HOST --port=$PORT 127.0.0.1 2>&1");
}

static void python_reaches_the_verified_backend(void **state)
{
    assert_program_reaches_the_shop(
        state, __func__, "python3",
        "timeout 20 python3 -c '\n"
        "import os, socket, ssl\n"
        "context = ssl.create_default_context(cafile=os.environ[\"CA\"])\n"
        "raw = socket.create_connection((\"127.0.0.1\", int(os.environ[\"PORT\"])))\n"
        "tls = context.wrap_socket(raw, server_hostname=os.environ[\"HOST\"])\n"
        "tls.sendall(b\"GET / HTTP/1.0\\r\\n\\r\\n\")\n"
        "print(tls.recv(4096).decode())' 2>&1");
}

static void openssl_s_client_names_the_alert_for_an_unknown_name(void **state)
{
    const struct stage *g = *state;
    char out[8192];

    if (run(g, "command -v openssl", out, sizeof(out)) != 0) {
        print_message("             skip %s: openssl is not installed\n", __func__);
        skip();
    }
    (void)run(g,
              "timeout 20 openssl s_client -connect 127.0.0.1:$PORT -servername nobody.tls.test "
              "</dev/null 2>&1",
              out, sizeof(out));
    assert_non_null(strstr(out, "unrecognized name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_1_2_and_1_3_reach_the_verified_backend),
        cmocka_unit_test(a_session_is_resumed_through_the_proxy),
        cmocka_unit_test(a_client_certificate_passes_through),
        cmocka_unit_test(a_client_that_is_asked_for_another_key_share_reaches_the_verified_backend),
        cmocka_unit_test(a_second_hello_with_another_name_stays_with_the_first_ones_backend),
        cmocka_unit_test(curl_reaches_the_verified_backend),
        cmocka_unit_test(openssl_s_client_reaches_the_verified_backend),
        cmocka_unit_test(gnutls_cli_reaches_the_verified_backend),
        cmocka_unit_test(python_reaches_the_verified_backend),
        cmocka_unit_test(openssl_s_client_names_the_alert_for_an_unknown_name),
    };

    return cmocka_run_group_tests_name("tls_clients", tests, stage_setup, stage_teardown);
}
