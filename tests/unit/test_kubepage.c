#include "../../src/kube/kubepage_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/limits.h"
#include "kube/kubewatch.h"
#include "support/failalloc.h"

static const struct kuberesource services = {"/api/v1", "v1", "services", "Service"};

#define PAGE                                                                                       \
    "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"t\","        \
    "\"remainingItemCount\":4},\"items\":["                                                        \
    "{\"metadata\":{\"name\":\"a \\u00e9 \xc3\xa9 \\\"]}\"}},{\"metadata\":{\"name\":\"b\"}}]}\n"

struct got {
    size_t items;
    int fail; /* at the second */
};

static int on_item(void *ctx, const cJSON *object)
{
    struct got *g = ctx;

    assert_true(cJSON_IsObject(object));
    return ++g->items == 2 ? g->fail : 0;
}

static int feed(struct kubepage *p, const char *text, size_t chunk)
{
    size_t len = strlen(text);
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0; at += chunk) {
        rc = kubepage_feed(p, text + at, len - at < chunk ? len - at : chunk);
    }
    return rc;
}

static void a_page_is_the_same_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= sizeof(PAGE); chunk++) {
        struct kubepage p;
        struct got g = {0};

        kubepage_init(&p, &services, on_item, &g);
        assert_int_equal(feed(&p, PAGE, chunk), 0);
        assert_true(kubepage_is_whole(&p));
        assert_int_equal(g.items, 2);
        assert_int_equal(p.skipped, 0);
        assert_string_equal(kubepage_version(&p), "9");
        assert_string_equal(kubepage_next(&p), "t");
        kubepage_fini(&p);
    }
}

static void the_beginning_of_a_page_is_not_whole(void **state)
{
    char part[sizeof(PAGE)];

    (void)state;
    for (size_t n = 0; n + 2 < sizeof(PAGE); n++) {
        struct kubepage p;
        struct got g = {0};

        memcpy(part, PAGE, n);
        part[n] = '\0';
        kubepage_init(&p, &services, on_item, &g);
        assert_int_equal(feed(&p, part, sizeof(part)), 0);
        assert_false(kubepage_is_whole(&p));
        kubepage_fini(&p);
    }
}

static void what_the_taker_says_ends_it(void **state)
{
    struct kubepage p;
    struct got g = {.fail = -EIO};

    (void)state;
    kubepage_init(&p, &services, on_item, &g);
    assert_int_equal(feed(&p, PAGE, 7), -EIO);
    assert_int_equal(g.items, 2);
    kubepage_fini(&p);
    kubepage_fini(&p);
}

/* As in the server's own language. */
static void of_two_metadata_the_last_counts(void **state)
{
    struct kubepage p;
    struct got g = {0};

    (void)state;
    kubepage_init(&p, &services, on_item, &g);
    assert_int_equal(feed(&p,
                          "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[],"
                          "\"metadata\":{\"resourceVersion\":\"2\",\"continue\":null}}",
                          9),
                     0);
    assert_true(kubepage_is_whole(&p));
    assert_string_equal(kubepage_version(&p), "2");
    assert_string_equal(kubepage_next(&p), "");
    kubepage_fini(&p);
}

static void a_page_without_a_version_is_not_whole(void **state)
{
    static const char *const pages[] = {
        "{}",
        "{\"items\":[]}",
        "{\"metadata\":{},\"items\":[]}",
        "{\"metadata\":null,\"items\":[]}",
        "{\"metadata\":{\"resourceVersion\":7},\"items\":[]}",
        "{\"metadata\":[\"resourceVersion\",\"7\"],\"items\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct kubepage p;
        struct got g = {0};

        kubepage_init(&p, &services, on_item, &g);
        assert_int_equal(feed(&p, pages[i], 5), 0);
        assert_false(kubepage_is_whole(&p));
        assert_string_equal(kubepage_version(&p), "");
        kubepage_fini(&p);
    }
}

/* What a proxy or a cache answers for another request must not read as "there are none". */
static void an_answer_of_another_kind_is_no_empty_list(void **state)
{
    static const struct {
        const char *text;
        int rc;
        bool whole;
    } rows[] = {
        {"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", -EBADMSG,
         false},
        {"{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"9\"}}", -EBADMSG, false},
        {"{\"kind\":\"Status\",\"metadata\":{\"resourceVersion\":\"9\"}}", -EBADMSG, false},
        {"{\"kind\":1,\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}", -EBADMSG, false},
        /* of the length of the right one */
        {"{\"kind\":1234567890123,\"items\":[]}", -EBADMSG, false},
        {"{\"kind\":\"PolicieList\",\"items\":[]}", -EBADMSG, false},
        {"{\"kind\":\"ServiceLost\",\"items\":[]}", -EBADMSG, false},
        {"{\"kind\":\"ServiceList\",\"items\":true}", -EBADMSG, false},
        {"{\"kind\":\"ServiceList\",\"apiVersion\":\"v2\",\"items\":[]}", -EBADMSG, false},
        {"{\"metadata\":{\"resourceVersion\":\"9\"}}", 0, false},
        {"{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":null}", 0, true},
        {"{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"9\"}}", 0, true},
        {"{\"kind\":\"\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},"
         "\"items\":[]}",
         0, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kubepage p;
        struct got g = {0};

        kubepage_init(&p, &services, on_item, &g);
        assert_int_equal(feed(&p, rows[i].text, 5), rows[i].rc);
        if (rows[i].rc == 0) {
            assert_int_equal(kubepage_is_whole(&p), rows[i].whole);
        }
        kubepage_fini(&p);
    }
}

static void bad_json_within_an_item_or_metadata_is_found(void **state)
{
    static const char *const pages[] = {
        "{\"items\":[{\"a\":tru}]}", "{\"items\":[{\"a\" 1}]}", "{\"items\":[{,}]}",
        "{\"metadata\":{\"a\"}}",    "{\"items\":{}}",          "{\"items\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        struct kubepage p;
        struct got g = {0};

        kubepage_init(&p, &services, on_item, &g);
        assert_int_equal(feed(&p, pages[i], 100), -EBADMSG);
        kubepage_fini(&p);
    }
}

static void without_a_resource_items_are_not_looked_at(void **state)
{
    struct kubepage p;

    (void)state;
    kubepage_init(&p, NULL, NULL, NULL);
    assert_int_equal(
        feed(&p, "{\"items\":[{\"a\":tru},7],\"metadata\":{\"resourceVersion\":\"3\"}", 100), 0);
    assert_string_equal(kubepage_version(&p), "3");
    assert_false(kubepage_is_whole(&p));
    assert_int_equal(feed(&p, "}", 100), 0);
    assert_true(kubepage_is_whole(&p));
    kubepage_fini(&p);
}

/* One object at a time: a list costs no more than its largest item. */
static void a_long_list_needs_the_memory_of_its_largest_item(void **state)
{
    struct kubepage p;
    struct got g = {0};
    char item[512];

    (void)state;
    kubepage_init(&p, &services, on_item, &g);
    assert_int_equal(feed(&p, "{\"metadata\":{\"resourceVersion\":\"3\"},\"items\":[null", 100), 0);
    for (int i = 0; i < 20000; i++) {
        snprintf(item, sizeof(item), ",{\"metadata\":{\"name\":\"s-%d\"},\"x\":\"%0200d\"}", i, i);
        assert_int_equal(feed(&p, item, 100), 0);
        assert_true(p.split.piece.cap <= 4096);
    }
    assert_int_equal(feed(&p, "]}", 100), 0);
    assert_true(kubepage_is_whole(&p));
    assert_int_equal(g.items, 20000);
    kubepage_fini(&p);
}

static void an_item_of_two_megabytes_is_taken_and_one_over_the_cap_is_not(void **state)
{
    const size_t piece = 1024 * 1024;
    char *blanks = test_malloc(piece + 1);
    struct kubepage p;
    struct got g = {0};
    int rc = 0;

    (void)state;
    memset(blanks, ' ', piece);
    blanks[piece] = '\0';
    kubepage_init(&p, &services, on_item, &g);
    assert_int_equal(feed(&p, "{\"items\":[{\"metadata\":{\"name\":\"a\"}", 100), 0);
    assert_int_equal(feed(&p, blanks, piece), 0);
    assert_int_equal(feed(&p, blanks, piece), 0);
    assert_int_equal(feed(&p, "},{", 100), 0);
    assert_int_equal(g.items, 1);
    for (size_t n = 0; n <= LIMIT_KUBE_OBJECT_BYTES && rc == 0; n += piece) {
        rc = feed(&p, blanks, piece);
    }
    assert_int_equal(rc, -EMSGSIZE);
    kubepage_fini(&p);
    test_free(blanks);
}

static void read_with_no_memory(void *ctx)
{
    struct kubepage p;
    struct got g = {0};
    int rc;

    (void)ctx;
    kubepage_init(&p, &services, on_item, &g);
    rc = feed(&p, PAGE, 50);
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_true(rc == -ENOMEM || kubepage_is_whole(&p));
    kubepage_fini(&p);
}

static void any_allocation_may_fail_and_is_told_apart_from_nonsense(void **state)
{
    (void)state;
    assert_true(failalloc_torture(read_with_no_memory, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_the_same_however_it_is_cut),
        cmocka_unit_test(the_beginning_of_a_page_is_not_whole),
        cmocka_unit_test(what_the_taker_says_ends_it),
        cmocka_unit_test(of_two_metadata_the_last_counts),
        cmocka_unit_test(a_page_without_a_version_is_not_whole),
        cmocka_unit_test(an_answer_of_another_kind_is_no_empty_list),
        cmocka_unit_test(bad_json_within_an_item_or_metadata_is_found),
        cmocka_unit_test(without_a_resource_items_are_not_looked_at),
        cmocka_unit_test(a_long_list_needs_the_memory_of_its_largest_item),
        cmocka_unit_test(an_item_of_two_megabytes_is_taken_and_one_over_the_cap_is_not),
        cmocka_unit_test(any_allocation_may_fail_and_is_told_apart_from_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
