/* What may come back: answers in order, refusals, and everything a broken peer can say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/kube/kubeanswer_priv.h"
#include "base/limits.h"
#include "kubeauth_standin.h"
#include "support/client_scene.h"
#include "support/failalloc.h"

static struct client_scene k;
static struct client_call a;

static int set_up(void **state)
{
    (void)state;
    memset(&a, 0, sizeof(a));
    kube_auth_init();
    client_scene_init(&k);
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    client_scene_open(&k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_scene_fini(&k);
    client_call_fini(&a);
    return 0;
}

/* Ask, and be answered so. */
static void get(const char *answer, enum answer_then then)
{
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
    answerer_add(k.answers, answer, then);
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.done, 1);
}

static void assert_failed(const char *words)
{
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_int_equal(a.result.status.code, 0);
    assert_string_equal(a.result.status.reason, "Unreachable");
    if (strstr(a.result.status.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", a.result.status.message, words);
    }
    assert_non_null(strstr(a.result.status.message, k.server)); /* whom it is about */
}

static void assert_refused(int code, const char *reason, const char *message)
{
    assert_int_equal(a.result.how, KUBERESULT_REFUSED);
    assert_int_equal(a.result.status.code, code);
    assert_string_equal(a.result.status.reason, reason);
    if (strstr(a.result.status.message, message) == NULL) {
        fail_msg("'%s' does not say '%s'", a.result.status.message, message);
    }
    assert_int_equal(a.heads + a.pieces, 0); /* no part of it was taken for objects */
    assert_false(a.result.began);
}

/* ---- in order ---------------------------------------------------------------------------------
 */

static void a_chunked_body_that_ends_in_order_is_whole(void **state)
{
    (void)state;
    get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ANSWER_KEEP);
    assert_int_equal(a.result.how, KUBERESULT_OK);
    assert_memory_equal(a.body.data, "abcde", 5);
}

static void interim_heads_and_trailers_are_not_the_head(void **state)
{
    (void)state;
    get("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
        "3\r\nabc\r\n0\r\nX-End: 1\r\n\r\n",
        ANSWER_KEEP);
    assert_int_equal(a.result.how, KUBERESULT_OK);
    assert_int_equal(a.heads, 1);
}

static void a_compressed_list_comes_decompressed(void **state)
{
    static const unsigned char PACKED[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
                                           0x02, 0xff, 0xab, 0x56, 0xca, 0x2c, 0x49, 0xcd,
                                           0x2d, 0x56, 0xb2, 0x8a, 0x8e, 0xad, 0x05, 0x00,
                                           0x1d, 0x1f, 0x43, 0xea, 0x0c, 0x00, 0x00, 0x00};
    char answer[512];
    size_t len;

    (void)state;
    len = (size_t)snprintf(answer, sizeof(answer),
                           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                           "Content-Length: %zu\r\n\r\n",
                           sizeof(PACKED));
    memcpy(answer + len, PACKED, sizeof(PACKED));
    answerer_add_bytes(k.answers, answer, len + sizeof(PACKED), ANSWER_KEEP);
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_OK);
    assert_int_equal(a.body.len, 12);
    assert_memory_equal(a.body.data, "{\"items\":[]}", 12);
    assert_non_null(strcasestr(answerer_request(k.answers, 0), "\r\nAccept-Encoding: gzip\r\n"));
    get("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", ANSWER_KEEP);
    assert_failed("cannot be decompressed");
}

static void a_watch_never_asks_for_compression(void **state)
{
    (void)state;
    answerer_add_json(k.answers, "{}");
    client_call_watch(&a, &k, "/w?watch=1");
    assert_true(client_call_end(&a));
    assert_null(strcasestr(answerer_request(k.answers, 0), "Accept-Encoding"));
}

/* ---- refusals ---------------------------------------------------------------------------------
 */

static void a_410_with_a_length_and_a_close_is_read_as_any_other(void **state)
{
    static const char BODY[] =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"too old\","
        "\"reason\":\"Expired\",\"code\":410}";
    char answer[512];

    (void)state;
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 410 Gone\r\nContent-Type: application/json\r\nConnection: close\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   sizeof(BODY) - 1, BODY);
    get(answer, ANSWER_CLOSE);
    assert_refused(410, "Expired", "too old");
}

static void errors_without_a_status_object_are_refusals(void **state)
{
    (void)state;
    get("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", ANSWER_KEEP);
    assert_refused(500, "InternalError", "");
    get("HTTP/1.1 502 x\r\nContent-Type: text/html\r\nContent-Length: 23\r\n\r\n"
        "<h1>Bad Gateway</h1>\r\n\r",
        ANSWER_KEEP);
    assert_refused(502, "InternalError", "Bad Gateway");
    get("HTTP/1.1 503 x\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nlate", ANSWER_KEEP);
    assert_refused(503, "ServiceUnavailable", "late");
    get("HTTP/1.1 504 x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n{\"a\"",
        ANSWER_KEEP);
    assert_refused(504, "Timeout", "");
}

static void retry_after_is_read_from_the_header(void **state)
{
    static const struct {
        const char *value;
        bool has;
        uint32_t s;
    } ROWS[] = {{"5", true, 5}, {"0", true, 0}, {"soon", false, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char answer[256];

        (void)snprintf(answer, sizeof(answer),
                       "HTTP/1.1 429 x\r\nRetry-After: %s\r\nContent-Length: 8\r\n\r\ntoo many",
                       ROWS[i].value);
        get(answer, ANSWER_KEEP);
        assert_refused(429, "TooManyRequests", "too many");
        assert_int_equal(a.result.status.has_retry_after, ROWS[i].has);
        assert_int_equal(a.result.status.retry_after_s, ROWS[i].s);
    }
    get("HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", ANSWER_KEEP);
    assert_false(a.result.status.has_retry_after);
}

static void a_redirect_is_not_followed(void **state)
{
    char answer[256];

    (void)state;
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 307 x\r\nLocation: %s/elsewhere\r\nContent-Length: 0\r\n\r\n",
                   k.server);
    get(answer, ANSWER_KEEP);
    assert_refused(307, "Unknown", "/elsewhere");
    assert_int_equal(answerer_requests(k.answers), 1);
    get("HTTP/1.1 304 x\r\n\r\n", ANSWER_KEEP);
    assert_refused(304, "Unknown", "redirect");
}

static void of_an_endless_refusal_enough_is_read(void **state)
{
    char kilobyte[1025];

    (void)state;
    memset(kilobyte, 'x', sizeof(kilobyte) - 1);
    kilobyte[sizeof(kilobyte) - 1] = '\0';
    answerer_add(k.answers, "HTTP/1.1 503 x\r\nContent-Type: text/plain\r\n\r\n", ANSWER_MORE);
    answerer_add(k.answers, kilobyte, ANSWER_FLOOD);
    client_call_watch(&a, &k, "/w");
    assert_true(client_call_end(&a));
    assert_refused(503, "ServiceUnavailable", "xxx");
}

static void a_refusal_cut_short_is_one_all_the_same(void **state)
{
    (void)state;
    get("HTTP/1.1 403 x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nno",
        ANSWER_RESET);
    assert_refused(403, "Forbidden", "");
}

/* ---- no answer --------------------------------------------------------------------------------
 */

static void a_body_cut_short_is_a_failure_that_had_begun(void **state)
{
    (void)state;
    get("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":", ANSWER_CLOSE);
    assert_failed("cut short");
    assert_true(a.result.began);
    get("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ANSWER_CLOSE);
    assert_failed("cut short");
    assert_int_equal(a.heads, 1);
}

static void a_connection_closed_without_an_answer_is_told(void **state)
{
    (void)state;
    get("", ANSWER_CLOSE);
    assert_failed("closed without an answer");
    assert_false(a.result.began);
}

static bool has_pieces(void *ctx)
{
    const struct client_call *c = ctx;

    return c->pieces > 0;
}

static void a_reset_is_told(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
                 ANSWER_MORE);
    client_call_watch(&a, &k, "/w");
    assert_true(client_scene_run(&k, has_pieces, &a));
    answerer_add(k.answers, "", ANSWER_RESET);
    assert_true(client_call_end(&a));
    assert_failed("connection broke");
    assert_true(a.result.began);
}

static void garbage_is_no_answer(void **state)
{
    (void)state;
    get("SSH-2.0-OpenSSH_9.2\r\n", ANSWER_CLOSE);
    assert_failed("no HTTP");
    get("\x15\x03\x01\x02\x02", ANSWER_CLOSE);
    assert_failed("no HTTP");
    assert_int_equal(a.heads + a.pieces, 0);
}

static void a_refused_connection_is_told_with_its_cause(void **state)
{
    (void)state;
    answerer_stop(k.answers);
    k.answers = NULL;
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    assert_failed("cannot connect");
    assert_non_null(strstr(a.result.status.message, "Connection refused"));
}

static void a_name_without_address_is_told(void **state)
{
    (void)state;
    kubeclient_free(k.client);
    (void)snprintf(k.server, sizeof(k.server), "https://nowhere.invalid:1");
    client_scene_open(&k);
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    assert_failed("has no address");
}

static void flood(const char *start, const char *again, const char *words)
{
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
    answerer_add(k.answers, start, ANSWER_MORE);
    answerer_add(k.answers, again, ANSWER_FLOOD);
    client_call_watch(&a, &k, "/w");
    assert_true(client_call_end(&a));
    assert_failed(words);
}

static void a_head_without_end_is_cut(void **state)
{
    (void)state;
    flood("HTTP/1.1 200 OK\r\n", "X-Filler: 0123456789\r\n", "too large");
    flood("", "HTTP/1.1 100 Continue\r\n\r\n", "too large");
    flood("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X-Trailer: 1\r\n",
          "too large");
    flood("HTTP/1.1 200 OK\r\nX-Long: ", "0123456789", k.server);
}

static void warnings_and_unknown_headers_change_nothing(void **state)
{
    char *log;
    const char *first;

    (void)state;
    client_log_catch();
    for (int i = 0; i < 2; i++) {
        get("HTTP/1.1 200 OK\r\nWarning: 299 - \"v1 Endpoints is deprecated\"\r\n"
            "X-Kubernetes-PF-FlowSchema-UID: 1\r\nX-Unheard-Of: 2\r\nContent-Length: 0\r\n\r\n",
            ANSWER_KEEP);
        assert_int_equal(a.result.how, KUBERESULT_OK);
    }
    log = client_log_release();
    first = strstr(log, "v1 Endpoints is deprecated");
    assert_non_null(first);
    assert_null(strstr(first + 1, "v1 Endpoints is deprecated"));
    free(log);
}

static void refuse_memory(void *ctx)
{
    struct kuberequest_config cfg = {0};
    struct kubeanswer answer;
    struct kuberesult result;
    CURL *easy = ctx;

    kubeanswer_init(&answer, &cfg, NULL);
    assert_int_equal(kubeanswer_attach(&answer, easy), CURLE_OK);
    kubeanswer_judge(&answer, CURLE_OUT_OF_MEMORY, "https://api", &result);
    assert_int_equal(result.how, KUBERESULT_FAILED);
    kubeanswer_fini(&answer);
}

static void judging_takes_no_memory(void **state)
{
    CURL *easy = curl_easy_init();

    (void)state;
    assert_int_equal(failalloc_torture(refuse_memory, easy), 0);
    curl_easy_cleanup(easy);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_chunked_body_that_ends_in_order_is_whole),
        ROW(interim_heads_and_trailers_are_not_the_head),
        ROW(a_compressed_list_comes_decompressed),
        ROW(a_watch_never_asks_for_compression),
        ROW(a_410_with_a_length_and_a_close_is_read_as_any_other),
        ROW(errors_without_a_status_object_are_refusals),
        ROW(retry_after_is_read_from_the_header),
        ROW(a_redirect_is_not_followed),
        ROW(of_an_endless_refusal_enough_is_read),
        ROW(a_refusal_cut_short_is_one_all_the_same),
        ROW(a_body_cut_short_is_a_failure_that_had_begun),
        ROW(a_connection_closed_without_an_answer_is_told),
        ROW(a_reset_is_told),
        ROW(garbage_is_no_answer),
        ROW(a_refused_connection_is_told_with_its_cause),
        ROW(a_name_without_address_is_told),
        ROW(a_head_without_end_is_cut),
        ROW(warnings_and_unknown_headers_change_nothing),
        ROW(judging_takes_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
