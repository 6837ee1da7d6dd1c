#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../src/model/annotation_priv.h"

static void a_dialect_is_found_by_its_whole_prefix(void **state)
{
    (void)state;
    assert_ptr_equal(annotation_table_dialect("sealway.io/x"), annotation_table_own());
    assert_string_equal(annotation_table_dialect("nginx.ingress.kubernetes.io/x")->prefix,
                        "nginx.ingress.kubernetes.io/");
    assert_string_equal(annotation_table_dialect("ingress.kubernetes.io/x")->prefix,
                        "ingress.kubernetes.io/");
    assert_null(annotation_table_dialect("sealway.io"));
    assert_null(annotation_table_dialect("www.sealway.io/x"));
    assert_null(annotation_table_dialect("nginx.org/x"));
    assert_null(annotation_table_dialect(""));
}

static void a_row_covers_its_name_or_all_that_begins_so(void **state)
{
    const struct annotation_dialect *nginx =
        annotation_table_dialect("nginx.ingress.kubernetes.io/");

    (void)state;
    assert_int_equal(
        annotation_table_row(nginx, "nginx.ingress.kubernetes.io/ssl-redirect")->effect,
        ANNOTATION_ANYWAY);
    assert_int_equal(annotation_table_row(nginx, "nginx.ingress.kubernetes.io/auth-x")->effect,
                     ANNOTATION_ACCESS);
    assert_null(annotation_table_row(nginx, "nginx.ingress.kubernetes.io/auth"));
    assert_null(annotation_table_row(nginx, "nginx.ingress.kubernetes.io/ssl-redirects"));
    assert_null(annotation_table_row(nginx, "nginx.ingress.kubernetes.io/"));
}

static void words_are_compared_whole(void **state)
{
    (void)state;
    assert_true(annotation_table_has_word("on off", "on", false));
    assert_true(annotation_table_has_word("on off", "off", false));
    assert_true(annotation_table_has_word("on off", "OFF", true));
    assert_false(annotation_table_has_word("on off", "OFF", false));
    assert_false(annotation_table_has_word("on off", "o", false));
    assert_false(annotation_table_has_word("on off", "offs", false));
    assert_false(annotation_table_has_word("on off", "", false));
    assert_false(annotation_table_has_word("on off", "on off", false));
    assert_false(annotation_table_has_word("", "x", false));
    assert_false(annotation_table_has_word(NULL, "x", false));
}

static void every_row_that_is_read_says_how(void **state)
{
    const struct annotation_dialect *own = annotation_table_own();

    (void)state;
    for (size_t i = 0; i < own->n_rows; i++) {
        bool is_read =
            own->rows[i].effect == ANNOTATION_MARK || own->rows[i].effect == ANNOTATION_ACTS;

        assert_int_equal(own->rows[i].words != NULL, is_read);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dialect_is_found_by_its_whole_prefix),
        cmocka_unit_test(a_row_covers_its_name_or_all_that_begins_so),
        cmocka_unit_test(words_are_compared_whole),
        cmocka_unit_test(every_row_that_is_read_says_how),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
