#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "proxy/stats.h"

#define A_MILLION 1000000u

/* Fill two workers' cells, each with a number of its own, and look for the sums. */
static void fill(void *first, void *second, size_t n)
{
    _Atomic uint64_t *a = first, *b = second;

    for (size_t i = 0; i < n; i++) {
        stats_add(&a[i], 1000 + i);
        stats_add(&b[i], 10 * i);
    }
}

static void assert_sums(const void *totals, size_t n)
{
    const uint64_t *sum = totals;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(sum[i], 1000 + 11 * i);
    }
}

static void a_sum_adds_every_cell_of_every_worker(void **state)
{
    static struct listener_stats listeners[2];
    static struct route_cells routes[2];
    static struct stats workers[2];
    struct listener_totals listener = {0};
    struct route_totals route = {0};
    struct stats_totals worker = {0};

    (void)state;
    fill(&listeners[0], &listeners[1], sizeof(listener) / sizeof(uint64_t));
    fill(&routes[0], &routes[1], sizeof(route) / sizeof(uint64_t));
    fill(&workers[0], &workers[1], sizeof(worker) / sizeof(uint64_t));
    for (size_t i = 0; i < 2; i++) {
        stats_sum_listener(&listener, &listeners[i]);
        stats_sum_route(&route, &routes[i]);
        stats_sum(&worker, &workers[i]);
    }
    assert_sums(&listener, sizeof(listener) / sizeof(uint64_t));
    assert_sums(&route, sizeof(route) / sizeof(uint64_t));
    assert_sums(&worker, sizeof(worker) / sizeof(uint64_t));
}

static void a_million_adds_are_a_million_and_a_gauge_comes_back(void **state)
{
    static _Atomic uint64_t counter, gauge;

    (void)state;
    for (uint32_t i = 0; i < A_MILLION; i++) {
        stats_add(&counter, 3);
        stats_add(&gauge, 1);
    }
    assert_int_equal(counter, 3u * A_MILLION);
    for (uint32_t i = 0; i < A_MILLION; i++) {
        stats_sub(&gauge, 1);
    }
    assert_int_equal(gauge, 0);
}

static void cells_of_two_writers_share_no_cache_line(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct listener_stats) % 64, 0);
    assert_int_equal(_Alignof(struct listener_stats), 64);
    assert_int_equal(sizeof(struct route_cells), STATS_N_ROUTE_CELLS * sizeof(uint64_t));
}

/* Words of labels: letters, digits and underscores, each once. */
#define CHECK_WORDS(n, word_of, type)                                                              \
    do {                                                                                           \
        for (int i = 0; i < (n); i++) {                                                            \
            const char *word = word_of((type)i);                                                   \
            assert_non_null(word);                                                                 \
            assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(word)); \
            for (int k = 0; k < i; k++) {                                                          \
                assert_string_not_equal(word, word_of((type)k));                                   \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static void the_words_are_closed_sets_without_gap_or_twin(void **state)
{
    (void)state;
    CHECK_WORDS(REFUSALS, stats_refused_word, enum refused_reason);
    CHECK_WORDS(HELLO_RESULTS, stats_hello_word, enum hello_result);
    CHECK_WORDS(HELLO_FEATURES, stats_feature_word, enum hello_feature);
    CHECK_WORDS(MATCHES, stats_match_word, enum route_match);
    CHECK_WORDS(PHASES, stats_phase_word, enum conn_phase);
    CHECK_WORDS(END_REASONS, stats_end_word, enum end_reason);
    CHECK_WORDS(DIALS, stats_dial_word, enum dial_result);
    CHECK_WORDS(DENIALS, stats_denied_word, enum denied_reason);
}

static void a_failed_hello_has_one_word_in_both_sets(void **state)
{
    static const struct {
        enum hello_result hello;
        enum end_reason end;
    } pairs[] = {{HELLO_NO_NAME, END_HELLO_NO_NAME},     {HELLO_NOT_TLS, END_HELLO_NOT_TLS},
                 {HELLO_MALFORMED, END_HELLO_MALFORMED}, {HELLO_TOO_LARGE, END_HELLO_TOO_LARGE},
                 {HELLO_TIMEOUT, END_HELLO_TIMEOUT},     {HELLO_EOF, END_HELLO_EOF}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        assert_memory_equal(stats_end_word(pairs[i].end), "hello_", 6);
        assert_string_equal(stats_end_word(pairs[i].end) + 6, stats_hello_word(pairs[i].hello));
    }
    assert_string_equal(stats_hello_word(HELLO_OK), "ok");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_adds_every_cell_of_every_worker),
        cmocka_unit_test(a_million_adds_are_a_million_and_a_gauge_comes_back),
        cmocka_unit_test(cells_of_two_writers_share_no_cache_line),
        cmocka_unit_test(the_words_are_closed_sets_without_gap_or_twin),
        cmocka_unit_test(a_failed_hello_has_one_word_in_both_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
