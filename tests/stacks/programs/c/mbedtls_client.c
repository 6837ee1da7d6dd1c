/* The Mbed TLS client of the stacks: one job per line, "FEATURE key=value ...", on the command line
 * or on stdin; each is answered with one line, "ok ...", "refused ..." or "error ...".
 *
 * Written for Mbed TLS 2.28, which speaks TLS 1.2 at most. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

#define LIMIT_MS 15000
#define BULK     (10 << 20)
#define REFUSED  (-1) /* no code of the library's: they are below -0x10 */
/* The example key of RFC 6455 1.3, and what a server makes of it. */
#define WS_KEY   "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_PROOF "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

struct job {
    char feature[32], addr[64], name[256], ca[512], cert[512], alpn[256], token[64];
};

struct connection {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
    char alpn[256];
    const char *alpn_list[9];
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_bytes;

static int parse_job(char *line, struct job *job)
{
    const struct {
        const char *key;
        char *value;
        size_t cap;
    } words[] = {
        {"addr=", job->addr, sizeof(job->addr)}, {"name=", job->name, sizeof(job->name)},
        {"ca=", job->ca, sizeof(job->ca)},       {"cert=", job->cert, sizeof(job->cert)},
        {"alpn=", job->alpn, sizeof(job->alpn)}, {"token=", job->token, sizeof(job->token)},
    };

    memset(job, 0, sizeof(*job));
    for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        if (job->feature[0] == '\0') {
            snprintf(job->feature, sizeof(job->feature), "%s", word);
        }
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            size_t len = strlen(words[i].key);
            if (strncmp(word, words[i].key, len) == 0) {
                snprintf(words[i].value, words[i].cap, "%s", word + len);
            }
        }
    }
    return job->feature[0] != '\0' ? 0 : -1;
}

/* Wait for the socket; 0, or a code that ends the job. */
static int wait_for(struct connection *c, int code)
{
    struct pollfd pfd = {.fd = c->net.fd};

    if (code == MBEDTLS_ERR_SSL_WANT_READ) {
        pfd.events = POLLIN;
    } else if (code == MBEDTLS_ERR_SSL_WANT_WRITE) {
        pfd.events = POLLOUT;
    } else {
        return code;
    }
    return poll(&pfd, 1, LIMIT_MS) == 1 ? 0 : MBEDTLS_ERR_SSL_TIMEOUT;
}

static int handshake(struct connection *c)
{
    int rc;

    while ((rc = mbedtls_ssl_handshake(&c->ssl)) != 0) {
        if ((rc = wait_for(c, rc)) != 0) {
            return rc;
        }
    }
    return 0;
}

static int configure(struct connection *c, const struct job *job)
{
    size_t n = 0;
    int rc = mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT,
                                         MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

    mbedtls_ssl_conf_rng(&c->conf, mbedtls_ctr_drbg_random, &random_bytes);
    mbedtls_ssl_conf_authmode(&c->conf,
                              job->ca[0] ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(&c->conf, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
#endif
    if (rc == 0 && job->ca[0]) {
        rc = mbedtls_x509_crt_parse_file(&c->ca, job->ca);
        mbedtls_ssl_conf_ca_chain(&c->conf, &c->ca, NULL);
    }
    if (rc == 0 && job->cert[0]) {
        rc = mbedtls_x509_crt_parse_file(&c->cert, job->cert);
        rc = rc ? rc : mbedtls_pk_parse_keyfile(&c->key, job->cert, NULL);
        rc = rc ? rc : mbedtls_ssl_conf_own_cert(&c->conf, &c->cert, &c->key);
    }
    snprintf(c->alpn, sizeof(c->alpn), "%s", job->alpn);
    for (char *name = strtok(c->alpn, ","); name != NULL && n < 8; name = strtok(NULL, ",")) {
        c->alpn_list[n++] = name;
    }
    return rc == 0 && n > 0 ? mbedtls_ssl_conf_alpn_protocols(&c->conf, c->alpn_list) : rc;
}

static void hang_up(struct connection *c)
{
    mbedtls_net_free(&c->net);
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->ca);
    mbedtls_x509_crt_free(&c->cert);
    mbedtls_pk_free(&c->key);
}

/* Connect and shake hands; `c` needs hang_up() either way. */
static int dial(struct connection *c, const struct job *job, const mbedtls_ssl_session *session)
{
    char host[64];
    char *port;
    int rc;

    memset(c, 0, sizeof(*c));
    mbedtls_net_init(&c->net);
    mbedtls_ssl_init(&c->ssl);
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->ca);
    mbedtls_x509_crt_init(&c->cert);
    mbedtls_pk_init(&c->key);
    snprintf(host, sizeof(host), "%s", job->addr);
    if ((port = strchr(host, ':')) == NULL) {
        return MBEDTLS_ERR_NET_UNKNOWN_HOST;
    }
    *port++ = '\0';
    if ((rc = configure(c, job)) != 0 || (rc = mbedtls_ssl_setup(&c->ssl, &c->conf)) != 0 ||
        (rc = mbedtls_ssl_set_hostname(&c->ssl, job->name[0] ? job->name : NULL)) != 0 ||
        (session != NULL && (rc = mbedtls_ssl_set_session(&c->ssl, session)) != 0) ||
        (rc = mbedtls_net_connect(&c->net, host, port, MBEDTLS_NET_PROTO_TCP)) != 0) {
        return rc;
    }
    mbedtls_net_set_nonblock(&c->net);
    mbedtls_ssl_set_bio(&c->ssl, &c->net, mbedtls_net_send, mbedtls_net_recv, NULL);
    return handshake(c);
}

/* Send `data` and read the same number of bytes back meanwhile; the end of the other direction is
 * REFUSED. */
static int exchange(struct connection *c, const unsigned char *data, unsigned char *back,
                    size_t len)
{
    size_t sent = 0, got = 0;

    while (got < len) {
        int w = sent < len ? mbedtls_ssl_write(&c->ssl, data + sent, len - sent)
                           : MBEDTLS_ERR_SSL_WANT_READ;
        int r = mbedtls_ssl_read(&c->ssl, back + got, len - got);
        struct pollfd pfd = {.fd = c->net.fd, .events = POLLIN};

        sent += w > 0 ? (size_t)w : 0;
        got += r > 0 ? (size_t)r : 0;
        if (r == 0) {
            return REFUSED;
        }
        if (w < 0 && w != MBEDTLS_ERR_SSL_WANT_READ && w != MBEDTLS_ERR_SSL_WANT_WRITE) {
            return w;
        }
        if (r < 0 && r != MBEDTLS_ERR_SSL_WANT_READ && r != MBEDTLS_ERR_SSL_WANT_WRITE) {
            return r;
        }
        if (w == MBEDTLS_ERR_SSL_WANT_WRITE) {
            pfd.events |= POLLOUT;
        }
        if (w < 0 && r < 0 && poll(&pfd, 1, LIMIT_MS) != 1) {
            return MBEDTLS_ERR_SSL_TIMEOUT;
        }
    }
    return 0;
}

static int send_all(struct connection *c, const unsigned char *data, size_t len)
{
    while (len > 0) {
        int n = mbedtls_ssl_write(&c->ssl, data, len);
        if (n < 0 && (n = wait_for(c, n)) != 0) {
            return n;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Read until `cap` bytes have come, or the end. */
static int receive(struct connection *c, unsigned char *into, size_t cap, size_t *got)
{
    *got = 0;
    while (*got < cap) {
        int n = mbedtls_ssl_read(&c->ssl, into + *got, cap - *got);
        if (n == 0 || n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
            return 0;
        }
        if (n < 0 && (n = wait_for(c, n)) != 0) {
            return n;
        }
        *got += (size_t)n;
    }
    return 0;
}

/* End our direction: a close_notify, then the FIN. */
static int finish(struct connection *c)
{
    int rc;

    while ((rc = mbedtls_ssl_close_notify(&c->ssl)) != 0) {
        if ((rc = wait_for(c, rc)) != 0) {
            return rc;
        }
    }
    return shutdown(c->net.fd, SHUT_WR) == 0 ? 0 : MBEDTLS_ERR_NET_CONN_RESET;
}

static int ping(struct connection *c)
{
    static const unsigned char line[] = "ping\n";
    unsigned char back[5];
    int rc = exchange(c, line, back, sizeof(back));

    return rc == 0 && memcmp(line, back, sizeof(back)) != 0 ? REFUSED : rc;
}

static int do_hello(const struct job *job, char *said, size_t cap)
{
    struct connection c;
    int rc = dial(&c, job, NULL);

    if (rc == 0) {
        snprintf(said, cap, "%s", mbedtls_ssl_get_version(&c.ssl));
    }
    hang_up(&c);
    return rc;
}

static int do_ping(const struct job *job, char *said, size_t cap)
{
    struct connection c;
    int rc = dial(&c, job, NULL);

    if (rc == 0 && (rc = ping(&c)) == 0) {
        snprintf(said, cap, "%s", mbedtls_ssl_get_version(&c.ssl));
    }
    hang_up(&c);
    return rc;
}

/* Mbed TLS 2.28 does not tell whether it resumed, but a resumed session keeps its master secret. */
static int do_resume(const struct job *job, char *said, size_t cap)
{
    struct connection c;
    mbedtls_ssl_session first, second;
    int rc;

    mbedtls_ssl_session_init(&first);
    mbedtls_ssl_session_init(&second);
    rc = dial(&c, job, NULL);
    rc = rc ? rc : ping(&c);
    rc = rc ? rc : mbedtls_ssl_get_session(&c.ssl, &first);
    hang_up(&c);
    if (rc == 0) {
        rc = dial(&c, job, &first);
        rc = rc ? rc : ping(&c);
        rc = rc ? rc : mbedtls_ssl_get_session(&c.ssl, &second);
        hang_up(&c);
    }
    if (rc == 0) {
        snprintf(said, cap, "full then %s",
                 memcmp(first.master, second.master, sizeof(first.master)) == 0 ? "resumed"
                                                                                : "full");
    }
    mbedtls_ssl_session_free(&first);
    mbedtls_ssl_session_free(&second);
    return rc;
}

static int do_renegotiate(const struct job *job, char *said, size_t cap)
{
    struct connection c;
    int rc = dial(&c, job, NULL);

    (void)said, (void)cap;
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    while (rc == 0 && (rc = mbedtls_ssl_renegotiate(&c.ssl)) != 0) {
        if ((rc = wait_for(&c, rc)) != 0) {
            break;
        }
    }
#else
    rc = rc ? rc : MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
#endif
    rc = rc ? rc : ping(&c);
    hang_up(&c);
    return rc;
}

/* Random text in lines: some echo servers know no other data. */
static void make_lines(unsigned char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (unsigned char)(i % 1000 == 999 || i == len - 1 ? '\n' : 'a' + (rand() & 15));
    }
}

static int do_bulk(const struct job *job, char *said, size_t cap)
{
    unsigned char *data = malloc(BULK), *back = malloc(BULK);
    struct connection c;
    int rc = dial(&c, job, NULL);

    if (data == NULL || back == NULL) {
        abort();
    }
    make_lines(data, BULK);
    rc = rc ? rc : exchange(&c, data, back, BULK);
    if (rc == 0 && memcmp(data, back, BULK) != 0) {
        rc = REFUSED;
    }
    hang_up(&c);
    free(data);
    free(back);
    snprintf(said, cap, "both ways");
    return rc;
}

static int do_client_first(const struct job *job, char *said, size_t cap)
{
    static const char last[] = "end of 200000\n";
    static unsigned char data[200000]; /* fits into the buffers on the way: sent before we read */
    static unsigned char back[sizeof(data) + sizeof(last)];
    struct connection c;
    size_t got = 0;
    int rc = dial(&c, job, NULL);

    make_lines(data, sizeof(data));
    rc = rc ? rc : send_all(&c, data, sizeof(data));
    rc = rc ? rc : finish(&c);
    rc = rc ? rc : receive(&c, back, sizeof(back), &got);
    hang_up(&c);
    if (rc == 0 && (got != sizeof(data) + strlen(last) || memcmp(back, data, sizeof(data)) != 0 ||
                    memcmp(back + sizeof(data), last, strlen(last)) != 0)) {
        rc = REFUSED;
    }
    snprintf(said, cap, "answered");
    return rc;
}

static int do_server_first(const struct job *job, char *said, size_t cap)
{
    static const char farewell[] = "closing first\n";
    unsigned char back[64], digest[32];
    size_t len = strlen(job->token), total = len * 100000, got = 0;
    unsigned char *data = malloc(total + 1);
    struct connection c;
    int rc = dial(&c, job, NULL);

    if (data == NULL) {
        abort();
    }
    for (size_t at = 0; at < total; at += len) {
        memcpy(data + at, job->token, len);
    }
    rc = rc ? rc : receive(&c, back, sizeof(back), &got);
    if (rc == 0 && (got != strlen(farewell) || memcmp(back, farewell, got) != 0)) {
        rc = REFUSED;
    }
    rc = rc ? rc : send_all(&c, data, total);
    rc = rc ? rc : finish(&c);
    rc = rc ? rc : mbedtls_sha256_ret(data, total, digest, 0);
    hang_up(&c);
    free(data);
    for (size_t i = 0, at = (size_t)snprintf(said, cap, "sent "); rc == 0 && i < 32; i++) {
        at += (size_t)snprintf(said + at, cap - at, "%02x", digest[i]);
    }
    return rc;
}

/* Ask for /ws, and read the answer's head without a byte of what follows. */
static int upgrade(struct connection *c, const char *host)
{
    char request[512], head[1024] = "";
    size_t have = 0, got = 1;
    int rc;

    snprintf(request, sizeof(request),
             "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " WS_KEY "\r\n\r\n",
             host);
    rc = send_all(c, (unsigned char *)request, strlen(request));
    while (rc == 0 && got == 1 && have < sizeof(head) - 1 && strstr(head, "\r\n\r\n") == NULL) {
        rc = receive(c, (unsigned char *)head + have++, 1, &got);
    }
    return rc == 0 && (strncmp(head, "HTTP/1.1 101 ", 13) != 0 || strstr(head, WS_PROOF) == NULL)
               ? REFUSED
               : rc;
}

static int do_websocket(const struct job *job, char *said, size_t cap)
{
    static const unsigned char text[] = "hello hello hello hello hello hello hello hello";
    enum { LEN = sizeof(text) - 1 };
    unsigned char frame[6 + LEN] = {0x81, 0x80 | LEN, 1, 2, 3, 4}, back[2 + LEN];
    struct job http = *job;
    struct connection c;
    size_t got = 0;
    int rc;

    for (size_t i = 0; i < LEN; i++) {
        frame[6 + i] = text[i] ^ frame[2 + i % 4];
    }
    snprintf(http.alpn, sizeof(http.alpn), "http/1.1");
    rc = dial(&c, &http, NULL);
    rc = rc ? rc : upgrade(&c, job->name);
    rc = rc ? rc : send_all(&c, frame, sizeof(frame));
    rc = rc ? rc : receive(&c, back, sizeof(back), &got);
    hang_up(&c);
    if (rc == 0 && (got != sizeof(back) || back[0] != 0x81 || back[1] != LEN ||
                    memcmp(back + 2, text, LEN) != 0)) {
        rc = REFUSED;
    }
    snprintf(said, cap, "echoed");
    return rc;
}

static int is_refusal(int rc)
{
    return rc == REFUSED || rc == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ||
           rc == MBEDTLS_ERR_SSL_CONN_EOF || rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ||
           rc == MBEDTLS_ERR_NET_CONN_RESET || rc == MBEDTLS_ERR_NET_SEND_FAILED ||
           rc == MBEDTLS_ERR_SSL_WAITING_SERVER_HELLO_RENEGO ||
           rc == MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE;
}

static void run(char *line)
{
    static const struct {
        const char *name;
        int (*run)(const struct job *job, char *said, size_t cap);
    } features[] = {{"hello", do_hello},
                    {"ping", do_ping},
                    {"resume", do_resume},
                    {"reneg", do_renegotiate},
                    {"bulk", do_bulk},
                    {"fin-client", do_client_first},
                    {"fin-server", do_server_first},
                    {"ws", do_websocket}};
    char said[256] = "no such feature";
    struct job job;
    int rc = REFUSED - 1;

    if (parse_job(line, &job) != 0) {
        return;
    }
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        if (strcmp(features[i].name, job.feature) == 0) {
            said[0] = '\0';
            rc = features[i].run(&job, said, sizeof(said));
        }
    }
    if (rc == 0) {
        printf("ok %s\n", said);
    } else if (rc == REFUSED) {
        puts("refused ended early, or with something else");
    } else {
        mbedtls_strerror(rc, said, sizeof(said));
        printf("%s %s\n", is_refusal(rc) ? "refused" : "error", said);
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    char line[4096] = "";

    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random_bytes);
    if (mbedtls_ctr_drbg_seed(&random_bytes, mbedtls_entropy_func, &entropy, NULL, 0) != 0) {
        return 1;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts(MBEDTLS_VERSION_STRING_FULL);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        strncat(line, argv[i], sizeof(line) - strlen(line) - 1);
        strncat(line, " ", sizeof(line) - strlen(line) - 1);
    }
    if (argc > 1) {
        run(line);
        return 0;
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        run(line);
    }
    return 0;
}
