#include "base/jsonout.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "support/failalloc.h"

#define EVERYTHING 100000u

/* What was written so far, as text. */
static const char *text_of(struct buf *b)
{
    assert_int_equal(buf_append(b, "", 1), 0);
    b->len--;
    return (const char *)b->data;
}

static void write_sample(struct jsonout *j)
{
    jsonout_object(j, NULL);
    jsonout_text(j, "text", "a");
    jsonout_text(j, "absent", NULL);
    jsonout_list(j, "list");
    jsonout_uint(j, NULL, 0);
    jsonout_uint(j, NULL, UINT64_MAX);
    jsonout_object(j, NULL);
    jsonout_bool(j, "yes", true);
    jsonout_bool(j, "no", false);
    jsonout_end(j);
    jsonout_end(j);
    jsonout_list(j, "empty");
    jsonout_end(j);
    jsonout_object(j, "none");
    jsonout_end(j);
    jsonout_null(j, "null");
    jsonout_end(j);
}

static void values_stand_where_they_were_put(void **state)
{
    struct jsonout j;
    struct buf b;

    (void)state;
    buf_init(&b, EVERYTHING);
    jsonout_init(&j, &b, false);
    write_sample(&j);
    assert_int_equal(jsonout_finish(&j), 0);
    assert_string_equal(text_of(&b), "{\"text\":\"a\",\"absent\":null,\"list\":[0,"
                                     "18446744073709551615,{\"yes\":true,\"no\":false}],"
                                     "\"empty\":[],\"none\":{},\"null\":null}\n");
    buf_fini(&b);
}

static void the_pretty_form_has_a_line_for_each_value(void **state)
{
    struct jsonout j;
    struct buf b;

    (void)state;
    buf_init(&b, EVERYTHING);
    jsonout_init(&j, &b, true);
    write_sample(&j);
    assert_int_equal(jsonout_finish(&j), 0);
    assert_string_equal(text_of(&b), "{\n"
                                     "  \"text\": \"a\",\n"
                                     "  \"absent\": null,\n"
                                     "  \"list\": [\n"
                                     "    0,\n"
                                     "    18446744073709551615,\n"
                                     "    {\n"
                                     "      \"yes\": true,\n"
                                     "      \"no\": false\n"
                                     "    }\n"
                                     "  ],\n"
                                     "  \"empty\": [],\n"
                                     "  \"none\": {},\n"
                                     "  \"null\": null\n"
                                     "}\n");
    buf_fini(&b);
}

static const char *quoted(struct buf *b, const char *bytes, size_t n)
{
    struct jsonout j;

    b->len = 0;
    jsonout_init(&j, b, false);
    jsonout_bytes(&j, NULL, bytes, n);
    assert_int_equal(jsonout_finish(&j), 0);
    return text_of(b);
}

static void any_bytes_become_valid_text(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, EVERYTHING);
    assert_string_equal(quoted(&b, "a\"b\\c", 5), "\"a\\\"b\\\\c\"\n");
    assert_string_equal(quoted(&b, "\0\n\x1b\x7f", 4), "\"\\u0000\\u000a\\u001b\\u007f\"\n");
    assert_string_equal(quoted(&b, "\xc2\x9b[31m", 6), "\"\\u009b[31m\"\n");
    assert_string_equal(quoted(&b, "\xc3\xa4\xe2\x82\xac", 5), "\"\xc3\xa4\xe2\x82\xac\"\n");
    assert_string_equal(quoted(&b, "\xff\xc3", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\"\n");
    assert_string_equal(quoted(&b, "", 0), "\"\"\n");
    buf_fini(&b);
}

static void every_byte_can_be_read_back(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, EVERYTHING);
    for (int c = 1; c < 256; c++) {
        char byte = (char)c;
        cJSON *tree = cJSON_Parse(quoted(&b, &byte, 1));

        assert_true(cJSON_IsString(tree));
        if (c < 128) {
            assert_int_equal(tree->valuestring[0], c);
        }
        cJSON_Delete(tree);
    }
    buf_fini(&b);
}

static void a_full_buffer_is_told_at_the_end(void **state)
{
    int rc = -ENOBUFS;

    (void)state;
    for (size_t max = 0; rc != 0; max++) {
        struct jsonout j;
        struct buf b;

        buf_init(&b, max);
        jsonout_init(&j, &b, false);
        write_sample(&j);
        rc = jsonout_finish(&j);
        assert_true(rc == 0 ? b.len == max && max > 100 : rc == -ENOBUFS);
        buf_fini(&b);
    }
}

static void write_in_want(void *ctx)
{
    struct jsonout j;
    struct buf b;
    int rc;

    (void)ctx;
    buf_init(&b, EVERYTHING);
    jsonout_init(&j, &b, true);
    for (int i = 0; i < 20; i++) {
        jsonout_list(&j, NULL);
        write_sample(&j);
        jsonout_end(&j);
    }
    rc = jsonout_finish(&j);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&b);
}

static void out_of_memory_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(failalloc_torture(write_in_want, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stand_where_they_were_put),
        cmocka_unit_test(the_pretty_form_has_a_line_for_each_value),
        cmocka_unit_test(any_bytes_become_valid_text),
        cmocka_unit_test(every_byte_can_be_read_back),
        cmocka_unit_test(a_full_buffer_is_told_at_the_end),
        cmocka_unit_test(out_of_memory_is_told_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
