/* Deadlines, and what is sent.  The clock stands still where it is not moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../src/kube/kuberequest_priv.h"
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
    client_clock_stop();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    client_scene_fini(&k);
    client_call_fini(&a);
    return 0;
}

static void pass(uint64_t ms)
{
    client_clock_ms += ms;
    kubeclient_turn(k.client, client_clock_ms);
}

static bool has_pieces(void *ctx)
{
    const struct client_call *c = ctx;

    return c->pieces > 0;
}

static bool has_head(void *ctx)
{
    const struct client_call *c = ctx;

    return c->heads > 0;
}

static bool is_due(void *ctx)
{
    const uint64_t *ms = ctx;

    return kubeclient_due_ms(k.client) == *ms;
}

/* Run until so much of the answer has come that this is when to look at it. */
static void run_until_due(uint64_t ms)
{
    assert_true(client_scene_run(&k, is_due, &ms));
}

static bool is_connected(void *ctx)
{
    (void)ctx;
    return answerer_connections(k.answers) > 0;
}

/* Just before its time nothing, at its time the end, from the loop. */
static void assert_ends_at(uint64_t due_ms, const char *words)
{
    assert_int_equal(kubeclient_due_ms(k.client), due_ms);
    pass(due_ms - client_clock_ms - 1);
    client_scene_spin(&k);
    assert_int_equal(a.done, 0);
    pass(1);
    assert_int_equal(a.done, 0);
    assert_int_equal(kubeclient_due_ms(k.client), UINT64_MAX); /* nothing more to look at */
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    if (strstr(a.result.status.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", a.result.status.message, words);
    }
}

static void without_requests_nothing_is_due(void **state)
{
    (void)state;
    assert_int_equal(kubeclient_due_ms(k.client), UINT64_MAX);
}

static void no_answer_ends_a_request_at_its_deadline(void **state)
{
    uint64_t began = client_clock_ms;

    (void)state;
    client_call_get(&a, &k, "/a");
    assert_true(client_scene_run_requests(&k, 1));
    assert_ends_at(began + KUBECLIENT_LIST_MS, "no answer in time");
}

static void a_head_that_goes_on_for_ever_ends_at_the_deadline(void **state)
{
    uint64_t began = client_clock_ms;

    (void)state;
    client_call_get(&a, &k, "/a");
    assert_true(client_scene_run_requests(&k, 1));
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nX-A: 1\r\n", ANSWER_MORE);
    run_until_due(began + KUBECLIENT_SLOW_MS);
    pass(KUBECLIENT_SLOW_MS - 1);
    answerer_add(k.answers, "X-B: 1\r\n", ANSWER_MORE);
    run_until_due(client_clock_ms + KUBECLIENT_SLOW_MS);
    pass(KUBECLIENT_SLOW_MS - 1);
    answerer_add(k.answers, "X-C: 1\r\n", ANSWER_MORE);
    run_until_due(began + KUBECLIENT_LIST_MS);
    assert_ends_at(began + KUBECLIENT_LIST_MS, "no complete answer in time");
}

static void a_body_that_stops_ends_a_list(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1", ANSWER_MORE);
    client_call_get(&a, &k, "/a");
    assert_true(client_scene_run(&k, has_pieces, &a));
    assert_ends_at(client_clock_ms + KUBECLIENT_SLOW_MS, "stopped for 30 s");
    assert_true(a.result.began);
}

static void a_watch_may_be_silent_for_hours(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ANSWER_MORE);
    client_call_watch(&a, &k, "/w");
    assert_true(client_scene_run(&k, has_head, &a));
    assert_int_equal(kubeclient_due_ms(k.client), UINT64_MAX);
    pass(10 * 3600 * 1000);
    client_scene_spin(&k);
    answerer_add(k.answers, "2\r\nok\r\n", ANSWER_MORE);
    assert_true(client_scene_run(&k, has_pieces, &a));
    assert_int_equal(a.done, 0);
}

static void a_refusal_that_stops_ends_a_watch_with_what_came(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 403 x\r\nContent-Type: text/plain\r\n\r\nno", ANSWER_MORE);
    client_call_watch(&a, &k, "/w");
    run_until_due(client_clock_ms + KUBECLIENT_SLOW_MS);
    pass(KUBECLIENT_SLOW_MS);
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_REFUSED);
    assert_int_equal(a.result.status.code, 403);
}

static void a_plugin_that_does_not_end_ends_the_request(void **state)
{
    (void)state;
    kube_auth.state = KUBEAUTH_PENDING;
    client_call_get(&a, &k, "/a");
    client_scene_spin(&k);
    assert_ends_at(client_clock_ms + KUBECLIENT_LIST_MS, "no credentials in time");
}

/* A listener whose queue is full takes no more connections: neither refused nor accepted. */
struct full {
    int listener, first, second;
};

static struct full fill(struct client_scene *scene)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    struct full f = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0),
                     socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};

    assert_int_equal(bind(f.listener, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(listen(f.listener, 0), 0);
    assert_int_equal(getsockname(f.listener, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(connect(f.first, (struct sockaddr *)&sa, len), 0);
    (void)connect(f.second, (struct sockaddr *)&sa, len);
    (void)snprintf(scene->server, sizeof(scene->server), "https://127.0.0.1:%u",
                   ntohs(sa.sin_port));
    return f;
}

static void a_connection_that_does_not_come_ends_a_watch_after_10_s(void **state)
{
    struct full f;

    (void)state;
    kubeclient_free(k.client);
    f = fill(&k);
    client_scene_open(&k);
    client_call_watch(&a, &k, "/w");
    client_scene_spin(&k);
    assert_ends_at(client_clock_ms + KUBECLIENT_CONNECT_MS, "no connection within 10 s");
    close(f.listener);
    close(f.first);
    close(f.second);
}

static void a_handshake_that_does_not_go_on_ends_it_too(void **state)
{
    (void)state;
    kubeclient_free(k.client);
    client_scene_say_https(&k); /* the server waits for the end of a request */
    client_scene_open(&k);
    client_call_get(&a, &k, "/a");
    assert_true(client_scene_run(&k, is_connected, NULL));
    assert_ends_at(client_clock_ms + KUBECLIENT_CONNECT_MS, "no connection within 10 s");
}

static void an_idle_connection_that_is_dead_is_replaced(void **state)
{
    (void)state;
    answerer_add(k.answers, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ANSWER_CLOSE);
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
    answerer_add_json(k.answers, "2");
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    assert_int_equal(a.result.how, KUBERESULT_OK);
}

static void a_body_is_sent_with_its_method_and_type(void **state)
{
    static const char *const METHODS[] = {"POST", "PUT", "PATCH"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct kuberequest_config cfg = {.method = METHODS[i],
                                         .path = "/a",
                                         .body = "{\"a\":1}",
                                         .body_len = 7,
                                         .content_type = "application/merge-patch+json",
                                         .deadline_ms = KUBECLIENT_WRITE_MS};
        const char *sent;

        client_call_fini(&a);
        memset(&a, 0, sizeof(a));
        answerer_add_json(k.answers, "{}");
        client_call_start(&a, &k, &cfg);
        assert_true(client_call_end(&a));
        assert_int_equal(a.result.how, KUBERESULT_OK);
        sent = answerer_request(k.answers, i);
        assert_memory_equal(sent, METHODS[i], strlen(METHODS[i]));
        assert_non_null(strstr(sent, "\r\nContent-Type: application/merge-patch+json\r\n"));
        assert_null(strstr(sent, "Expect"));
        assert_null(strstr(sent, "Accept-Encoding"));
        assert_non_null(strstr(sent, "\r\n\r\n{\"a\":1}"));
    }
}

static void a_request_says_who_asks_and_what_it_takes(void **state)
{
    const char *sent;

    (void)state;
    answerer_add_json(k.answers, "{}");
    client_call_get(&a, &k, "/a");
    assert_true(client_call_end(&a));
    sent = answerer_request(k.answers, 0);
    assert_non_null(strstr(sent, "\r\nUser-Agent: sealway/0 (test)\r\n"));
    assert_non_null(strstr(sent, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\nAuthorization: Bearer sesame\r\n"));
}

static void make_one(void *ctx)
{
    const struct kuberequest_config cfg = {.method = "PUT",
                                           .path = "/a",
                                           .body = "{}",
                                           .body_len = 2,
                                           .content_type = "application/json"};
    struct kuberequest *r = kuberequest_new(&cfg, ctx, NULL);

    kuberequest_free(r);
}

static void lack_of_memory_makes_no_request(void **state)
{
    struct event *wake = event_new(k.base, -1, 0, NULL, NULL);

    (void)state;
    assert_int_equal(failalloc_torture(make_one, wake), 5);
    event_free(wake);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(without_requests_nothing_is_due),
        ROW(no_answer_ends_a_request_at_its_deadline),
        ROW(a_head_that_goes_on_for_ever_ends_at_the_deadline),
        ROW(a_body_that_stops_ends_a_list),
        ROW(a_watch_may_be_silent_for_hours),
        ROW(a_refusal_that_stops_ends_a_watch_with_what_came),
        ROW(a_plugin_that_does_not_end_ends_the_request),
        ROW(a_connection_that_does_not_come_ends_a_watch_after_10_s),
        ROW(a_handshake_that_does_not_go_on_ends_it_too),
        ROW(an_idle_connection_that_is_dead_is_replaced),
        ROW(a_body_is_sent_with_its_method_and_type),
        ROW(a_request_says_who_asks_and_what_it_takes),
        ROW(lack_of_memory_makes_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
