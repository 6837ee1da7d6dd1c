#include "app/explainwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static void assert_word(const char *word)
{
    assert_true(*word != '\0');
    assert_int_equal(strspn(word, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(word));
}

static void every_loss_has_a_word_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    for (int i = CLAIM_OTHER_NAMESPACE; i <= CLAIM_SAME_BACKEND; i++) {
        assert_word(explainwords_loss((enum claim_loss)i));
        assert_non_null(strchr(explainwords_loss_sentence((enum claim_loss)i), ' '));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(explainwords_loss((enum claim_loss)i),
                                    explainwords_loss((enum claim_loss)k));
        }
    }
}

static void every_way_not_to_be_served_has_a_word_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < UNSERVED_WHYS; i++) {
        assert_word(explainwords_unserved((enum unserved_why)i));
        assert_non_null(strchr(explainwords_unserved_sentence((enum unserved_why)i), ' '));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(explainwords_unserved((enum unserved_why)i),
                                    explainwords_unserved((enum unserved_why)k));
        }
    }
}

static void the_other_sets_are_words_too(void **state)
{
    static const struct netaddr addr;
    const struct endpoint ready = endpoint_at(&addr, false), leaving = endpoint_at(&addr, true);

    (void)state;
    for (int i = HOSTNAME_VALID; i <= HOSTNAME_INVALID; i++) {
        assert_word(explainwords_name((enum hostname_kind)i));
    }
    for (int i = TABLE_NO_MATCH; i <= TABLE_CATCH_ALL; i++) {
        assert_word(explainwords_match((enum table_match)i));
    }
    for (int i = EXPLAIN_EXACT; i <= EXPLAIN_CATCH_ALL; i++) {
        assert_word(explainwords_kind((enum explain_kind)i));
    }
    for (int i = EXPLAIN_NONE; i <= EXPLAIN_ITS_OWN_SUFFIX; i++) {
        assert_word(explainwords_standing((enum explain_standing)i));
        assert_non_null(explainwords_standing_sentence((enum explain_standing)i));
    }
    for (int i = PROXY_ANSWER_ALERT; i <= PROXY_ANSWER_HTTP400; i++) {
        assert_word(explainwords_answer((enum proxy_answer)i));
    }
    assert_string_equal(explainwords_endpoint(&ready), "ready");
    assert_string_equal(explainwords_endpoint(&leaving), "terminating");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_has_a_word_of_its_own_and_a_sentence),
        cmocka_unit_test(every_way_not_to_be_served_has_a_word_of_its_own_and_a_sentence),
        cmocka_unit_test(the_other_sets_are_words_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
