/*
 * Every first flight of tests/data/hellos.tsv on a real socket of the real program: who answers, in
 * which bytes, and for which reason the access log says the connection ended.  What is routed must
 * reach the backend byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/limits.h"
#include "fakes/name_backend.h"
#include "support/ask.h"
#include "support/hello_rows.h"
#include "support/manifest_writer.h"
#include "support/scene.h"
#include "support/wait_until.h"
#include "tls/clienthello.h"

#define BACKEND     "first"
#define PATIENCE_MS 10000

static struct hello_rows rows;
static struct name_backend *backend;
static uint16_t *ports; /* of the client that sent row i */

static int set_up(void **state)
{
    hello_rows_read(&rows);
    ports = calloc(rows.n, sizeof(*ports));
    assert_non_null(ports);
    backend = name_backend_start("127.0.0.1", BACKEND);
    return scene_setup(state);
}

static int tear_down(void **state)
{
    int rc = scene_teardown(state);

    name_backend_stop(backend);
    free(ports);
    hello_rows_free(&rows);
    return rc;
}

static bool complain(const struct hello_row *r, const char *what)
{
    print_error("%s:%u: %s: %s\n", HELLO_ROWS_FILE, r->line, r->id, what);
    return false;
}

static bool is_wild(const char *name)
{
    size_t len = strlen(name), suffix = strlen("." HELLO_ROWS_WILD);

    return len > suffix && strcmp(name + len - suffix, "." HELLO_ROWS_WILD) == 0;
}

/* Whether an earlier row has brought the host already. */
static bool has_host(size_t before, const char *name)
{
    for (size_t i = 0; i < before; i++) {
        if (rows.rows[i].outcome == HELLO_ROW_OK && strcmp(rows.rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void write_routes(const struct tempdir *dir)
{
    struct netaddr addr = name_backend_addr(backend);
    char name[32];

    manifest_route(dir, "wild", "*." HELLO_ROWS_WILD, &addr, 1);
    for (size_t i = 0; i < rows.n; i++) {
        const struct hello_row *r = &rows.rows[i];

        if (r->outcome == HELLO_ROW_OK && !is_wild(r->name) && !has_host(i, r->name)) {
            snprintf(name, sizeof(name), "host-%zu", i);
            manifest_route(dir, name, r->name, &addr, 1);
        }
    }
}

static int dial(const struct netaddr *to, uint16_t *port_out)
{
    const int on = 1;
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct netaddr local;

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&sa, len), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
    len = sizeof(sa);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(&local, (const struct sockaddr *)&sa);
    *port_out = local.port;
    return fd;
}

/* Send until all is through or an answer is there: a flood is not sent to its end. */
static void send_flight(int fd, const struct hello_flight *f)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    size_t at = 0;

    while (at < f->raw.len && poll(&p, 1, PATIENCE_MS) > 0 && (p.revents & POLLIN) == 0) {
        size_t end = hello_flight_segment_end(f, at);
        ssize_t n = send(fd, f->raw.data + at, end - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN) {
            return;
        }
        at += n > 0 ? (size_t)n : 0;
    }
}

static void receive(int fd, struct ask_answer *out)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = 0;

    memset(out, 0, sizeof(*out));
    while (poll(&p, 1, PATIENCE_MS) > 0) {
        n = recv(fd, out->bytes + out->len, sizeof(out->bytes) - 1 - out->len, 0);
        if (n <= 0) {
            out->end = n == 0 ? ASK_FIN : ASK_RESET;
            return;
        }
        out->len += (size_t)n;
    }
    out->end = ASK_TIMEOUT;
}

/* A client that awaits an answer leaves its side open, so that none comes of its FIN. */
static void ask_row(const struct netaddr *to, size_t index, struct ask_answer *out)
{
    const struct hello_row *r = &rows.rows[index];
    int fd = dial(to, &ports[index]);

    send_flight(fd, &r->flight);
    if (r->outcome == HELLO_ROW_OK || r->outcome == HELLO_ROW_EOF) {
        shutdown(fd, SHUT_WR);
    }
    receive(fd, out);
    close(fd);
}

static bool backend_got(const struct hello_row *r, const struct ask_answer *a)
{
    const struct hello_bytes *raw = &r->flight.raw;
    uint8_t *got = malloc(raw->len);
    bool same;

    assert_non_null(got);
    same = ask_is_from(a, BACKEND, raw->len) &&
           name_backend_last_input(backend, got, raw->len) == raw->len &&
           memcmp(got, raw->data, raw->len) == 0;
    free(got);
    return same;
}

/* More input than is drained behind an alert ends in a reset, which comes after the alert. */
static bool is_alert(const struct hello_row *r, struct ask_answer *a)
{
    if (a->end == ASK_RESET && r->flight.raw.len > (size_t)LIMIT_LINGER_BYTES) {
        a->end = ASK_FIN;
    }
    return ask_is_alert(a, r->answer);
}

static bool answer_is_right(const struct hello_row *r, struct ask_answer *a)
{
    if (r->outcome == HELLO_ROW_OK) {
        return backend_got(r, a) || complain(r, "did not reach the backend byte for byte");
    }
    if (r->answer == HELLO_ANSWER_HTTP_400) {
        return (a->end == ASK_FIN && strncmp(a->bytes, "HTTP/1.1 400 ", 13) == 0) ||
               complain(r, "did not get a 400");
    }
    if (r->answer == HELLO_ANSWER_NONE) {
        return (a->end == ASK_FIN && a->len == 0) || complain(r, "was not just closed");
    }
    return is_alert(r, a) || complain(r, "did not get its alert");
}

static const char *reason_of(const struct hello_row *r, char out[64])
{
    const char *word = hello_rows_outcome_word(r->outcome);

    if (r->outcome == HELLO_ROW_OK) {
        return "client_eof";
    }
    if (r->outcome == HELLO_ROW_NO_ROUTE) {
        return word;
    }
    snprintf(out, 64, "hello_%s", word);
    return out;
}

static const char *host_of(const struct hello_row *r)
{
    return r->outcome != HELLO_ROW_OK ? "-" : is_wild(r->name) ? "*." HELLO_ROWS_WILD : r->name;
}

/* The access line of a client's port, copied; NULL when there is none. */
static char *line_of(const char *log, uint16_t port)
{
    char client[48];
    const char *found, *start;

    snprintf(client, sizeof(client), " client=127.0.0.1:%u ", port);
    found = strstr(log, client);
    if (found == NULL) {
        return NULL;
    }
    for (start = found; start > log && start[-1] != '\n'; start--) {
    }
    return strndup(start, strcspn(start, "\n"));
}

static bool says(const char *line, const char *key, const char *value)
{
    char want[320];
    const char *found;

    snprintf(want, sizeof(want), " %s=%s", key, value);
    found = strstr(line, want);
    return found != NULL && strchr(" ", found[strlen(want)]) != NULL;
}

/* Whether there is a name to tell: of what the parser refuses no part of one may be left, but one
 * that it read is told whatever becomes of it. */
static bool is_named(const struct hello_row *r)
{
    const struct hello_bytes *raw = &r->flight.raw;
    struct clienthello parser;
    struct clienthello_info info;

    clienthello_init(&parser);
    return clienthello_feed(&parser, raw->data, raw->len, LIMIT_HELLO_DEFAULT_BYTES, &info) ==
               CLIENTHELLO_OK &&
           info.has_name;
}

static bool logged_right(const char *log, size_t index)
{
    const struct hello_row *r = &rows.rows[index];
    char *line = line_of(log, ports[index]);
    char room[64];
    bool good;

    if (r->flight.raw.len == 0) { /* who said nothing is not logged */
        good = line == NULL;
    } else {
        good = line != NULL && says(line, "reason", reason_of(r, room)) &&
               says(line, "host", host_of(r)) && says(line, "sni", "-") != is_named(r);
    }
    if (!good) {
        complain(r, line != NULL ? line : "is not in the access log");
    }
    free(line);
    return good;
}

/* Names are attackers' text: none may bring a line, a colour or half a character into the log. */
static void assert_printable(const char *log)
{
    for (const char *c = log; *c != '\0'; c++) {
        assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
    }
}

static bool every_line_is_there(void *ctx)
{
    char *log = sealway_stdout(ctx);
    size_t lines = 0, silent = 0;

    for (const char *at = log; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    for (size_t i = 0; i < rows.n; i++) {
        silent += rows.rows[i].flight.raw.len == 0;
    }
    free(log);
    return lines >= rows.n - silent;
}

static void every_first_flight_gets_its_answer_and_its_reason(void **state)
{
    struct scene *s = *state;
    size_t answered = 0, logged = 0;
    char *log;

    write_routes(&s->manifests);
    scene_start(s, NULL);
    for (size_t i = 0; i < rows.n; i++) {
        struct ask_answer answer;

        ask_row(&s->addr, i, &answer);
        answered += answer_is_right(&rows.rows[i], &answer);
    }
    (void)wait_until(every_line_is_there, s->program, PATIENCE_MS); /* the rows say which is not */
    log = sealway_stdout(s->program);
    for (size_t i = 0; i < rows.n; i++) {
        logged += logged_right(log, i);
    }
    assert_printable(log);
    free(log);
    print_message("             %zu of %zu first flights answered, %zu logged with their reason\n",
                  answered, rows.n, logged);
    assert_int_equal(answered, rows.n);
    assert_int_equal(logged, rows.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_first_flight_gets_its_answer_and_its_reason, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests_name("first flights on the wire", tests, NULL, NULL);
}
