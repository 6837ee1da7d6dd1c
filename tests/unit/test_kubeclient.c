/* Requests as their owner sees them: begun, ended, cancelled, waiting for credentials. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "kubeauth_standin.h"
#include "support/client_scene.h"
#include "support/failalloc.h"
#include "support/wait_until.h"

static struct client_scene k;
static struct client_call a, b;

static int set_up(void **state)
{
    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    kube_auth_init();
    client_scene_init(&k);
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_scene_fini(&k);
    client_call_fini(&a);
    client_call_fini(&b);
    return 0;
}

static void open_and_get(struct client_call *c, const char *path)
{
    client_scene_open(&k);
    client_call_get(c, &k, path);
}

static void assert_body(const struct client_call *c, const char *body)
{
    assert_int_equal(c->body.len, strlen(body));
    assert_memory_equal(c->body.data, body, c->body.len);
}

/* ---- a request's life -------------------------------------------------------------------------
 */

static void an_answer_comes_as_head_body_and_end(void **state)
{
    (void)state;
    answerer_add_json(k.answers, "{}");
    open_and_get(&a, "/api/v1/services?limit=500");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_OK);
    assert_int_equal(a.result.status.code, 200);
    assert_true(a.result.began);
    assert_int_equal(a.heads, 1);
    assert_int_equal(a.done, 1);
    assert_body(&a, "{}");
    assert_true(k.moved > 0);
}

static void nothing_is_called_from_within_start(void **state)
{
    (void)state;
    kube_auth.state = KUBEAUTH_FAILED;
    kube_auth.error = "no token";
    open_and_get(&a, "/");
    assert_int_equal(a.done, 0);
    assert_int_equal(kube_auth.gets, 0);
    assert_true(client_call_end(&a));
}

static void requests_one_after_the_other_share_a_connection(void **state)
{
    (void)state;
    answerer_add_json(k.answers, "1");
    answerer_add_json(k.answers, "2");
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    client_call_get(&b, &k, "/b");
    assert_true(client_call_end(&b));
    assert_body(&b, "2");
    assert_int_equal(answerer_connections(k.answers), 1);
}

static void a_watch_holds_nobody_up(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nw1\r\n",
                 ANSWER_KEEP);
    answerer_add_json(k.answers, "b");
    client_scene_open(&k);
    client_call_watch(&a, &k, "/w?watch=true");
    assert_true(client_scene_run_requests(&k, 1));
    client_call_get(&b, &k, "/list");
    assert_true(client_call_end(&b));
    assert_int_equal(b.result.how, KUBERESULT_OK);
    assert_body(&a, "w1");
    assert_int_equal(a.done, 0);
    assert_int_equal(answerer_connections(k.answers), 2);
}

#define TURN_BYTES (512u * 1024)

static size_t turn_bytes;

/* As who decodes it, so that the server is ahead. */
static void take_time(struct client_call *c)
{
    uint64_t until_us = clock_now_us() + 100;

    turn_bytes += c->body.len;
    c->body.len = 0;
    while (clock_now_us() < until_us) {
        /* busy */
    }
}

/* Timers and the other threads' bells wait for the end of a turn: seconds, were all taken that a
 * server has to say. */
static void a_watch_that_never_pauses_is_taken_in_small_turns(void **state)
{
    static char chunk[64 * 1024 + 16];
    size_t taken = 0, most = 0;

    (void)state;
    memset(chunk, ' ', sizeof(chunk));
    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ANSWER_MORE);
    answerer_add_bytes(k.answers, chunk, 7 + 65536 + 2, ANSWER_FLOOD);
    client_scene_open(&k);
    a.on_bytes = take_time;
    client_call_watch(&a, &k, "/w?watch=true");
    while (taken < 16 * TURN_BYTES) {
        turn_bytes = 0;
        assert_int_equal(event_base_loop(k.base, EVLOOP_ONCE), 0);
        assert_int_equal(a.done, 0);
        taken += turn_bytes;
        most = turn_bytes > most ? turn_bytes : most;
    }
    assert_in_range(most, 1, TURN_BYTES);
}

static void a_cancelled_request_is_not_heard_of_again(void **state)
{
    (void)state;
    open_and_get(&a, "/a");
    assert_true(client_scene_run_requests(&k, 1));
    kuberequest_cancel(a.request);
    answerer_add_json(k.answers, "late");
    answerer_add_json(k.answers, "b");
    client_call_get(&b, &k, "/b");
    assert_true(client_call_end(&b));
    assert_int_equal(a.heads + a.pieces + a.done, 0);
}

static void one_cancelled_before_it_began_is_never_sent(void **state)
{
    (void)state;
    answerer_add_json(k.answers, "b");
    open_and_get(&a, "/a");
    kuberequest_cancel(a.request);
    client_call_get(&b, &k, "/b");
    assert_true(client_call_end(&b));
    assert_int_equal(answerer_requests(k.answers), 1);
    assert_int_equal(a.done, 0);
}

static void cancel_me(struct client_call *c)
{
    kuberequest_cancel(c->request);
}

static bool both_were_called(void *ctx)
{
    (void)ctx;
    return a.heads > 0 && b.pieces > 0;
}

static void a_request_may_be_cancelled_from_its_own_callbacks(void **state)
{
    (void)state;
    client_scene_open(&k);
    a.on_head = cancel_me;
    answerer_add_json(k.answers, "a");
    client_call_get(&a, &k, "/a");
    answerer_add_json(k.answers, "b");
    assert_true(client_scene_run_requests(&k, 1));
    b.on_bytes = cancel_me;
    client_call_get(&b, &k, "/b");
    assert_true(client_scene_run_requests(&k, 2));
    assert_true(client_scene_run(&k, both_were_called, NULL));
    for (int i = 0; i < 3; i++) {
        client_scene_spin(&k);
    }
    assert_int_equal(a.heads, 1);
    assert_int_equal(a.pieces + a.done, 0);
    assert_int_equal(b.done, 0);
}

static void cancelling_the_request_that_ends_is_harmless(void **state)
{
    (void)state;
    a.on_done = cancel_me;
    answerer_add_json(k.answers, "a");
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    client_scene_spin(&k);
    assert_int_equal(a.done, 1);
}

static void start_b(struct client_call *c)
{
    if (b.scene == NULL) {
        client_call_get(&b, c->scene, "/b");
    }
}

static void a_request_may_be_started_from_any_callback(void **state)
{
    void (**hooks[])(struct client_call *) = {&a.on_head, &a.on_bytes, &a.on_done};

    (void)state;
    client_scene_open(&k);
    for (size_t i = 0; i < 3; i++) {
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        *hooks[i] = start_b;
        answerer_add_json(k.answers, "1");
        answerer_add_json(k.answers, "2");
        client_call_get(&a, &k, "/a");
        assert_true(client_call_end(&a));
        assert_true(client_call_end(&b));
        assert_int_equal(b.result.how, KUBERESULT_OK);
        client_call_fini(&a);
        client_call_fini(&b);
    }
}

static void cancel_b(struct client_call *c)
{
    (void)c;
    kuberequest_cancel(b.request);
}

static void a_request_may_cancel_the_one_that_ends_next(void **state)
{
    (void)state;
    kube_auth.state = KUBEAUTH_FAILED;
    kube_auth.error = "no token";
    a.on_done = cancel_b;
    open_and_get(&a, "/a");
    client_call_get(&b, &k, "/b");
    assert_true(client_call_end(&a));
    client_scene_spin(&k);
    assert_int_equal(b.done, 0);
}

static void an_owner_who_wants_no_more_ends_it_without_words(void **state)
{
    (void)state;
    a.on_bytes_rc = -EINVAL;
    answerer_add_json(k.answers, "[]");
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_true(a.result.began);
    assert_int_equal(a.result.status.code, 0);
    assert_string_equal(a.result.status.message, "");
}

static void freeing_the_client_ends_all_without_a_word(void **state)
{
    (void)state;
    open_and_get(&a, "/a");
    assert_true(client_scene_run_requests(&k, 1));
    client_call_get(&b, &k, "/b");
    kubeclient_free(k.client);
    k.client = NULL;
    assert_int_equal(a.done + b.done, 0);
}

/* ---- names ------------------------------------------------------------------------------------
 */

static atomic_uint lookups, answered_lookups;
static atomic_bool nameservers_work;

static bool names_work(void *ctx)
{
    (void)ctx;
    return nameservers_work;
}

/* In place of the C library's: a nameserver that does not answer until it is told to. */
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)host;
    (void)service;
    (void)hints;
    (void)out;
    lookups++;
    (void)wait_until(names_work, NULL, 60000);
    answered_lookups++;
    return EAI_AGAIN;
}

static bool is_looking(void *ctx)
{
    (void)ctx;
    return lookups > 0;
}

static bool no_lookup_is_left(void *ctx)
{
    (void)ctx;
    return lookups == answered_lookups;
}

static void a_name_that_is_being_looked_up_holds_nobody_up(void **state)
{
    struct timespec before, after;

    (void)state;
    (void)snprintf(k.server, sizeof(k.server), "https://slow.test");
    open_and_get(&a, "/a");
    assert_true(client_scene_run(&k, is_looking, NULL)); /* the loop runs meanwhile */
    client_call_get(&b, &k, "/b");
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    kuberequest_cancel(a.request);
    client_scene_spin(&k);
    kubeclient_free(k.client);
    k.client = NULL;
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_true(after.tv_sec - before.tv_sec < 30); /* the lookup would have taken a minute */
    nameservers_work = true;
    assert_true(wait_until(no_lookup_is_left, NULL, 20000));
}

/* ---- credentials ------------------------------------------------------------------------------
 */

static void a_request_waits_for_a_credential_plugin(void **state)
{
    (void)state;
    kube_auth.state = KUBEAUTH_PENDING;
    answerer_add_json(k.answers, "a");
    open_and_get(&a, "/a");
    client_scene_spin(&k);
    client_scene_spin(&k);
    assert_int_equal(kube_auth.gets, 1);
    assert_int_equal(answerer_connections(k.answers), 0);
    kube_auth.state = KUBEAUTH_READY;
    kube_auth.now.token = "fresh";
    kube_auth_change();
    assert_true(client_call_end(&a));
    assert_non_null(strstr(answerer_request(k.answers, 0), "Authorization: Bearer fresh\r\n"));
}

static void without_credentials_a_request_fails_with_their_words(void **state)
{
    (void)state;
    kube_auth.state = KUBEAUTH_FAILED;
    kube_auth.error = "the plugin gcp-auth ended with 1";
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_string_equal(a.result.status.message, "the plugin gcp-auth ended with 1");
    assert_false(a.result.began);
}

static void a_401_makes_the_credentials_stale_and_the_next_request_has_new_ones(void **state)
{
    (void)state;
    client_clock_stop();
    answerer_add(k.answers, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ANSWER_KEEP);
    answerer_add_json(k.answers, "b");
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_REFUSED);
    assert_int_equal(a.result.status.code, 401);
    assert_int_equal(kube_auth.refused, 1);
    assert_int_equal(kube_auth.refused_at_ms, client_clock_ms);
    kube_auth.now.token = "renewed";
    client_call_get(&b, &k, "/b");
    assert_true(client_call_end(&b));
    assert_int_equal(b.result.how, KUBERESULT_OK);
    assert_non_null(strstr(answerer_request(k.answers, 1), "Authorization: Bearer renewed\r\n"));
}

static void reloading_reads_the_credentials_again(void **state)
{
    (void)state;
    client_scene_open(&k);
    kubeclient_reload(k.client);
    assert_int_equal(kube_auth.reloads, 1);
}

static void what_tls_went_by_before_is_not_used_again_but_may_end(void **state)
{
    (void)state;
    answerer_add_json(k.answers, "1");
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
    client_call_watch(&a, &k, "/w");
    assert_true(client_scene_run_requests(&k, 2));
    assert_int_equal(answerer_connections(k.answers), 1);
    kube_auth.now.tls_generation++;
    client_call_get(&b, &k, "/b");
    assert_true(client_scene_run_requests(&k, 3));
    assert_int_equal(answerer_connections(k.answers), 2);
    answerer_add_json(k.answers, "one of both");
    answerer_add_json(k.answers, "one of both");
    assert_true(client_call_end(&a));
    assert_true(client_call_end(&b));
    assert_int_equal(a.result.how, KUBERESULT_OK);
    assert_int_equal(b.result.how, KUBERESULT_OK);
}

static void the_token_stands_in_no_log_and_no_message(void **state)
{
    char *log;

    (void)state;
    kube_auth.now.token = "very-secret";
    client_log_catch();
    answerer_add(k.answers, "nonsense\r\n\r\n", ANSWER_CLOSE);
    open_and_get(&a, "/a");
    (void)client_call_end(&a);
    log = client_log_release();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_null(strstr(log, "very-secret"));
    assert_null(strstr(a.result.status.message, "very-secret"));
    free(log);
}

static void a_token_that_would_be_more_than_a_header_is_not_sent(void **state)
{
    (void)state;
    kube_auth.now.token = "a\r\nX-Evil: 1";
    open_and_get(&a, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_non_null(strstr(a.result.status.message, "no HTTP header can hold"));
    assert_int_equal(answerer_connections(k.answers), 0);
}

/* ---- what cannot be made ----------------------------------------------------------------------
 */

static void assert_refused(const char *server, const char *words)
{
    const struct kubeclient_config cfg = {.base = k.base, .access = &k.access, .agent = "x"};
    struct err e = {""};

    (void)snprintf(k.server, sizeof(k.server), "%s", server);
    assert_null(kubeclient_new(&cfg, &e));
    assert_non_null(strstr(e.text, words));
}

static void a_client_without_address_or_credentials_is_refused_with_words(void **state)
{
    (void)state;
    assert_refused("https://[::1", "no URL");
    kube_auth.fails_to_start = true;
    assert_refused("https://127.0.0.1", "ca.crt: no such file");
}

static void get_once(void *ctx)
{
    const struct kubeclient_config cfg = {.base = k.base, .access = &k.access, .agent = "x"};
    struct kuberequest_config request = {.method = "POST",
                                         .path = "/a",
                                         .body = "{}",
                                         .body_len = 2,
                                         .content_type = "application/json"};
    struct err e = {""};

    (void)ctx;
    memset(&a, 0, sizeof(a));
    k.client = kubeclient_new(&cfg, &e);
    if (k.client == NULL) {
        assert_string_not_equal(e.text, "");
        return;
    }
    client_call_start(&a, &k, &request);
    if (a.request != NULL) {
        assert_true(client_call_end(&a));
        if (a.result.how !=
            KUBERESULT_REFUSED) { /* the head may have been all there was room for */
            assert_int_equal(a.result.how, KUBERESULT_FAILED);
            assert_non_null(strstr(a.result.status.message, "out of memory"));
        }
    }
    kubeclient_free(k.client);
    k.client = NULL;
}

static void lack_of_memory_fails_requests_and_leaves_nothing_behind(void **state)
{
    (void)state;
    k.access.tls_server_name = NULL;
    for (int i = 0; i < 60; i++) {
        answerer_add(k.answers,
                     "HTTP/1.1 500 No\r\nWarning: 299 - \"x\"\r\nContent-Length: 2\r\n\r\nno",
                     ANSWER_KEEP);
    }
    log_configure(LOG_ERROR, LOG_TEXT);
    assert_in_range(failalloc_torture(get_once, NULL), 10, 60);
    log_configure(LOG_INFO, LOG_TEXT);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(an_answer_comes_as_head_body_and_end),
        ROW(nothing_is_called_from_within_start),
        ROW(requests_one_after_the_other_share_a_connection),
        ROW(a_watch_holds_nobody_up),
        ROW(a_watch_that_never_pauses_is_taken_in_small_turns),
        ROW(a_cancelled_request_is_not_heard_of_again),
        ROW(one_cancelled_before_it_began_is_never_sent),
        ROW(a_request_may_be_cancelled_from_its_own_callbacks),
        ROW(cancelling_the_request_that_ends_is_harmless),
        ROW(a_request_may_be_started_from_any_callback),
        ROW(a_request_may_cancel_the_one_that_ends_next),
        ROW(an_owner_who_wants_no_more_ends_it_without_words),
        ROW(freeing_the_client_ends_all_without_a_word),
        ROW(a_name_that_is_being_looked_up_holds_nobody_up),
        ROW(a_request_waits_for_a_credential_plugin),
        ROW(without_credentials_a_request_fails_with_their_words),
        ROW(a_401_makes_the_credentials_stale_and_the_next_request_has_new_ones),
        ROW(reloading_reads_the_credentials_again),
        ROW(what_tls_went_by_before_is_not_used_again_but_may_end),
        ROW(the_token_stands_in_no_log_and_no_message),
        ROW(a_token_that_would_be_more_than_a_header_is_not_sent),
        ROW(a_client_without_address_or_credentials_is_refused_with_words),
        ROW(lack_of_memory_fails_requests_and_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
