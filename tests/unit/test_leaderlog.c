#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../src/kube/leaderlog_priv.h"
#include "base/attr.h"
#include "base/log.h"
#include "base/logring.h"

static struct leaderlog l;
static struct logring *ring;
static char text[1u << 16];
static unsigned n_lines;

static int begin(void **state)
{
    (void)state;
    leaderlog_init(&l, "edge", "sealway-leader");
    ring = logring_new(1u << 20);
    assert_non_null(ring);
    log_use_ring(ring);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_use_ring(NULL);
    logring_free(ring);
    return 0;
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    size_t at = strlen(text);

    (void)ctx;
    (void)stream;
    assert_true(at + len < sizeof(text));
    memcpy(text + at, line, len);
    text[at + len] = '\0';
    n_lines++;
    return true;
}

/* How many lines came since the last look; they are in `text`. */
static unsigned lines(void)
{
    text[0] = '\0';
    n_lines = 0;
    (void)logring_drain(ring, take_line, NULL);
    return n_lines;
}

static void refuse(int code, enum leaderlog_verb verb, uint64_t now_ms)
{
    struct kubestatus why;

    if (code == 0) {
        kubestatus_unreachable(&why, "connection refused");
    } else {
        kubestatus_from_answer(&why, code, "text/plain", "no \x1b[31m", 8);
    }
    leaderlog_refused(&l, verb, &why, now_ms);
}

static void each_sort_of_failure_is_told_once_a_minute(void **state)
{
    static const int codes[] = {0, 401, 403, 404, 500};

    (void)state;
    for (uint64_t now_ms = 0; now_ms < 180000; now_ms += 2000) {
        for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
            refuse(codes[i], LEADERLOG_GET, now_ms);
        }
    }
    assert_int_equal(lines(), 3 * ARRAY_LEN(codes));
    assert_null(strchr(text, '\x1b')); /* words of the server are escaped */
}

static void every_failure_has_its_words(void **state)
{
    static const struct {
        int code;
        enum leaderlog_verb verb;
        const char *words;
    } rows[] = {
        {0, LEADERLOG_GET, "leads: no answer from the API server\" cause=\"connection refused\""},
        {401, LEADERLOG_GET, "401 Unauthorized; the credentials are not accepted"},
        {403, LEADERLOG_GET,
         "cannot get the Lease edge/sealway-leader, without which nobody leads"
         ": 403 Forbidden; grant the verbs get and patch on leases"},
        {403, LEADERLOG_PATCH, "cannot patch the Lease edge/sealway-leader"},
        {404, LEADERLOG_PATCH, "404 NotFound; it is not made by itself"},
        {429, LEADERLOG_PATCH, "leads: 429 TooManyRequests\" answer=\"no"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        leaderlog_init(&l, "edge", "sealway-leader");
        refuse(rows[i].code, rows[i].verb, 1000);
        assert_int_equal(lines(), 1);
        assert_non_null(strstr(text, rows[i].words));
        assert_non_null(strstr(text, "level=warn"));
    }
}

static void a_conflict_is_no_failure(void **state)
{
    (void)state;
    refuse(409, LEADERLOG_PATCH, 1000);
    assert_int_equal(lines(), 0);
    leaderlog_works(&l);
    assert_int_equal(lines(), 0);
}

static void that_it_works_again_is_told_once(void **state)
{
    (void)state;
    leaderlog_works(&l);
    assert_int_equal(lines(), 0);
    refuse(404, LEADERLOG_GET, 1000);
    assert_int_equal(lines(), 1);
    leaderlog_works(&l);
    leaderlog_works(&l);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(text, "can be used again"));
    refuse(404, LEADERLOG_GET, 2000); /* again within the minute: neither is told */
    leaderlog_works(&l);
    assert_int_equal(lines(), 0);
}

static void why_we_do_not_lead_any_more_is_told(void **state)
{
    static const struct {
        enum leaderlog_why why;
        const char *words;
    } rows[] = {
        {LEADERLOG_RELEASED, "level=info msg=\"no longer leading: the Lease edge/sealway-leader is "
                             "given back\""},
        {LEADERLOG_MISSING, "level=warn msg=\"no longer leading: the Lease edge/sealway-leader is "
                            "gone\""},
        {LEADERLOG_TAKEN, "edge/sealway-leader was taken away\" holder=\"o\\\"ther\""},
        {LEADERLOG_LATE, "could not be renewed in time\" cause=\"503 ServiceUnavailable: no"},
    };

    (void)state;
    refuse(503, LEADERLOG_PATCH, 1000);
    (void)lines();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        leaderlog_lost(&l, rows[i].why, "o\"ther");
        assert_int_equal(lines(), 1);
        assert_non_null(strstr(text, rows[i].words));
    }
}

static void names_of_any_length_fit(void **state)
{
    char ns[64], name[254];

    (void)state;
    memset(ns, 'n', sizeof(ns));
    memset(name, 'm', sizeof(name));
    ns[sizeof(ns) - 1] = '\0';
    name[sizeof(name) - 1] = '\0';
    leaderlog_init(&l, ns, name);
    refuse(403, LEADERLOG_GET, 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(text, "by a Role in that namespace"));
    leaderlog_leads(&l, "pod-0_5f2c");
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(text, "is held\" identity=pod-0_5f2c"));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(each_sort_of_failure_is_told_once_a_minute),
        SCENE(every_failure_has_its_words),
        SCENE(a_conflict_is_no_failure),
        SCENE(that_it_works_again_is_told_once),
        SCENE(why_we_do_not_lead_any_more_is_told),
        SCENE(names_of_any_length_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
