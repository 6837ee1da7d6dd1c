#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/kube/kubewarnings_priv.h"
#include "base/log.h"
#include "support/client_scene.h"
#include "support/failalloc.h"

static struct kubewarnings w;

static int tear_down(void **state)
{
    (void)state;
    kubewarnings_fini(&w);
    return 0;
}

static void hear(const char *line)
{
    kubewarnings_hear(&w, line, strlen(line));
}

/* Lines of the log that hold `words`; the log is let go of. */
static unsigned told(const char *words)
{
    char *log = client_log_release();
    unsigned n = 0;

    for (const char *at = log; (at = strstr(at, words)) != NULL; at++) {
        n++;
    }
    free(log);
    return n;
}

static void each_text_is_told_once(void **state)
{
    (void)state;
    client_log_catch();
    hear("Warning: 299 - \"policy/v1beta1 is going\"");
    hear("warning: 299 - \"policy/v1beta1 is going\"");
    hear("Warning: 299 - \"another\"");
    hear("Warning: 299 - \"policy\"");
    assert_int_equal(w.n, 3);
    assert_int_equal(told("the API server warns"), 3);
}

static void the_text_stands_between_the_quotes(void **state)
{
    (void)state;
    client_log_catch();
    hear("Warning: 299 - \"a \\\"b\\\" c\"");
    assert_string_equal(w.told[0], "a \\\"b\\\" c");
    hear("Warning: bare");
    assert_string_equal(w.told[1], "bare");
    hear("Warning: \"");
    assert_int_equal(w.n, 3);
    hear("Warning:");
    assert_string_equal(w.told[3], "");
    assert_int_equal(told("level=warn"), 4);
}

static void other_headers_are_no_warnings(void **state)
{
    (void)state;
    hear("");
    hear("Warn");
    hear("X-Warning: 299 - \"x\"");
    hear("Warnings: 299 - \"x\"");
    assert_int_equal(w.n, 0);
}

static void beyond_the_cap_nothing_is_told(void **state)
{
    char line[64];

    (void)state;
    client_log_catch();
    for (unsigned i = 0; i < LIMIT_KUBE_WARNINGS + 5; i++) {
        (void)snprintf(line, sizeof(line), "Warning: 299 - \"number %u\"", i);
        hear(line);
    }
    assert_int_equal(told("the API server warns"), LIMIT_KUBE_WARNINGS);
}

static void a_long_text_is_kept_as_far_as_it_is_told(void **state)
{
    char line[2000] = "Warning: ";

    (void)state;
    memset(line + 9, 'x', sizeof(line) - 10);
    client_log_catch();
    hear(line);
    assert_int_equal(told("level=warn"), 1);
    assert_int_equal(strlen(w.told[0]), LIMIT_LOG_VALUE);
}

static void a_level_above_warnings_tells_none(void **state)
{
    (void)state;
    client_log_catch();
    log_configure(LOG_ERROR, LOG_TEXT);
    hear("Warning: 299 - \"x\"");
    log_configure(LOG_INFO, LOG_TEXT);
    assert_int_equal(told("x"), 0);
}

static void hear_one(void *ctx)
{
    (void)ctx;
    hear("Warning: 299 - \"x\"");
    kubewarnings_fini(&w);
}

static void without_memory_it_is_told_all_the_same(void **state)
{
    (void)state;
    client_log_catch();
    assert_int_equal(failalloc_torture(hear_one, NULL), 1);
    assert_int_equal(told("the API server warns"), 2);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(each_text_is_told_once),
        ROW(the_text_stands_between_the_quotes),
        ROW(other_headers_are_no_warnings),
        ROW(beyond_the_cap_nothing_is_told),
        ROW(a_long_text_is_kept_as_far_as_it_is_told),
        ROW(a_level_above_warnings_tells_none),
        ROW(without_memory_it_is_told_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
