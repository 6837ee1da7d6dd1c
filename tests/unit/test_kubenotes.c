#include "../../src/controller/kubenotes_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "model/object.h"
#include "model/verdict.h"
#include "support/failalloc.h"

static const struct objmeta web = {.kind = OBJECT_INGRESS, .ns = "shop", .name = "web", .file = ""};

static void say(struct verdicts *v, const char *message)
{
    verdicts_init(v);
    if (message) {
        verdicts_add(v, &web, 0, VERDICT_ERROR, "InvalidField", "%s", message);
    }
}

/** `message` NULL: no verdict.  Returns whether that differs. */
static bool put(struct kubenotes *n, const char *name, const char *message)
{
    struct verdicts v;
    bool differs = false;

    say(&v, message);
    assert_int_equal(kubenotes_put(n, "shop", name, &v, &differs), 0);
    assert_int_equal(v.n, 0);
    verdicts_fini(&v);
    return differs;
}

static void list_put(struct kubenotes *n, const char *name, const char *message)
{
    struct verdicts v;

    say(&v, message);
    assert_int_equal(kubenotes_list_put(n, "shop", name, &v), 0);
    assert_int_equal(v.n, 0);
    verdicts_fini(&v);
}

/** All messages standing, in the order they came, joined by spaces. */
static const char *standing(const struct kubenotes *n)
{
    static char text[256];
    struct verdicts v;

    verdicts_init(&v);
    kubenotes_append(n, &v);
    text[0] = '\0';
    for (size_t i = 0; i < v.n; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, v.items[i].message);
    }
    verdicts_fini(&v);
    return text;
}

static void what_stands_is_replaced_and_told_apart(void **state)
{
    struct kubenotes n;

    (void)state;
    kubenotes_init(&n);
    assert_true(put(&n, "web", "bad"));
    assert_false(put(&n, "web", "bad"));
    assert_true(put(&n, "web", "worse"));
    assert_true(put(&n, "api", "bad"));
    assert_string_equal(standing(&n), "worse bad");
    assert_true(put(&n, "web", NULL));
    assert_false(put(&n, "web", NULL));
    assert_string_equal(standing(&n), "bad");
    assert_true(kubenotes_drop(&n, "shop", "api"));
    assert_false(kubenotes_drop(&n, "shop", "api"));
    assert_null(n.notes);
    kubenotes_fini(&n);
}

static void a_list_takes_the_place_of_all_that_stood(void **state)
{
    struct kubenotes n;

    (void)state;
    kubenotes_init(&n);
    (void)put(&n, "gone", "1");
    (void)put(&n, "kept", "2");
    (void)put(&n, "mended", "3");
    (void)put(&n, "other", "4");
    list_put(&n, "mended", NULL);
    list_put(&n, "other", "5");
    list_put(&n, "added", "6");
    kubenotes_list_keep(&n, "shop", "kept");
    kubenotes_list_keep(&n, "shop", "unknown");
    assert_string_equal(standing(&n), "1 2 3 4");
    assert_true(kubenotes_list_end(&n));
    assert_string_equal(standing(&n), "2 5 6");
    kubenotes_fini(&n);
}

static void a_list_that_says_the_same_differs_in_nothing(void **state)
{
    struct kubenotes n;

    (void)state;
    kubenotes_init(&n);
    assert_false(kubenotes_list_end(&n));
    (void)put(&n, "web", "1");
    (void)put(&n, "api", "2");
    list_put(&n, "web", "1");
    kubenotes_list_keep(&n, "shop", "api");
    assert_false(kubenotes_list_end(&n));
    assert_string_equal(standing(&n), "1 2");
    assert_true(kubenotes_list_end(&n));
    assert_null(n.notes);
    kubenotes_fini(&n);
}

static void of_the_same_name_the_last_word_of_a_list_counts(void **state)
{
    struct kubenotes n;

    (void)state;
    kubenotes_init(&n);
    (void)put(&n, "web", "1");
    (void)put(&n, "api", "2");
    list_put(&n, "web", "3");
    kubenotes_list_keep(&n, "shop", "web");
    kubenotes_list_keep(&n, "shop", "api");
    list_put(&n, "api", "4");
    list_put(&n, "new", "5");
    list_put(&n, "new", NULL);
    assert_true(kubenotes_list_end(&n));
    assert_string_equal(standing(&n), "1 4");
    kubenotes_fini(&n);
}

static void a_dropped_list_leaves_all_as_it_was(void **state)
{
    struct kubenotes n;

    (void)state;
    kubenotes_init(&n);
    (void)put(&n, "web", "1");
    list_put(&n, "web", "2");
    list_put(&n, "new", "3");
    kubenotes_list_drop(&n);
    assert_string_equal(standing(&n), "1");
    assert_true(kubenotes_list_end(&n)); /* of an empty one */
    kubenotes_fini(&n);
}

static void lost_words_are_no_verdict_at_all(void **state)
{
    struct verdicts v;
    struct kubenotes n;
    bool differs = false;

    (void)state;
    kubenotes_init(&n);
    say(&v, "half of it");
    v.lost = true;
    assert_int_equal(kubenotes_put(&n, "shop", "web", &v, &differs), -ENOMEM);
    assert_int_equal(kubenotes_list_put(&n, "shop", "web", &v), -ENOMEM);
    assert_string_equal(standing(&n), "");
    verdicts_fini(&v);
    kubenotes_fini(&n);
}

static void work(void *ctx)
{
    struct kubenotes n;
    char name[16];

    (void)ctx;
    kubenotes_init(&n);
    for (unsigned i = 0; i < 12; i++) {
        struct verdicts v;
        bool differs = false;
        int rc;

        snprintf(name, sizeof(name), "o%u", i);
        say(&v, "bad");
        rc = i % 2 == 0 ? kubenotes_put(&n, "shop", name, &v, &differs)
                        : kubenotes_list_put(&n, "shop", name, &v);
        assert_true(rc == 0 || rc == -ENOMEM);
        verdicts_fini(&v);
    }
    (void)kubenotes_list_end(&n);
    kubenotes_fini(&n);
}

static void no_memory_loses_nothing_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(failalloc_torture(work, NULL) > 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_is_replaced_and_told_apart),
        cmocka_unit_test(a_list_takes_the_place_of_all_that_stood),
        cmocka_unit_test(a_list_that_says_the_same_differs_in_nothing),
        cmocka_unit_test(of_the_same_name_the_last_word_of_a_list_counts),
        cmocka_unit_test(a_dropped_list_leaves_all_as_it_was),
        cmocka_unit_test(lost_words_are_no_verdict_at_all),
        cmocka_unit_test(no_memory_loses_nothing_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
