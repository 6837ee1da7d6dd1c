#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "kube/jsonsplit.h"
#include "support/failalloc.h"

#define MAX_PIECE 4096u

/* What came of a run: a line "key=text", "items[]=text" or "=text" for each piece. */
struct run {
    char text[16384];
    size_t len, pieces;
    int rc;
    bool is_complete;
    struct jsonsplit s;
};

static int on_piece(void *ctx, const struct jsonsplit_piece *p)
{
    struct run *r = ctx;

    assert_true(p->len > 0);
    r->len += (size_t)snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s%s=%.*s\n",
                               p->key != NULL ? p->key : "", p->is_element ? "[]" : "", (int)p->len,
                               p->text);
    assert_true(r->len < sizeof(r->text));
    r->pieces++;
    return 0;
}

static void run_start(struct run *r, enum jsonsplit_mode mode, size_t max_piece)
{
    r->text[0] = '\0';
    r->len = r->pieces = 0;
    r->rc = 0;
    jsonsplit_init(&r->s, mode, max_piece, on_piece, r);
}

/* A block of just that size, so that a sanitizer sees a read past it or after it. */
static void run_feed(struct run *r, const char *bytes, size_t len)
{
    char *block = malloc(len > 0 ? len : 1);

    if (r->rc == 0 && block != NULL) {
        memcpy(block, bytes, len);
        r->rc = jsonsplit_feed(&r->s, block, len);
    }
    free(block);
}

static void run_end(struct run *r)
{
    r->is_complete = r->rc == 0 && jsonsplit_is_complete(&r->s);
    jsonsplit_fini(&r->s);
}

static struct run run_of(enum jsonsplit_mode mode, const char *text, size_t chunk, size_t max_piece)
{
    size_t len = strlen(text);
    struct run r;

    run_start(&r, mode, max_piece);
    for (size_t at = 0; at < len; at += chunk) {
        run_feed(&r, text + at, len - at < chunk ? len - at : chunk);
    }
    run_end(&r);
    return r;
}

static void assert_same(const struct run *a, const struct run *b)
{
    assert_int_equal(a->rc, b->rc);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->is_complete, b->is_complete);
}

/* In one, in chunks of every size, and cut in two and in three at every place. */
static struct run run_cut(enum jsonsplit_mode mode, const char *text, size_t max_piece)
{
    size_t len = strlen(text);
    struct run whole = run_of(mode, text, len, max_piece), r;

    for (size_t chunk = 1; chunk < len; chunk++) {
        r = run_of(mode, text, chunk, max_piece);
        assert_same(&whole, &r);
    }
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= len; b++) {
            run_start(&r, mode, max_piece);
            run_feed(&r, text, a);
            run_feed(&r, text + a, b - a);
            run_feed(&r, text + b, len - b);
            run_end(&r);
            assert_same(&whole, &r);
        }
    }
    return whole;
}

static void assert_stream(const char *text, const char *pieces)
{
    struct run r = run_cut(JSONSPLIT_STREAM, text, MAX_PIECE);

    assert_int_equal(r.rc, 0);
    assert_string_equal(r.text, pieces);
    assert_true(r.is_complete);
}

static void assert_list(const char *text, const char *pieces)
{
    struct run r = run_cut(JSONSPLIT_LIST, text, MAX_PIECE);

    assert_int_equal(r.rc, 0);
    assert_string_equal(r.text, pieces);
    assert_true(r.is_complete);
}

static void assert_refused(enum jsonsplit_mode mode, const char *text, int rc)
{
    struct run r = run_cut(mode, text, MAX_PIECE);

    if (r.rc != rc) {
        print_error("%s: %d\n", text, r.rc);
    }
    assert_int_equal(r.rc, rc);
    assert_false(r.is_complete);
}

/* ---- streams --------------------------------------------------------------------------------- */

static void any_cutting_of_a_stream_gives_the_same_events(void **state)
{
    (void)state;
    assert_stream(
        "{\"type\":\"ADDED\",\"object\":{\"a\":\"\xc3\xa9 \xe2\x82\xac "
        "\xf0\x9f\x98\x80\",\"b\":\"\\u00e9\\ud83d\\ude00\"}}\n"
        "{\"q\":\"say \\\"}{\\\" \\\\\",\"r\":\"\\\\\\\\\\\"]\",\"n\":[1,-2.5e+3,[]]}\n",
        "={\"type\":\"ADDED\",\"object\":{\"a\":\"\xc3\xa9 \xe2\x82\xac "
        "\xf0\x9f\x98\x80\",\"b\":\"\\u00e9\\ud83d\\ude00\"}}\n"
        "={\"q\":\"say \\\"}{\\\" \\\\\",\"r\":\"\\\\\\\\\\\"]\",\"n\":[1,-2.5e+3,[]]}\n");
}

static void events_need_no_newline_and_may_have_crlf_or_blank_lines_between(void **state)
{
    (void)state;
    assert_stream("{\"a\":1}{\"b\":2}{}", "={\"a\":1}\n={\"b\":2}\n={}\n");
    assert_stream("\r\n{\"a\":1}\r\n\r\n \t{\"b\":2}\n\n\n", "={\"a\":1}\n={\"b\":2}\n");
    assert_stream("{\r\n\"a\" : 1 }\n", "={\r\n\"a\" : 1 }\n");
}

static void whole_events_are_given_at_once_and_half_a_one_waits_for_its_rest(void **state)
{
    struct run r;

    (void)state;
    run_start(&r, JSONSPLIT_STREAM, MAX_PIECE);
    run_feed(&r, "{\"a\":1}\n{\"b\":2}\n{\"c\":\"", 22);
    assert_int_equal(r.pieces, 2);
    assert_false(jsonsplit_is_complete(&r.s));
    run_feed(&r, "", 0);
    run_feed(&r, "}\"}", 3);
    assert_int_equal(r.pieces, 3);
    assert_true(jsonsplit_is_complete(&r.s));
    run_end(&r);
    assert_string_equal(r.text, "={\"a\":1}\n={\"b\":2}\n={\"c\":\"}\"}\n");
}

static void a_stream_is_complete_between_objects_only(void **state)
{
    (void)state;
    assert_true(run_of(JSONSPLIT_STREAM, "", 1, MAX_PIECE).is_complete);
    assert_true(run_of(JSONSPLIT_STREAM, "{}", 1, MAX_PIECE).is_complete);
    assert_false(run_of(JSONSPLIT_STREAM, "{}{", 1, MAX_PIECE).is_complete);
    assert_false(run_of(JSONSPLIT_STREAM, "{\"a\":\"}", 1, MAX_PIECE).is_complete);
    assert_false(run_of(JSONSPLIT_STREAM, "{\"a\":\"\\\"}", 1, MAX_PIECE).is_complete);
}

static void a_stream_holds_nothing_but_objects(void **state)
{
    static const char *const TEXTS[] = {
        "[]",
        "1",
        "null",
        "\"a\"",
        ",",
        "{},{}",
        "}",
        "{}]",
        "{}\xef\xbb\xbf{}",
        "\xef\xbb\xbf{}",
        "<html>",
        "\v{}",
        "\\",
        ":{}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        assert_refused(JSONSPLIT_STREAM, TEXTS[i], -EBADMSG);
    }
}

static void brackets_that_do_not_match_are_refused(void **state)
{
    (void)state;
    assert_refused(JSONSPLIT_STREAM, "{\"a\":[}", -EBADMSG);
    assert_refused(JSONSPLIT_STREAM, "{]", -EBADMSG);
    assert_refused(JSONSPLIT_STREAM, "{\"a\":[{\"b\":1]}}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"items\":[{]}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"items\":[}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"items\":[[1}]}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"a\":{]}", -EBADMSG);
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
    const char good[] = "{\"k\": [1, \"a\\n\"], \"items\": [{\"b\": \"c\"}, 2 ], \"d\": true} ";
    char bad[sizeof(good)];

    (void)state;
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int mode = JSONSPLIT_STREAM; mode <= JSONSPLIT_LIST; mode++) {
            struct run r;

            memcpy(bad, good, sizeof(good));
            bad[at] = '\0';
            run_start(&r, (enum jsonsplit_mode)mode, MAX_PIECE);
            run_feed(&r, bad, sizeof(good) - 1);
            run_end(&r);
            assert_int_equal(r.rc, -EBADMSG);
        }
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void items_come_one_by_one_and_other_members_whole(void **state)
{
    (void)state;
    assert_list("{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":"
                "{\"resourceVersion\":\"195\"},\"items\":[{\"a\":[{}]},{\"b\":\"],[\"} , {}]}\n",
                "kind=\"IngressList\"\napiVersion=\"networking.k8s.io/v1\"\n"
                "metadata={\"resourceVersion\":\"195\"}\n"
                "items[]={\"a\":[{}]}\nitems[]={\"b\":\"],[\"}\nitems[]={}\n");
}

static void metadata_may_come_behind_the_items(void **state)
{
    (void)state;
    assert_list("{\"apiVersion\":\"v1\",\"items\":[{\"x\":{\"items\":[1]}}],\"kind\":\"L\",\r\n "
                "\"metadata\" : {\"continue\":\"\\\"\",\"items\":[2]} }\r\n\r\n",
                "apiVersion=\"v1\"\nitems[]={\"x\":{\"items\":[1]}}\nkind=\"L\"\n"
                "metadata={\"continue\":\"\\\"\",\"items\":[2]}\n");
}

static void items_that_are_empty_null_missing_or_no_list_are_told_apart(void **state)
{
    (void)state;
    assert_list("{\"items\":[]}", "");
    assert_list("{\"items\":[ \n ],\"a\":1}", "a=1\n");
    assert_list("{\"items\":null,\"a\":1}", "items=null\na=1\n");
    assert_list("{\"items\":{\"b\":[1]}}", "items={\"b\":[1]}\n");
    assert_list("{\"items\":\"[1]\"}", "items=\"[1]\"\n");
    assert_list("{\"a\":[1,2]}", "a=[1,2]\n");
    assert_list("{}", "");
    assert_list(" { } ", "");
}

static void scalars_and_strings_are_pieces_too(void **state)
{
    (void)state;
    assert_list("{\"a\":true,\"b\" :null , \"c\":-1.5E+3\n,\"\":\"\",\"d\":\"\\\"\\\\\"}",
                "a=true\nb=null\nc=-1.5E+3\n=\"\"\nd=\"\\\"\\\\\"\n");
    assert_list("{\"items\":[1,null ,\"x,]\",[[]]\t]}",
                "items[]=1\nitems[]=null\nitems[]=\"x,]\"\nitems[]=[[]]\n");
}

static void a_second_items_is_refused(void **state)
{
    (void)state;
    assert_refused(JSONSPLIT_LIST, "{\"items\":[1],\"items\":[2]}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"items\":null,\"items\":[2]}", -EBADMSG);
    assert_refused(JSONSPLIT_LIST, "{\"items\":[],\"items\":null}", -EBADMSG);
}

static void a_list_of_another_form_is_refused(void **state)
{
    static const char *const TEXTS[] = {
        "[]",
        "x",
        "\xef\xbb\xbf{}",
        "{,}",
        "{\"a\"}",
        "{\"a\",}",
        "{\"a\":}",
        "{\"a\":,}",
        "{\"a\":1,}",
        "{\"a\":1 2}",
        "{\"a\":1:2}",
        "{a:1}",
        "{\"a\"::1}",
        "{\"a\":1]",
        "{\"a\":\"b\"\"c\"}",
        "{}{}",
        "{} x",
        "{}}",
        "{},",
        "{\"items\":[,]}",
        "{\"items\":[1,]}",
        "{\"items\":[1 2]}",
        "{\"items\":[1}",
        "{\"items\":[]]}",
        "{\"items\":[:]}",
        "{\"a\":\xff}",
        "{\"a\":#}",
        "{\"a\" \"b\":1}",
        "{\"a\":{}{}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        assert_refused(JSONSPLIT_LIST, TEXTS[i], -EBADMSG);
    }
}

static void a_list_is_complete_behind_its_brace(void **state)
{
    const char text[] = "{\"items\":[{\"a\":1}],\"n\":12}";

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        struct run r;

        run_start(&r, JSONSPLIT_LIST, MAX_PIECE);
        run_feed(&r, text, n);
        run_end(&r);
        assert_int_equal(r.rc, 0);
        assert_int_equal(r.is_complete, n == sizeof(text) - 1);
    }
}

static void a_member_with_a_long_name_is_passed_over(void **state)
{
    (void)state;
    assert_list("{\"1234567890123456789012345678901\":1,\"12345678901234567890123456789012\":[2],"
                "\"items-12345678901234567890123456789\":[3],\"items\":[4]}",
                "1234567890123456789012345678901=1\nitems[]=4\n");
    assert_list("{\"12345678901234567890123456789012items\":[{}],\"\\\"\":5}", "\\\"=5\n");
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void nesting_has_a_cap(void **state)
{
    char text[2 * LIMIT_KUBE_OBJECT_DEPTH + 64];

    (void)state;
    for (unsigned deep = LIMIT_KUBE_OBJECT_DEPTH; deep <= LIMIT_KUBE_OBJECT_DEPTH + 1; deep++) {
        int rc = deep > LIMIT_KUBE_OBJECT_DEPTH ? -EBADMSG : 0;
        char open[LIMIT_KUBE_OBJECT_DEPTH + 2] = {0}, close[LIMIT_KUBE_OBJECT_DEPTH + 2] = {0};

        memset(open, '[', deep - 1);
        memset(close, ']', deep - 1);
        (void)snprintf(text, sizeof(text), "{%s%s}", open, close);
        assert_int_equal(run_of(JSONSPLIT_STREAM, text, 7, MAX_PIECE).rc, rc);
        (void)snprintf(text, sizeof(text), "{\"items\":[{%s%s}]}", open, close);
        assert_int_equal(run_of(JSONSPLIT_LIST, text, 7, MAX_PIECE).rc, rc);
        (void)snprintf(text, sizeof(text), "{\"a\":{%s%s}}", open, close);
        assert_int_equal(run_of(JSONSPLIT_LIST, text, 7, MAX_PIECE).rc, rc);
    }
}

static void a_piece_may_be_as_long_as_its_cap_and_no_longer(void **state)
{
    const char list[] = "{\"a\":123456789,\"items\":[\"12345678\",{\"a\":\"b\"}]}";
    struct run r;

    (void)state;
    r = run_cut(JSONSPLIT_STREAM, "{\"a\":1234}{\"a\":\"\"}", 10);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.pieces, 2);
    r = run_cut(JSONSPLIT_STREAM, "{\"a\":1234}{\"a\":\"\"}", 9);
    assert_int_equal(r.rc, -EMSGSIZE);
    assert_int_equal(run_cut(JSONSPLIT_LIST, list, 10).rc, 0);
    assert_int_equal(run_cut(JSONSPLIT_LIST, list, 9).rc, -EMSGSIZE);
    assert_int_equal(run_cut(JSONSPLIT_LIST, "{\"a\":123456789}", 8).rc, -EMSGSIZE);
    assert_int_equal(run_cut(JSONSPLIT_STREAM, "{\"a\":1234]", 4).rc, -EMSGSIZE);
}

static void what_is_passed_over_has_no_cap(void **state)
{
    struct run r;

    (void)state;
    r = run_cut(JSONSPLIT_LIST, "{\"12345678901234567890123456789012\":[1,2,3,4],\"a\":[5]}", 4);
    assert_int_equal(r.rc, 0);
    assert_string_equal(r.text, "a=[5]\n");
}

static int on_piece_count(void *ctx, const struct jsonsplit_piece *p)
{
    (void)p;
    ++*(unsigned *)ctx;
    return 0;
}

static void the_buffer_of_a_huge_piece_is_given_back(void **state)
{
    static char half[512 * 1024];
    unsigned seen = 0;
    struct jsonsplit s;

    (void)state;
    memset(half, ' ', sizeof(half));
    half[0] = '{';
    jsonsplit_init(&s, JSONSPLIT_STREAM, LIMIT_KUBE_OBJECT_BYTES, on_piece_count, &seen);
    assert_int_equal(jsonsplit_feed(&s, half, sizeof(half)), 0);
    assert_true(s.piece.cap >= sizeof(half));
    assert_int_equal(jsonsplit_feed(&s, "}", 1), 0);
    assert_int_equal(seen, 1);
    assert_int_equal(s.piece.cap, 0);
    jsonsplit_fini(&s);
}

/* ---- who gets the pieces --------------------------------------------------------------------- */

static int on_piece_stop(void *ctx, const struct jsonsplit_piece *p)
{
    unsigned *seen = ctx;

    (void)p;
    return ++*seen == 2 ? -ECANCELED : 0;
}

static void what_the_receiver_returns_ends_the_feed(void **state)
{
    unsigned seen = 0;
    struct jsonsplit s;

    (void)state;
    jsonsplit_init(&s, JSONSPLIT_STREAM, MAX_PIECE, on_piece_stop, &seen);
    assert_int_equal(jsonsplit_feed(&s, "{}{}{}", 6), -ECANCELED);
    assert_int_equal(seen, 2);
    jsonsplit_fini(&s);
}

static void torture_body(void *ctx)
{
    const char text[] = "{\"items\":[{\"a\":\"01234567890123456789\"}],\"m\":{}}";
    size_t chunk = *(size_t *)ctx;
    struct run r;

    run_start(&r, JSONSPLIT_LIST, MAX_PIECE);
    for (size_t at = 0; r.rc == 0 && at < sizeof(text) - 1; at += chunk) {
        size_t left = sizeof(text) - 1 - at;

        r.rc = jsonsplit_feed(&r.s, text + at, left < chunk ? left : chunk);
    }
    assert_true(r.rc == 0 || r.rc == -ENOMEM);
    assert_true(r.rc != 0 || r.pieces == 2);
    run_end(&r);
}

static void memory_may_run_out_within_a_piece_and_whole_ones_need_none(void **state)
{
    size_t chunk = 8;

    (void)state;
    assert_int_equal(failalloc_torture(torture_body, &chunk), 1);
    chunk = 1000;
    assert_int_equal(failalloc_torture(torture_body, &chunk), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cutting_of_a_stream_gives_the_same_events),
        cmocka_unit_test(events_need_no_newline_and_may_have_crlf_or_blank_lines_between),
        cmocka_unit_test(whole_events_are_given_at_once_and_half_a_one_waits_for_its_rest),
        cmocka_unit_test(a_stream_is_complete_between_objects_only),
        cmocka_unit_test(a_stream_holds_nothing_but_objects),
        cmocka_unit_test(brackets_that_do_not_match_are_refused),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(items_come_one_by_one_and_other_members_whole),
        cmocka_unit_test(metadata_may_come_behind_the_items),
        cmocka_unit_test(items_that_are_empty_null_missing_or_no_list_are_told_apart),
        cmocka_unit_test(scalars_and_strings_are_pieces_too),
        cmocka_unit_test(a_second_items_is_refused),
        cmocka_unit_test(a_list_of_another_form_is_refused),
        cmocka_unit_test(a_list_is_complete_behind_its_brace),
        cmocka_unit_test(a_member_with_a_long_name_is_passed_over),
        cmocka_unit_test(nesting_has_a_cap),
        cmocka_unit_test(a_piece_may_be_as_long_as_its_cap_and_no_longer),
        cmocka_unit_test(what_is_passed_over_has_no_cap),
        cmocka_unit_test(the_buffer_of_a_huge_piece_is_given_back),
        cmocka_unit_test(what_the_receiver_returns_ends_the_feed),
        cmocka_unit_test(memory_may_run_out_within_a_piece_and_whole_ones_need_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
