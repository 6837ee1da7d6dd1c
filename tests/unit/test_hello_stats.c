#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/conn.h"
#include "support/failsys.h"
#include "support/hello_builder.h"
#include "support/inline_worker.h"
#include "tls/alert.h"

#define LINES_ROOM (256u * 1024)

static int setup(void **state)
{
    struct inline_worker *iw;

    failsys_reset();
    inline_worker_setup(state);
    iw = *state;
    iw->shared.per_route_stats = true;
    iw->shared.access_log = true;
    return 0;
}

static int open_setup(void **state)
{
    struct inline_worker *iw;

    setup(state);
    iw = *state;
    inline_worker_open(iw, proxy_fixture_simple(&iw->f));
    return 0;
}

static int teardown(void **state)
{
    failsys_reset();
    return inline_worker_teardown(state);
}

static const struct listener_stats *counts(const struct inline_worker *iw)
{
    return &iw->w->counts[0];
}

static struct route_totals unrouted(const struct inline_worker *iw)
{
    struct route_totals out = {0};

    stats_sum_route(&out, &iw->w->unrouted);
    return out;
}

static int ask(struct inline_worker *iw, const void *bytes, size_t len)
{
    int fd = inline_worker_dial(iw);

    inline_worker_write(iw, fd, bytes, len);
    return fd;
}

static void close_and_settle(struct inline_worker *iw, int fd)
{
    close(fd);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
}

/* One client of each kind that is not let through, and the words it is counted and logged with. */
static const struct stray {
    const char *bytes;
    size_t len;
    const char *name; /* of a complete hello instead; "": without one */
    bool hangs;
    enum hello_result hello;
    enum end_reason why;
} strays[] = {
#define BYTES(text) .bytes = (text), .len = sizeof(text) - 1
    {BYTES("GET / HTTP/1.1"), .hello = HELLO_NOT_TLS, .why = END_HELLO_NOT_TLS},
    {BYTES("\x16\3\1\0\5\2"), .hello = HELLO_MALFORMED, .why = END_HELLO_MALFORMED},
    {BYTES("\x16\3\1\x40\0\1\1\0\0"), .hello = HELLO_TOO_LARGE, .why = END_HELLO_TOO_LARGE},
    {BYTES("\x16\3"), .hangs = true, .hello = HELLO_TIMEOUT, .why = END_HELLO_TIMEOUT},
    {BYTES("\x16\3"), .hello = HELLO_EOF, .why = END_HELLO_EOF},
    {.name = "", .hello = HELLO_NO_NAME, .why = END_HELLO_NO_NAME},
    {.name = "bad..name", .hello = HELLO_MALFORMED, .why = END_HELLO_MALFORMED},
    {.name = "nobody.test", .hello = HELLO_OK, .why = END_NO_ROUTE},
};

/* Play one to its end.  Returns how many bytes it sent. */
static size_t play(struct inline_worker *iw, const struct stray *stray)
{
    uint8_t raw[2048];
    const void *bytes = stray->bytes;
    size_t len = stray->len;
    int fd;

    if (stray->name != NULL) {
        bytes = raw;
        len = proxy_fixture_hello(stray->name[0] != '\0' ? stray->name : NULL, 0, raw, sizeof(raw));
    }
    iw->shared.policy.hello_max_bytes =
        stray->hello == HELLO_TOO_LARGE ? 512 : iw->f.policy.hello_max_bytes;
    fd = ask(iw, bytes, len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_READING_HELLO) == 0 ||
                         inline_worker_conn(iw, CONN_READING_HELLO)->hello_bytes == len);
    if (stray->hangs) {
        inline_worker_pass(iw, iw->f.policy.hello_timeout_ms + 100);
    }
    close_and_settle(iw, fd);
    return len;
}

static void who_is_not_let_through_counts_without_a_route_by_the_word_of_its_line(void **state)
{
    static char lines[LINES_ROOM];
    struct inline_worker *iw = *state;
    uint64_t received = 0;

    for (size_t i = 0; i < ARRAY_LEN(strays); i++) {
        struct route_totals before = unrouted(iw);
        uint64_t hellos = counts(iw)->hello[strays[i].hello];
        char reason[64];
        received += play(iw, &strays[i]);
        assert_int_equal(unrouted(iw).closed[strays[i].why], before.closed[strays[i].why] + 1);
        assert_int_equal(counts(iw)->hello[strays[i].hello], hellos + 1);
        assert_int_equal(unrouted(iw).received_bytes, received);
        assert_int_equal(inline_worker_log(iw, LOG_ACCESS, lines, sizeof(lines)), 1);
        (void)snprintf(reason, sizeof(reason), " reason=%s\n", stats_end_word(strays[i].why));
        assert_non_null(strstr(lines, reason));
    }
    assert_int_equal(unrouted(iw).connection_duration[0],
                     iw->f.policy.hello_timeout_ms * 1000u + 100000);
}

static void an_answer_counts_as_sent(void **state)
{
    struct inline_worker *iw = *state;

    iw->shared.policy.on_not_tls = PROXY_ANSWER_ALERT;
    (void)play(iw, &strays[0]);
    assert_int_equal(unrouted(iw).sent_bytes, ALERT_RECORD_BYTES);
}

/* A hello with these extensions besides its name. */
struct features {
    const char *name;
    uint16_t version; /* legacy_version */
    uint16_t offered; /* in supported_versions; 0: no such extension */
    uint16_t group;   /* of its one key share; 0: none */
    bool ech;
    size_t record_bytes; /* 0: one record */
    bool split;          /* comes in two segments */
    unsigned want;       /* the features to be counted, as a set */
};

static void send_features(struct inline_worker *iw, int fd, const struct features *f)
{
    struct hello_head head = hello_head_default;
    struct hello_bytes raw = {0};
    struct hello h;

    head.legacy_version = f->version;
    hello_begin(&h, &head);
    if (f->name != NULL) {
        hello_add_name(&h, f->name, strlen(f->name));
    }
    if (f->offered != 0) {
        hello_add_versions(&h, &f->offered, 1);
    }
    if (f->group != 0) {
        hello_add_key_share(&h, f->group, 64);
    }
    if (f->ech) {
        hello_add_extension(&h, 0xfe0d, NULL, 32);
    }
    hello_end(&h);
    hello_records(&raw, &h.message, f->record_bytes != 0 ? f->record_bytes : 16000);
    inline_worker_write(iw, fd, raw.data, f->split ? 20 : raw.len);
    if (f->split) {
        INLINE_UNTIL(iw, inline_worker_conn(iw, CONN_READING_HELLO)->hello != NULL);
        inline_worker_write(iw, fd, raw.data + 20, raw.len - 20);
    }
    hello_bytes_free(&raw);
    hello_free(&h);
}

static void the_features_of_a_hello_are_counted_each(void **state)
{
    static const struct features cases[] = {
        {"nobody.test", 0x0303, 0x0304, 0, .want = 1u << FEATURE_TLS13},
        {"nobody.test", 0x0303, 0, 0, .want = 1u << FEATURE_TLS12},
        {"nobody.test", 0x0302, 0, 0, .want = 1u << FEATURE_LEGACY},
        {"nobody.test", 0x0301, 0, 0, .want = 1u << FEATURE_LEGACY},
        {"nobody.test", 0x0303, 0x0301, 0, .want = 1u << FEATURE_LEGACY},
        {"nobody.test", 0x0303, 0x7f17, 0, .want = 0}, /* a version of the future is not legacy */
        {NULL, 0x0303, 0, 0, .want = 1u << FEATURE_TLS12 | 1u << FEATURE_NO_SNI},
        {"nobody.test", 0x0303, 0x0304, 0x11ec,
         .want = 1u << FEATURE_TLS13 | 1u << FEATURE_PQ_KEYSHARE},
        {"nobody.test", 0x0303, 0x0304, 0x001d, .want = 1u << FEATURE_TLS13},
        {"nobody.test", 0x0303, 0x0304, 0, .ech = true,
         .want = 1u << FEATURE_TLS13 | 1u << FEATURE_ECH_OUTER},
        {"nobody.test", 0x0303, 0, 0, .record_bytes = 40,
         .want = 1u << FEATURE_TLS12 | 1u << FEATURE_MULTI_RECORD},
        {"nobody.test", 0x0303, 0, 0, .split = true,
         .want = 1u << FEATURE_TLS12 | 1u << FEATURE_MULTI_SEGMENT},
        {"192.0.2.1", 0x0303, 0, 0, .want = 1u << FEATURE_TLS12}, /* no host name, but an SNI */
        {"bad..name", 0x0303, 0, 0, .want = 1u << FEATURE_TLS12},
    };
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listener_totals before = {0};
        int fd = inline_worker_dial(iw);
        stats_sum_listener(&before, counts(iw));
        send_features(iw, fd, &cases[i]);
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_READING_HELLO) == 0);
        close_and_settle(iw, fd);
        for (unsigned f = 0; f < HELLO_FEATURES; f++) {
            assert_int_equal(counts(iw)->features[f] - before.features[f], cases[i].want >> f & 1);
        }
    }
    (void)play(iw, &strays[0]); /* what is no hello has none */
    (void)play(iw, &strays[1]);
    assert_int_equal(counts(iw)->features[FEATURE_NO_SNI], 1);
    assert_int_equal(counts(iw)->features[FEATURE_TLS12], 6);
}

static void every_post_quantum_key_share_counts_as_one(void **state)
{
    static const struct {
        uint16_t group;
        bool pq;
    } groups[] = {{0x0200, true},  {0x0201, true},  {0x0202, true},  {0x11eb, true},
                  {0x11ec, true},  {0x11ed, true},  {0x11ee, true},  {0x6399, true},
                  {0x639a, true},  {0x001d, false}, {0x0017, false}, {0x001e, false},
                  {0x0100, false}, {0x0203, false}, {0x11ef, false}, {0x2a2a, false}};
    struct inline_worker *iw = *state;
    uint64_t want = 0;

    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        const struct features f = {
            .name = "nobody.test", .version = 0x0303, .group = groups[i].group};
        int fd = inline_worker_dial(iw);
        send_features(iw, fd, &f);
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_READING_HELLO) == 0);
        close_and_settle(iw, fd);
        want += groups[i].pq;
        assert_int_equal(counts(iw)->features[FEATURE_PQ_KEYSHARE], want);
    }
}

static void size_and_time_of_a_hello_are_those_of_complete_ones(void **state)
{
    struct inline_worker *iw = *state;
    size_t buckets = HISTOGRAM_CELLS(HISTOGRAM_HELLO_SIZE_BOUNDS) - 1;
    uint64_t in_buckets = 0;
    int client, server;

    for (size_t i = 0; i < ARRAY_LEN(strays); i++) {
        uint64_t size = counts(iw)->hello_size[0];
        size_t len;
        len = play(iw, &strays[i]);
        assert_int_equal(counts(iw)->hello_size[0] - size, strays[i].name != NULL ? len : 0);
    }
    for (size_t i = 0; i < buckets; i++) {
        in_buckets += counts(iw)->hello_size[HISTOGRAM_FIRST_BUCKET + i];
    }
    assert_int_equal(in_buckets, 3);
    assert_int_equal(counts(iw)->hello_duration[0], 0);

    client = inline_worker_dial(iw);
    inline_worker_pass(iw, 7);
    inline_worker_write(iw, client, iw->f.hello, iw->f.hello_len);
    server = inline_worker_accept(iw, iw->f.backend);
    assert_int_equal(counts(iw)->hello_duration[0], 7000);
    assert_int_equal(counts(iw)->hello_duration[HISTOGRAM_FIRST_BUCKET + 2], 1); /* to 10 ms */
    close(server);
    close_and_settle(iw, client);
}

static void a_match_is_counted_by_how_it_was_found(void **state)
{
    static const struct {
        const char *host, *name;
        enum route_match want;
    } cases[] = {{"a.test", "a.test", MATCH_EXACT}, {"*.a.test", "b.a.test", MATCH_WILDCARD},
                 {"", "c.test", MATCH_DEFAULT},     {"", NULL, MATCH_DEFAULT},
                 {"a.test", "b.test", MATCH_NONE},  {"a.test", NULL, MATCH_NONE}};
    struct inline_worker *iw = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t raw[2048];
        int fd;
        inline_worker_open(iw, proxy_fixture_table(&iw->f, cases[i].host, NULL, 0));
        fd = ask(iw, raw, proxy_fixture_hello(cases[i].name, 0, raw, sizeof(raw)));
        INLINE_UNTIL(iw, inline_worker_count(iw, CONN_LINGERING) == 1);
        close_and_settle(iw, fd);
        for (int m = 0; m < MATCHES; m++) {
            assert_int_equal(counts(iw)->match[m], m == (int)cases[i].want);
        }
        inline_worker_close(iw);
    }
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
/* As --hello-timeout lets it. */
static void a_hello_that_took_hours_does_not_count_as_a_quick_one(void **state)
{
    struct inline_worker *iw = *state;
    size_t last = histogram_shape(HISTOGRAM_HELLO_DURATION)->n_bounds;
    int fd;

    iw->shared.policy.hello_timeout_ms = 3 * 3600 * 1000;
    fd = inline_worker_dial(iw);
    inline_worker_pass(iw, UINT32_MAX / 1000 + 2); /* where 32 bits of microseconds begin anew */
    inline_worker_write(iw, fd, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, counts(iw)->hello[HELLO_OK] == 1);
    assert_int_equal(counts(iw)->hello_duration[HISTOGRAM_FIRST_BUCKET + last], 1);
    close(fd);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, open_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPENED(who_is_not_let_through_counts_without_a_route_by_the_word_of_its_line),
        OPENED(an_answer_counts_as_sent),
        OPENED(the_features_of_a_hello_are_counted_each),
        OPENED(every_post_quantum_key_share_counts_as_one),
        OPENED(size_and_time_of_a_hello_are_those_of_complete_ones),
        OPENED(a_hello_that_took_hours_does_not_count_as_a_quick_one),
        CLOSED(a_match_is_counted_by_how_it_was_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
