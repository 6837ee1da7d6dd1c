#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tls/alert.h"

static void an_alert_is_a_fatal_record_of_seven_bytes(void **state)
{
    (void)state;
    uint8_t out[ALERT_RECORD_BYTES + 1];
    memset(out, 0xa5, sizeof out);
    alert_encode(ALERT_UNRECOGNIZED_NAME, out);
    assert_memory_equal(out, "\x15\x03\x03\x00\x02\x02\x70\xa5", sizeof out);
    alert_encode(ALERT_UNEXPECTED_MESSAGE, out);
    assert_memory_equal(out, "\x15\x03\x03\x00\x02\x02\x0a\xa5", sizeof out);
}

static void codes_carry_the_registered_numbers_and_names(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *name;
    } registered[] = {
        {10, "unexpected_message"},
        {22, "record_overflow"},
        {47, "illegal_parameter"},
        {50, "decode_error"},
        {70, "protocol_version"},
        {80, "internal_error"},
        {-1, "none"},
        {112, "unrecognized_name"},
        {40, "none"}, /* registered, but none of ours */
    };
    for (size_t i = 0; i < sizeof registered / sizeof registered[0]; i++) {
        assert_string_equal(alert_name((enum alert_code)registered[i].number), registered[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_a_fatal_record_of_seven_bytes),
        cmocka_unit_test(codes_carry_the_registered_numbers_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
