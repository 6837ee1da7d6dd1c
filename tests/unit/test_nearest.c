#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/nearest.h"

#include <string.h>

static const char *among(const char *word)
{
    static const char *const KNOWN[] = {"idle-timeout", "hello-timeout", "log-level", "serve"};
    struct nearest n = {.word = word};

    for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
        nearest_offer(&n, KNOWN[i]);
    }
    return n.best;
}

static void a_slip_finds_the_word_that_was_meant(void **state)
{
    (void)state;
    assert_string_equal(among("idle-timout"), "idle-timeout");
    assert_string_equal(among("hallo-timeout"), "hello-timeout");
    assert_string_equal(among("loglevel"), "log-level");
    assert_string_equal(among("sevre"), "serve");
    assert_string_equal(among("serve"), "serve");
}

static void what_is_like_nothing_gets_no_suggestion(void **state)
{
    char endless[500];

    (void)state;
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(among("kubeconfig"));
    assert_null(among(endless));
    assert_null(among(""));
}

static void the_first_of_equally_close_words_stays(void **state)
{
    struct nearest n = {.word = "cat"};

    (void)state;
    nearest_offer(&n, "bat");
    nearest_offer(&n, "hat");
    assert_string_equal(n.best, "bat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_finds_the_word_that_was_meant),
        cmocka_unit_test(what_is_like_nothing_gets_no_suggestion),
        cmocka_unit_test(the_first_of_equally_close_words_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
