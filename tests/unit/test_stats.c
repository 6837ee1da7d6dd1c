#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "proxy/stats.h"

static void a_sum_adds_every_counter_of_every_worker(void **state)
{
    static struct stats a, b;
    struct stats_snapshot sum = {0};
    _Atomic uint64_t *first[] = {&a.accepted, &a.hello[0], &a.closed[0]};
    _Atomic uint64_t *second[] = {&b.accepted, &b.hello[0], &b.closed[0]};
    const size_t n[] = {offsetof(struct stats, hello) / sizeof(uint64_t), HELLO_RESULTS,
                        END_REASONS};
    uint64_t *got[] = {&sum.accepted, sum.hello, sum.closed};

    (void)state;
    for (size_t part = 0; part < ARRAY_LEN(n); part++) {
        for (size_t i = 0; i < n[part]; i++) {
            stats_add(first[part] + i, 1000 * part + i);
            stats_add(second[part] + i, 1);
        }
    }
    stats_sum(&sum, &a);
    stats_sum(&sum, &b);
    for (size_t part = 0; part < ARRAY_LEN(n); part++) {
        for (size_t i = 0; i < n[part]; i++) {
            assert_int_equal(got[part][i], 1000 * part + i + 1);
        }
    }
}

static void the_words_are_a_closed_set_without_gap_or_twin(void **state)
{
    (void)state;
    for (int i = 0; i < END_REASONS; i++) {
        assert_non_null(stats_end_word((enum end_reason)i));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(stats_end_word((enum end_reason)i),
                                    stats_end_word((enum end_reason)k));
        }
    }
    for (int i = 0; i < HELLO_RESULTS; i++) {
        assert_non_null(stats_hello_word((enum hello_result)i));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(stats_hello_word((enum hello_result)i),
                                    stats_hello_word((enum hello_result)k));
        }
    }
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
        cmocka_unit_test(a_sum_adds_every_counter_of_every_worker),
        cmocka_unit_test(the_words_are_a_closed_set_without_gap_or_twin),
        cmocka_unit_test(a_failed_hello_has_one_word_in_both_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
