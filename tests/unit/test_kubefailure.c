#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/kube/kubefailure_priv.h"

static char text[512];

static const char *say(CURLcode code, const char *detail, int os_errno)
{
    const struct kubefailure f = {code, detail, os_errno};

    kubefailure_say(&f, "https://api:6443", text, sizeof(text));
    return text;
}

static void a_failure_names_server_trouble_and_detail(void **state)
{
    (void)state;
    assert_string_equal(say(CURLE_PARTIAL_FILE, "9 bytes missing", 0),
                        "https://api:6443: the answer was cut short: 9 bytes missing");
}

static void without_detail_the_library_has_words(void **state)
{
    (void)state;
    assert_string_equal(say(CURLE_OUT_OF_MEMORY, "", 0),
                        "https://api:6443: out of memory: Out of memory");
}

static void the_systems_error_stands_behind(void **state)
{
    (void)state;
    assert_string_equal(say(CURLE_COULDNT_CONNECT, "port 1", ECONNREFUSED),
                        "https://api:6443: cannot connect: port 1 (Connection refused)");
}

static void what_nobody_foresaw_is_told_too(void **state)
{
    (void)state;
    assert_string_equal(say(CURLE_FTP_WEIRD_PASS_REPLY, "odd", 0),
                        "https://api:6443: the request failed: odd");
}

static void too_long_a_text_is_cut(void **state)
{
    const struct kubefailure f = {CURLE_RECV_ERROR, "0123456789", 0};
    char small[8];

    (void)state;
    kubefailure_say(&f, "https://api", small, sizeof(small));
    assert_string_equal(small, "https:/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_names_server_trouble_and_detail),
        cmocka_unit_test(without_detail_the_library_has_words),
        cmocka_unit_test(the_systems_error_stands_behind),
        cmocka_unit_test(what_nobody_foresaw_is_told_too),
        cmocka_unit_test(too_long_a_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
