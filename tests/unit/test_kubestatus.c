#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "kube/kubestatus.h"
#include "support/failalloc.h"
#include "support/json_text.h"

#define JSON "application/json"

static struct kubestatus from_json(const char *text)
{
    cJSON *tree = json_text_parse(text);
    struct kubestatus s;

    memset(&s, 0xa5, sizeof(s));
    kubestatus_from_json(&s, tree);
    cJSON_Delete(tree);
    return s;
}

/* The body stands in a block of just its size, so that a sanitizer sees a read past it. */
static struct kubestatus from_body(int code, const char *type, const char *body, size_t len)
{
    char *block = malloc(len > 0 ? len : 1);
    struct kubestatus s;

    memset(&s, 0xa5, sizeof(s));
    if (block != NULL) {
        memcpy(block, body, len);
        kubestatus_from_answer(&s, code, type, block, len);
    }
    free(block);
    return s;
}

static struct kubestatus from_answer(int code, const char *type, const char *body)
{
    return from_body(code, type, body, strlen(body));
}

static void assert_says(const struct kubestatus *s, int code, const char *reason,
                        const char *message)
{
    assert_int_equal(s->code, code);
    assert_string_equal(s->reason, reason);
    assert_string_equal(s->message, message);
}

/* ---- Status objects, as servers send them ---------------------------------------------------- */

static void an_expired_version_is_told_by_its_code(void **state)
{
    struct kubestatus s = from_json(
        "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':'too old "
        "resource version: 190 (281)','reason':'Expired','code':410}");

    (void)state;
    assert_says(&s, 410, "Expired", "too old resource version: 190 (281)");
    assert_false(s.has_retry_after || s.too_large_version);
}

static void a_version_that_is_too_large_is_told_by_its_cause(void **state)
{
    struct kubestatus s = from_json(
        "{'kind':'Status','apiVersion':'v1','metadata':{},'status':'Failure','message':'Timeout: "
        "Too large resource version: 99999999, current: 195','reason':'Timeout','details':{'causes'"
        ":[{'reason':'Other'},{'reason':'ResourceVersionTooLarge','message':'Too large resource "
        "version'}],'retryAfterSeconds':1},'code':504}");

    (void)state;
    assert_says(&s, 504, "Timeout", "Timeout: Too large resource version: 99999999, current: 195");
    assert_true(s.too_large_version);
    assert_true(s.has_retry_after);
    assert_int_equal(s.retry_after_s, 1);
}

static void older_servers_say_too_large_only_in_a_text(void **state)
{
    struct kubestatus s;

    (void)state;
    s = from_json("{'code':504,'reason':'Timeout','message':'Timeout: x','details':{'causes':"
                  "[{'message':'Too large resource version'}]}}");
    assert_true(s.too_large_version);
    s = from_json("{'code':504,'reason':'Timeout','message':'Timeout: Too large resource version: "
                  "2, current: 1'}");
    assert_true(s.too_large_version);
    s = from_json("{'code':504,'message':'Too large resource version: 2, current: 1'}");
    assert_true(s.too_large_version); /* the reason is that of the code */
    s = from_json(
        "{'code':500,'reason':'InternalError','message':'Too large resource version: 2'}");
    assert_false(s.too_large_version);
    s = from_json("{'code':500,'details':{'causes':[{'message':'Too large resource version'}]}}");
    assert_false(s.too_large_version);
    s = from_json("{'code':504,'reason':'Timeout','message':'too slow'}");
    assert_false(s.too_large_version);
}

static void a_refusal_for_want_of_rights_keeps_its_words(void **state)
{
    struct kubestatus s = from_answer(
        403, JSON,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"services is forbidden: User \\\"sealway\\\" cannot list resource "
        "\\\"services\\\" in API group \\\"\\\" at the cluster scope\",\"reason\":\"Forbidden\","
        "\"details\":{\"kind\":\"services\"},\"code\":403}\n");

    (void)state;
    assert_says(&s, 403, "Forbidden",
                "services is forbidden: User \"sealway\" cannot list resource \"services\" in API "
                "group \"\" at the cluster scope");
}

static void credentials_that_are_refused_are_unauthorized(void **state)
{
    struct kubestatus s = from_answer(
        401, JSON,
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
        "\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}");

    (void)state;
    assert_says(&s, 401, "Unauthorized", "Unauthorized");
}

static void a_status_without_a_reason_gets_that_of_its_code(void **state)
{
    struct kubestatus s =
        from_json("{'kind':'Status','status':'Failure','message':'strconv.ParseUint','code':500}");

    (void)state;
    assert_says(&s, 500, "InternalError", "strconv.ParseUint");
}

static void what_is_missing_or_of_a_wrong_type_reads_as_absent(void **state)
{
    static const char *const TEXTS[] = {
        "{}",
        "[]",
        "[{'code':410}]",
        "'Status'",
        "null",
        "{'code':'410','reason':7,'message':[],'details':[]}",
        "{'code':99,'reason':'','message':null,'details':{'causes':'ResourceVersionTooLarge'}}",
        "{'code':600,'reason':'two words','details':{'causes':{},'retryAfterSeconds':'1'}}",
        "{'code':-1e400,'reason':'a\\u001b[0m','details':{'causes':[[],null,1,'x']}}",
        "{'code':1e400,'details':{'retryAfterSeconds':-1,'causes':[{'reason':1}]}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
        struct kubestatus s = from_json(TEXTS[i]);

        assert_says(&s, 500, "InternalError", "");
        assert_false(s.has_retry_after || s.too_large_version);
    }
    kubestatus_from_json(&(struct kubestatus){0}, NULL);
}

static void a_wait_of_any_size_fits(void **state)
{
    struct kubestatus s = from_json("{'code':429,'details':{'retryAfterSeconds':1e400}}");

    (void)state;
    assert_int_equal(s.retry_after_s, UINT32_MAX);
    s = from_json("{'code':429,'details':{'retryAfterSeconds':4294967294.9}}");
    assert_int_equal(s.retry_after_s, 4294967294u);
    s = from_json("{'code':429,'details':{'retryAfterSeconds':0}}");
    assert_true(s.has_retry_after);
    assert_int_equal(s.retry_after_s, 0);
}

/* ---- answers without one --------------------------------------------------------------------- */

static void plain_text_and_html_give_their_first_line(void **state)
{
    struct kubestatus s;

    (void)state;
    s = from_answer(429, "text/plain; charset=utf-8",
                    "Too many requests, please try again later.\n");
    assert_says(&s, 429, "TooManyRequests", "Too many requests, please try again later.");
    s = from_answer(502, "text/html", "\r\n<html><head>502 Bad Gateway</head> \r\n<body>x\r\n");
    assert_says(&s, 502, "InternalError", "<html><head>502 Bad Gateway</head>");
    s = from_answer(404, "text/plain", "404 page not found\n");
    assert_says(&s, 404, "NotFound", "404 page not found");
    s = from_answer(503, NULL, "");
    assert_says(&s, 503, "ServiceUnavailable", "");
    s = from_answer(504, JSON, "upstream timed out");
    assert_says(&s, 504, "Timeout", "upstream timed out");
}

static void a_status_is_believed_only_as_json_and_by_its_kind(void **state)
{
    const char status[] = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":\"m\"}";
    struct kubestatus s;

    (void)state;
    s = from_answer(410, "text/plain", status);
    assert_says(&s, 410, "Gone", status);
    s = from_answer(410, NULL, status);
    assert_says(&s, 410, "Gone", status);
    s = from_answer(410, "application/jsonp", status);
    assert_says(&s, 410, "Gone", status);
    s = from_answer(410, "Application/JSON;charset=utf-8", status);
    assert_says(&s, 410, "Expired", "m");
    s = from_answer(400, JSON, "{\"kind\":\"Pod\",\"reason\":\"Expired\"}");
    assert_says(&s, 400, "BadRequest", "{\"kind\":\"Pod\",\"reason\":\"Expired\"}");
    s = from_answer(400, JSON, "{\"kind\":\"Status\"} {}");
    assert_says(&s, 400, "BadRequest", "{\"kind\":\"Status\"} {}");
}

static void the_code_of_the_answer_counts_not_that_in_its_body(void **state)
{
    struct kubestatus s = from_answer(410, JSON, "{\"kind\":\"Status\",\"code\":200}");

    (void)state;
    assert_says(&s, 410, "Gone", "");
}

static void a_body_may_be_cut_anywhere(void **state)
{
    const char status[] = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410,\"details\":"
                          "{\"causes\":[{\"reason\":\"\\u00e9\"},1]}}";

    (void)state;
    for (size_t n = 0; n < sizeof(status) - 1; n++) {
        struct kubestatus s = from_body(410, JSON, status, n);

        assert_string_equal(s.reason, "Gone");
        assert_int_equal(strlen(s.message), n);
        assert_memory_equal(s.message, status, n);
    }
    assert_string_equal(from_body(410, JSON, status, sizeof(status) - 1).reason, "Expired");
}

static void a_nul_ends_the_message(void **state)
{
    struct kubestatus s = from_body(500, JSON, "{\"kind\":\"Status\",\"reason\":\"A\0B\"}", 32);

    (void)state;
    assert_says(&s, 500, "InternalError", "{\"kind\":\"Status\",\"reason\":\"A");
}

static void a_long_message_is_cut_where_a_character_ends(void **state)
{
    char body[1200] = "";

    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        struct kubestatus s;
        size_t len;

        memset(body, 'x', shift);
        for (size_t at = shift; at + 3 < sizeof(body); at += 3) {
            memcpy(body + at, "\xe2\x82\xac", 4);
        }
        s = from_answer(500, "text/plain", body);
        len = strlen(s.message);
        assert_true(len < sizeof(s.message) && len >= sizeof(s.message) - 3);
        assert_int_equal((len - shift) % 3, 0);
    }
    memset(body, '\xff', sizeof(body) - 1);
    assert_int_equal(strlen(from_answer(500, NULL, body).message), 511);
}

static void every_code_has_the_reason_client_go_gives_it(void **state)
{
    static const struct {
        int code;
        const char *reason;
    } ROWS[] = {
        {400, "BadRequest"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "NotFound"},
        {405, "MethodNotAllowed"},
        {406, "NotAcceptable"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "RequestEntityTooLarge"},
        {422, "Invalid"},
        {415, "UnsupportedMediaType"},
        {429, "TooManyRequests"},
        {500, "InternalError"},
        {502, "InternalError"},
        {503, "ServiceUnavailable"},
        {504, "Timeout"},
        {599, "InternalError"},
        {302, "Unknown"},
        {418, "Unknown"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        assert_string_equal(from_answer(ROWS[i].code, NULL, "").reason, ROWS[i].reason);
    }
}

static void no_answer_at_all_is_code_0(void **state)
{
    struct kubestatus s;

    (void)state;
    memset(&s, 0xa5, sizeof(s));
    kubestatus_unreachable(&s, "Could not resolve host");
    assert_says(&s, 0, "Unreachable", "Could not resolve host");
    assert_false(s.has_retry_after || s.too_large_version);
}

static void torture_body(void *ctx)
{
    const char status[] = "{\"kind\":\"Status\",\"reason\":\"Expired\",\"code\":410}";
    struct kubestatus s;

    (void)ctx;
    kubestatus_from_answer(&s, 410, JSON, status, sizeof(status) - 1);
    assert_int_equal(s.code, 410);
    assert_true(strcmp(s.reason, "Expired") == 0 || strcmp(s.reason, "Gone") == 0);
}

static uint32_t cause_of(const char *message)
{
    struct kubestatus s;

    kubestatus_unreachable(&s, message);
    return kubestatus_cause(&s);
}

static void a_cause_is_a_code_or_the_words_but_for_numbers(void **state)
{
    struct kubestatus s = {.code = 503};

    (void)state;
    assert_int_equal(kubestatus_cause(&s), 503);
    assert_int_equal(cause_of("no way to 10.0.0.1:6443 after 3 ms"),
                     cause_of("no way to 10.0.0.22:443 after 1500 ms"));
    assert_int_not_equal(cause_of("no way to 10.0.0.1"), cause_of("no words from 10.0.0.1"));
    assert_true(cause_of("") > 1000);
    assert_true(cause_of("12") > 1000);
}

static void without_memory_the_code_is_still_told(void **state)
{
    (void)state;
    assert_true(failalloc_torture(torture_body, NULL) >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_version_is_told_by_its_code),
        cmocka_unit_test(a_version_that_is_too_large_is_told_by_its_cause),
        cmocka_unit_test(older_servers_say_too_large_only_in_a_text),
        cmocka_unit_test(a_refusal_for_want_of_rights_keeps_its_words),
        cmocka_unit_test(credentials_that_are_refused_are_unauthorized),
        cmocka_unit_test(a_status_without_a_reason_gets_that_of_its_code),
        cmocka_unit_test(what_is_missing_or_of_a_wrong_type_reads_as_absent),
        cmocka_unit_test(a_wait_of_any_size_fits),
        cmocka_unit_test(plain_text_and_html_give_their_first_line),
        cmocka_unit_test(a_status_is_believed_only_as_json_and_by_its_kind),
        cmocka_unit_test(the_code_of_the_answer_counts_not_that_in_its_body),
        cmocka_unit_test(a_body_may_be_cut_anywhere),
        cmocka_unit_test(a_nul_ends_the_message),
        cmocka_unit_test(a_long_message_is_cut_where_a_character_ends),
        cmocka_unit_test(every_code_has_the_reason_client_go_gives_it),
        cmocka_unit_test(no_answer_at_all_is_code_0),
        cmocka_unit_test(a_cause_is_a_code_or_the_words_but_for_numbers),
        cmocka_unit_test(without_memory_the_code_is_still_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
