#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "model/decode.h"
#include "model/verdict.h"

/* The first verdict on a Service with this metadata, whose value at `key` is written as `written`.
 */
static void expect(const char *metadata, const char *key, const char *written, const char *message)
{
    const struct decode_source src = {.file = "test.yaml"};
    cJSON *tree = cJSON_Parse("{\"apiVersion\": \"v1\", \"kind\": \"Service\", "
                              "\"spec\": {\"ports\": [{\"port\": 1}]}}");
    cJSON *meta = cJSON_Parse(metadata), *labels = cJSON_GetObjectItem(meta, "labels");
    struct objmeta *o = NULL;
    struct verdicts v;

    assert_true(cJSON_AddItemToObject(tree, "metadata", meta));
    if (written != NULL) {
        cJSON_GetObjectItem(labels != NULL ? labels : meta, key)->valuestring = strdup(written);
    }
    verdicts_init(&v);
    assert_int_not_equal(decode_object(tree, &src, &v, &o), DECODE_NO_MEMORY);
    assert_true(v.n > 0);
    assert_string_equal(v.items[0].message, message);
    object_unref(o);
    verdicts_fini(&v);
    cJSON_Delete(tree);
}

static void a_value_is_reported_as_it_is_written(void **state)
{
    (void)state;
    expect("{\"name\": \"a\", \"labels\": {\"v\": 1.1}}", "v", "1.10",
           "metadata.labels.v must be a text, not 1.10: write \"1.10\"");
    expect("{\"name\": \"a\", \"labels\": {\"v\": true}}", "v", "y",
           "metadata.labels.v must be a text, not y (which is true in YAML): write \"y\"");
    expect("{\"name\": \"a\", \"labels\": {\"v\": true}}", "v", "true",
           "metadata.labels.v must be a text, not true: write \"true\"");
    expect("{\"name\": true}", "name", "on",
           "metadata.name must be a text, not on (which is true in YAML): write \"on\"");
    expect("{\"name\": \"a\", \"namespace\": false}", "namespace", "n",
           "metadata.namespace must be a text, not n (which is false in YAML): write \"n\"");
    expect("{\"name\": \"a\", \"namespace\": false}", "namespace", "false",
           "metadata.namespace must be a text, not false: write \"false\"");
}

static void where_that_is_not_known_the_value_is_reported(void **state)
{
    (void)state;
    expect("{\"name\": \"a\", \"labels\": {\"v\": 5}}", "v", NULL,
           "metadata.labels.v must be a text, not 5: write \"5\"");
    expect("{\"name\": \"a\", \"labels\": {\"v\": null}}", "v", NULL,
           "metadata.labels.v must be a text, not null: write \"\"");
    expect("{\"name\": [1]}", "name", NULL,
           "metadata.name must be a text, not a list: write it as one text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_reported_as_it_is_written),
        cmocka_unit_test(where_that_is_not_known_the_value_is_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
