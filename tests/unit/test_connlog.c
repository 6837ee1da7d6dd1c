#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "proxy/connlog.h"
#include "route/registry.h"
#include "route/table.h"
#include "support/failsys.h"
#include "support/hello_builder.h"
#include "support/inline_worker.h"
#include "support/sockopt.h"

#define LINES_ROOM 32768

static char lines[LINES_ROOM];

static int setup(void **state)
{
    struct inline_worker *iw;

    inline_worker_setup(state);
    log_configure(LOG_INFO, LOG_JSON);
    iw = *state;
    iw->shared.access_log = true;
    return 0;
}

static int open_setup(void **state)
{
    struct inline_worker *iw;

    setup(state);
    iw = *state;
    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    (void)event_del(iw->w->beat_event); /* it tells of lines held back, by the kernel's clock */
    return 0;
}

static int teardown(void **state)
{
    log_configure(LOG_INFO, LOG_TEXT);
    return inline_worker_teardown(state);
}

/* The one line of the connection that has just ended. */
static cJSON *only_line(struct inline_worker *iw)
{
    cJSON *line;

    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 1);
    assert_int_equal(lines[strlen(lines) - 1], '\n');
    line = cJSON_Parse(lines);
    assert_non_null(line);
    return line;
}

static void assert_text(const cJSON *line, const char *key, const char *want)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(line, key);

    assert_non_null(value);
    if (want == NULL) {
        assert_true(cJSON_IsNull(value));
    } else {
        assert_non_null(cJSON_GetStringValue(value));
        assert_string_equal(cJSON_GetStringValue(value), want);
    }
}

static void assert_number(const cJSON *line, const char *key, double want)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(line, key);

    assert_non_null(value);
    assert_true(cJSON_IsNumber(value));
    assert_float_equal(value->valuedouble, want, 0.0005);
}

/* Send `name` as server name, whatever its bytes, with `alpn` and TLS 1.0 to 1.3. */
static int ask_for(struct inline_worker *iw, const char *name, size_t len, const char *alpn)
{
    int fd = inline_worker_dial(iw);
    struct hello h;
    struct hello_bytes raw = {0};

    hello_begin(&h, NULL);
    if (name != NULL) {
        hello_add_name(&h, name, len);
    }
    if (alpn != NULL) {
        hello_add_alpn(&h, alpn);
    }
    hello_add_versions(&h, (const uint16_t[]){0x0304, 0x0303, 0x0302, 0x0301}, 4);
    hello_end(&h);
    hello_records(&raw, &h.message, 16384);
    inline_worker_write(iw, fd, raw.data, raw.len);
    hello_bytes_free(&raw);
    hello_free(&h);
    return fd;
}

static void a_line_has_every_field_in_its_order(void **state)
{
    static const char *const keys[] = {
        "time",      "client",      "local",    "sni",        "alpn",        "tls",
        "host",      "namespace",   "ingress",  "service",    "port",        "endpoint",
        "retries",   "hello_bytes", "hello_ms", "connect_ms", "duration_ms", "bytes_in",
        "bytes_out", "closed_by",   "reason"};
    struct inline_worker *iw = *state;
    const cJSON *item;
    cJSON *line;
    size_t i = 0;
    int client, server;

    inline_worker_relay(iw, &client, &server);
    close(client);
    close(server);
    line = only_line(iw);
    cJSON_ArrayForEach(item, line)
    {
        assert_true(i < ARRAY_LEN(keys));
        assert_string_equal(item->string, keys[i++]);
    }
    assert_int_equal(i, ARRAY_LEN(keys));
    cJSON_Delete(line);
}

static void a_relayed_connection_says_who_whom_how_much_and_how_long(void **state)
{
    struct inline_worker *iw = *state;
    char text[NETADDR_TEXT_MAX];
    cJSON *line;
    int client = inline_worker_dial(iw), server;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    struct netaddr own;

    assert_int_equal(getsockname(client, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(&own, (struct sockaddr *)&sa);
    inline_worker_write(iw, client, iw->f.hello, 100);
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_READING_HELLO)->hello_bytes == 100);
    inline_worker_pass(iw, 1234);
    inline_worker_write(iw, client, iw->f.hello + 100, iw->f.hello_len - 100);
    server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, server, iw->f.hello, iw->f.hello_len);
    inline_worker_write(iw, client, "12345", 5);
    inline_worker_expect(iw, server, "12345", 5);
    inline_worker_write(iw, server, "1234567", 7);
    inline_worker_expect(iw, client, "1234567", 7);
    inline_worker_pass(iw, 766);
    assert_int_equal(shutdown(server, SHUT_WR), 0);
    inline_worker_expect_eof(iw, client);
    close(client);
    line = only_line(iw);
    assert_text(line, "client", netaddr_format(&own, text));
    assert_text(line, "local", netaddr_format(&iw->addr, text));
    assert_text(line, "sni", PROXY_FIXTURE_HOST);
    assert_text(line, "alpn", "h2,http/1.1");
    assert_text(line, "tls", "1.2,1.3");
    assert_text(line, "host", PROXY_FIXTURE_HOST);
    assert_text(line, "namespace", "shop");
    assert_text(line, "ingress", "web");
    assert_text(line, "service", "web-svc");
    assert_text(line, "port", "https");
    assert_text(line, "endpoint", netaddr_format(&iw->f.backend_addr, text));
    assert_number(line, "retries", 0);
    assert_number(line, "hello_bytes", (double)iw->f.hello_len);
    assert_number(line, "hello_ms", 1234);
    assert_number(line, "connect_ms", 0);
    assert_number(line, "duration_ms", 2000);
    assert_number(line, "bytes_in", (double)iw->f.hello_len + 5);
    assert_number(line, "bytes_out", 7);
    assert_text(line, "closed_by", "server");
    assert_text(line, "reason", "server_eof");
    cJSON_Delete(line);
    close(server);
}

static void text_says_the_same(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    log_configure(LOG_INFO, LOG_TEXT);
    inline_worker_relay(iw, &client, &server);
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 1);
    assert_non_null(strstr(lines, " sni=" PROXY_FIXTURE_HOST " "));
    assert_non_null(strstr(lines, "h2,http/1.1"));
    assert_non_null(strstr(lines, "1.2,1.3"));
    assert_non_null(strstr(lines, " namespace=shop ingress=web service=web-svc port=https "));
    assert_non_null(strstr(lines, " closed_by=client reason=client_eof\n"));
}

/* A table of an endpoint that never answers, tried first, and the backend if `with_backend`. */
static struct table *stalling_table(struct inline_worker *iw, const struct netaddr *staller,
                                    bool with_backend)
{
    const struct netaddr both[] = {*staller, iw->f.backend_addr};
    struct table *t = proxy_fixture_table(&iw->f, PROXY_FIXTURE_HOST, both, with_backend ? 2 : 1);
    size_t n;
    const struct pool *pool = table_pool(t, table_routes(t, &n));

    for (uint32_t i = 0; i < pool->n_endpoints; i++) {
        if (netaddr_equal(endpoint_addr(&pool->endpoints[i]), &iw->f.backend_addr)) {
            endpoint_state(&pool->endpoints[i])->skip_until_ms = UINT64_MAX;
        }
    }
    return t;
}

static void retries_and_the_time_to_connect_are_told(void **state)
{
    struct inline_worker *iw = *state;
    struct netaddr addr;
    int fill[2], staller = proxy_fixture_staller(&addr, fill);
    char text[NETADDR_TEXT_MAX];
    int fd, server;
    cJSON *line;

    inline_worker_open(iw, stalling_table(iw, &addr, true));
    fd = ask_for(iw, PROXY_FIXTURE_HOST, strlen(PROXY_FIXTURE_HOST), NULL);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_DIALLING) == 1);
    inline_worker_pass(iw, 2100);
    server = inline_worker_accept(iw, iw->f.backend);
    close(fd);
    close(server);
    line = only_line(iw);
    assert_number(line, "retries", 1);
    assert_number(line, "connect_ms", 2100);
    assert_text(line, "endpoint", netaddr_format(&iw->f.backend_addr, text));
    assert_text(line, "alpn", NULL);
    assert_text(line, "tls", "1.0,1.1,1.2,1.3");
    cJSON_Delete(line);
    close(staller);
    close(fill[0]);
    close(fill[1]);
}

static void a_failed_dial_has_its_route_and_the_endpoint_tried(void **state)
{
    struct inline_worker *iw = *state;
    struct netaddr addr;
    int fill[2], staller = proxy_fixture_staller(&addr, fill);
    char text[NETADDR_TEXT_MAX];
    int fd;
    cJSON *line;

    inline_worker_open(iw, stalling_table(iw, &addr, false));
    fd = ask_for(iw, PROXY_FIXTURE_HOST, strlen(PROXY_FIXTURE_HOST), NULL);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_DIALLING) == 1);
    inline_worker_pass(iw, 2100);
    close(fd);
    line = only_line(iw);
    assert_text(line, "endpoint", netaddr_format(&addr, text));
    assert_number(line, "connect_ms", 0);
    assert_number(line, "retries", 0);
    assert_text(line, "reason", "connect_failed");
    assert_text(line, "closed_by", "proxy");
    assert_text(line, "ingress", "web");
    assert_number(line, "bytes_out", 7);
    cJSON_Delete(line);
    close(staller);
    close(fill[0]);
    close(fill[1]);
}

static void an_endpoint_that_fails_at_once_is_named_too(void **state)
{
    struct inline_worker *iw = *state;
    char text[NETADDR_TEXT_MAX];
    cJSON *line;
    int fd = inline_worker_dial(iw);

    failsys_fail(FAILSYS_CONNECT, ENETUNREACH, 0, 1);
    inline_worker_write(iw, fd, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
    close(fd);
    line = only_line(iw);
    assert_text(line, "reason", "connect_failed");
    assert_text(line, "endpoint", netaddr_format(&iw->f.backend_addr, text));
    cJSON_Delete(line);
}

static void a_refused_connection_has_its_client_and_the_limit(void **state)
{
    struct inline_worker *iw = *state;
    cJSON *line;
    int fd;

    inline_worker_set_cap(iw, 0);
    fd = inline_worker_dial(iw);
    line = only_line(iw);
    assert_memory_equal(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(line, "client")),
                        "127.0.0.1:", 10);
    assert_text(line, "sni", NULL);
    assert_text(line, "endpoint", NULL);
    assert_text(line, "closed_by", "proxy");
    assert_text(line, "reason", "limit");
    cJSON_Delete(line);
    close(fd);
}

static void what_was_not_routed_has_its_name_and_no_route(void **state)
{
    struct inline_worker *iw = *state;
    int fd = ask_for(iw, "nobody.test", 11, "h2");
    cJSON *line;

    close(fd);
    line = only_line(iw);
    assert_text(line, "sni", "nobody.test");
    assert_text(line, "alpn", "h2");
    assert_text(line, "host", NULL);
    assert_text(line, "namespace", NULL);
    assert_text(line, "endpoint", NULL);
    assert_text(line, "reason", "no_route");
    assert_text(line, "closed_by", "proxy");
    cJSON_Delete(line);
}

static void the_catch_all_is_told_by_a_star(void **state)
{
    struct inline_worker *iw = *state;
    int fd;
    cJSON *line;

    inline_worker_open(iw, proxy_fixture_table(&iw->f, "", NULL, 0));
    fd = ask_for(iw, NULL, 0, NULL);
    close(fd);
    line = only_line(iw);
    assert_text(line, "host", "*");
    assert_text(line, "sni", NULL);
    assert_text(line, "reason", "no_endpoint");
    cJSON_Delete(line);
}

static void a_hostile_name_stays_inside_its_field(void **state)
{
    static const char hostile[] = "a\"b\n\x1b[31m reason=fake\\\xff\x80\0z";
    static const enum log_format formats[] = {LOG_TEXT, LOG_JSON};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        int fd;
        log_configure(LOG_INFO, formats[i]);
        fd = ask_for(iw, hostile, sizeof(hostile) - 1, "a\nb\"c,\x1b");
        close(fd);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
        assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 1);
        assert_ptr_equal(strchr(lines, '\n'), lines + strlen(lines) - 1);
        for (const char *at = lines; *at != '\n'; at++) {
            assert_true((unsigned char)*at >= ' ' && (unsigned char)*at < 0x7f);
        }
        if (formats[i] == LOG_JSON) {
            cJSON *line = cJSON_Parse(lines);
            assert_non_null(line);
            assert_text(line, "reason", "hello_malformed");
            cJSON_Delete(line);
        } else {
            assert_string_equal(strstr(lines, "closed_by="),
                                "closed_by=proxy reason=hello_malformed\n");
        }
    }
}

static void a_long_hostile_name_is_cut_and_the_line_stays_whole(void **state)
{
    struct inline_worker *iw = *state;
    char name[256];
    int fd;
    cJSON *line;

    memset(name, '\n', sizeof(name));
    fd = ask_for(iw, name, sizeof(name), NULL);
    close(fd);
    line = only_line(iw);
    assert_text(line, "reason", "hello_malformed");
    cJSON_Delete(line);
}

static void who_closed_first_is_told_for_every_end(void **state)
{
    static const struct {
        enum end_reason why;
        bool client_first;
        const char *by;
    } ends[] = {{END_CLIENT_EOF, true, "client"},
                {END_SERVER_EOF, false, "server"},
                {END_CLIENT_RESET, false, "client"},
                {END_SERVER_RESET, true, "server"},
                {END_HALF_CLOSE_TIMEOUT, true, "client"},
                {END_HALF_CLOSE_TIMEOUT, false, "server"},
                {END_IDLE_TIMEOUT, false, "proxy"},
                {END_DRAIN, false, "proxy"},
                {END_ERROR, false, "proxy"}};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        int client, server;
        struct conn *c;
        cJSON *line;
        inline_worker_relay(iw, &client, &server);
        c = inline_worker_conn(iw, CONN_RELAYING);
        c->client_first = ends[i].client_first;
        conn_end(c, ends[i].why);
        close(client);
        close(server);
        line = only_line(iw);
        assert_text(line, "closed_by", ends[i].by);
        assert_text(line, "reason", stats_end_word(ends[i].why));
        cJSON_Delete(line);
    }
}

static void an_incomplete_hello_counts_its_bytes(void **state)
{
    struct inline_worker *iw = *state;
    int fd = inline_worker_dial(iw);
    cJSON *line;

    inline_worker_write(iw, fd, iw->f.hello, 33);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    inline_worker_expect_eof(iw, fd);
    line = only_line(iw);
    assert_text(line, "reason", "hello_eof");
    assert_text(line, "closed_by", "client");
    assert_number(line, "hello_bytes", 33);
    assert_number(line, "bytes_in", 33);
    assert_number(line, "hello_ms", 0);
    cJSON_Delete(line);
    close(fd);
}

static void who_said_nothing_is_told_at_debug_level_only(void **state)
{
    struct inline_worker *iw = *state;
    cJSON *line;
    int fd = inline_worker_dial(iw);

    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 0);
    log_configure(LOG_DEBUG, LOG_JSON);
    fd = inline_worker_dial(iw);
    close(fd);
    line = only_line(iw);
    assert_text(line, "reason", "hello_eof");
    cJSON_Delete(line);
}

static void without_an_access_log_nothing_is_written(void **state)
{
    struct inline_worker *iw = *state;
    int client, server;

    iw->shared.access_log = false;
    inline_worker_relay(iw, &client, &server);
    close(client);
    close(server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 0);
}

/* Let `n` clients come and go one after the other.  Returns how many left a line. */
static unsigned flood(struct inline_worker *iw, unsigned n,
                      void (*come_and_go)(struct inline_worker *))
{
    unsigned told = 0;

    for (unsigned i = 0; i < n; i++) {
        come_and_go(iw);
        INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
        told += (unsigned)inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines));
    }
    return told;
}

static void send_no_tls(struct inline_worker *iw)
{
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, "x", 1);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
    close(fd);
}

static void break_off(struct inline_worker *iw)
{
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, iw->f.hello, 1);
    INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_READING_HELLO)->hello_bytes == 1);
    sockopt_reset(fd);
}

static void be_served(struct inline_worker *iw)
{
    int client, server;

    inline_worker_relay(iw, &client, &server);
    close(client);
    close(server);
}

static void a_flood_of_lines_is_held_back_counted_and_told(void **state)
{
    struct inline_worker *iw = *state;
    unsigned some = LIMIT_ACCESS_LINES_BURST + 30;

    log_configure(LOG_INFO, LOG_TEXT);
    assert_int_equal(flood(iw, some, send_no_tls), LIMIT_ACCESS_LINES_BURST);
    assert_int_equal(iw->w->stats.lines_held_back[END_HELLO_NOT_TLS], 30);
    assert_int_equal(inline_worker_ended(iw, END_HELLO_NOT_TLS), some); /* all are counted */
    assert_int_equal(flood(iw, 1, break_off), 1); /* another reason has lines of its own */
    connlog_tell_held_back(iw->w);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, lines, sizeof(lines)), 1);
    assert_non_null(strstr(
        lines, " level=warn msg=\"access lines held back\" reason=hello_not_tls lines=30\n"));
    connlog_tell_held_back(iw->w);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, lines, sizeof(lines)), 0);

    inline_worker_pass(iw, 1000);
    assert_int_equal(flood(iw, some, send_no_tls), LIMIT_ACCESS_LINES_PER_S);
    connlog_tell_held_back(iw->w);
    assert_int_equal(inline_worker_log(iw, LOG_MAIN, lines, sizeof(lines)), 1);
    assert_non_null(strstr(lines, " reason=hello_not_tls lines=130\n"));
}

static void who_breaks_off_before_being_served_is_no_exception(void **state)
{
    struct inline_worker *iw = *state;

    assert_int_equal(flood(iw, LIMIT_ACCESS_LINES_BURST + 7, break_off), LIMIT_ACCESS_LINES_BURST);
    assert_int_equal(iw->w->stats.lines_held_back[END_CLIENT_RESET], 7);
}

static void who_was_served_always_has_a_line(void **state)
{
    struct inline_worker *iw = *state;
    unsigned some = LIMIT_ACCESS_LINES_BURST + 20;

    assert_int_equal(flood(iw, some, be_served), some);
    for (int i = 0; i < END_REASONS; i++) {
        assert_int_equal(iw->w->stats.lines_held_back[i], 0);
    }
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(a_line_has_every_field_in_its_order),
        OPENED(a_relayed_connection_says_who_whom_how_much_and_how_long),
        OPENED(text_says_the_same),
        CLOSED(retries_and_the_time_to_connect_are_told),
        CLOSED(a_failed_dial_has_its_route_and_the_endpoint_tried),
        OPENED(an_endpoint_that_fails_at_once_is_named_too),
        OPENED(a_refused_connection_has_its_client_and_the_limit),
        OPENED(what_was_not_routed_has_its_name_and_no_route),
        CLOSED(the_catch_all_is_told_by_a_star),
        OPENED(a_hostile_name_stays_inside_its_field),
        OPENED(a_long_hostile_name_is_cut_and_the_line_stays_whole),
        OPENED(who_closed_first_is_told_for_every_end),
        OPENED(an_incomplete_hello_counts_its_bytes),
        OPENED(who_said_nothing_is_told_at_debug_level_only),
        OPENED(without_an_access_log_nothing_is_written),
        OPENED(a_flood_of_lines_is_held_back_counted_and_told),
        OPENED(who_breaks_off_before_being_served_is_no_exception),
        OPENED(who_was_served_always_has_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
