#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "../../src/admin/acceptheader_priv.h"
#include "base/attr.h"
#include <cmocka.h>

static void expect(const char *const headers[], size_t n, enum prom_format want)
{
    for (size_t i = 0; i < n; i++) {
        if (acceptheader_choose(headers[i]) != want) {
            fail_msg("\"%s\" gets the other format", headers[i]);
        }
    }
}

static void text_is_the_default(void **state)
{
    static const char *const headers[] = {
        NULL,
        "",
        "*/*",
        "text/plain",
        "text/plain;version=0.0.4",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", /* a browser */
        "application/json",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited",
        ",",
        ";q=1",
        "/",
        "q=1",
        "application",
        "application/openmetrics-text, text/plain",
        "application/openmetrics-text;q=0.5, */*;q=0.5",
        "*/*, application/openmetrics-text;q=0.9",
    };

    (void)state;
    expect(headers, ARRAY_LEN(headers), PROM_TEXT);
}

static void openmetrics_is_for_who_prefers_it(void **state)
{
    static const char *const headers[] = {
        /* Prometheus 2.42, 2.53 and 3.4 */
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.7,application/openmetrics-text;version=1.0.0;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,"
        "*/*;q=0.3",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
        "*/*;q=0.1",
        "application/openmetrics-text",
        "APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=0.001",
        "application/openmetrics-text; version=\"1.0.0\"; q=\"0.5\", text/plain; q=0.4",
        "application/*",
        "application/*;q=0.5, text/*;q=0.4",
        "text/plain;q=0, */*",
        "application/openmetrics-text, */*;q=0.999",
        " \tapplication/openmetrics-text\t",
        "a/b;c=\"x,application/json;q=1\",application/openmetrics-text;q=0.2",
    };

    (void)state;
    expect(headers, ARRAY_LEN(headers), PROM_OPENMETRICS);
}

static void the_most_specific_range_counts(void **state)
{
    static const char *const headers[] = {
        "application/*, application/openmetrics-text;q=0",
        "application/openmetrics-text;version=1.0.0;q=0.1, application/openmetrics-text, text/*",
        "*/*;q=1, application/openmetrics-text;q=0.2",
        "text/*;q=0.9, application/openmetrics-text;q=0.5, */*;q=0.1",
    };

    (void)state;
    expect(headers, ARRAY_LEN(headers), PROM_TEXT);
}

static void other_versions_are_other_formats(void **state)
{
    static const char *const headers[] = {
        "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=2.0.0, text/plain;version=0.0.4;q=0.1",
        "application/openmetrics-text;version=1.0.00",
    };
    static const char *const others[] = {
        "text/plain;version=1.0.0, application/openmetrics-text;q=0.1",
    };

    (void)state;
    expect(headers, ARRAY_LEN(headers), PROM_TEXT);
    expect(others, ARRAY_LEN(others), PROM_OPENMETRICS);
}

static void a_weight_that_is_none_is_nothing(void **state)
{
    static const char *const weights[] = {
        "application/openmetrics-text;q=",      "application/openmetrics-text;q=x",
        "application/openmetrics-text;q=-1",    "application/openmetrics-text;q=0.0000",
        "application/openmetrics-text;q=0.x",   "application/openmetrics-text;q=00.5",
        "application/openmetrics-text;q=.5",    "application/openmetrics-text;q=1e3",
        "application/openmetrics-text;q",       "application/openmetrics-text;q=\"0.5",
        "application/openmetrics-text;q=0",     "application/openmetrics-text;q=0.",
        "application/openmetrics-text;q=0.000",
    };
    static const char *const ones[] = {
        "application/openmetrics-text;q=1, text/plain;q=0.999",
        "application/openmetrics-text;q=1., text/plain;q=0.999",
        "application/openmetrics-text;q=1.000, text/plain;q=0.999",
        "application/openmetrics-text;q=0.010, text/plain;q=0.009",
    };
    static const char *const capped[] = {
        "application/openmetrics-text;q=9.9, text/plain;q=1",
    };

    (void)state;
    expect(weights, ARRAY_LEN(weights), PROM_TEXT);
    expect(ones, ARRAY_LEN(ones), PROM_OPENMETRICS);
    expect(capped, ARRAY_LEN(capped), PROM_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_default),
        cmocka_unit_test(openmetrics_is_for_who_prefers_it),
        cmocka_unit_test(the_most_specific_range_counts),
        cmocka_unit_test(other_versions_are_other_formats),
        cmocka_unit_test(a_weight_that_is_none_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
