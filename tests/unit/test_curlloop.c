#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../src/kube/curlloop_priv.h"
#include "support/answerer.h"
#include "support/failalloc.h"
#include "support/wait_until.h"

static struct event_base *base;
static struct answerer *server;
static struct curlloop *loop;
static unsigned done, broken;
static CURLcode code;

static void on_done(void *ctx, CURL *easy, CURLcode result)
{
    (void)ctx;
    if (easy == NULL) {
        broken++;
        return;
    }
    done++;
    code = result;
    curl_easy_cleanup(easy);
}

static size_t ignore(char *bytes, size_t size, size_t n, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return size * n;
}

static CURL *request(void)
{
    CURL *easy = curl_easy_init();
    struct netaddr addr = answerer_addr(server);
    char url[100], text[NETADDR_TEXT_MAX];

    (void)snprintf(url, sizeof(url), "http://%s/", netaddr_format(&addr, text));
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_URL, url), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_PROXY, ""), CURLE_OK);
    assert_int_equal(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore), CURLE_OK);
    return easy;
}

static int set_up(void **state)
{
    (void)state;
    done = broken = 0;
    base = event_base_new();
    server = answerer_start(&(struct answerer_config){0});
    loop = curlloop_new(base, on_done, NULL);
    return loop != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    curlloop_unref(loop);
    loop = NULL;
    event_base_free(base);
    answerer_stop(server);
    return 0;
}

static bool is_over(void *ctx)
{
    (void)ctx;
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    return done + broken > 0;
}

static void a_transfer_ends_from_the_loop(void **state)
{
    (void)state;
    answerer_add_json(server, "{}");
    assert_int_equal(curlloop_add(loop, request()), CURLM_OK);
    assert_int_equal(done, 0);
    assert_true(wait_until(is_over, NULL, 20000));
    assert_int_equal(done, 1);
    assert_int_equal(code, CURLE_OK);
    assert_false(curlloop_is_broken(loop));
}

static bool has_asked(void *ctx)
{
    (void)ctx;
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
    return answerer_requests(server) > 0;
}

/* Answered only once it is off the loop; a second one shows that the answer had its time. */
static void a_transfer_taken_off_is_not_told_of(void **state)
{
    CURL *easy = request();

    (void)state;
    assert_int_equal(curlloop_add(loop, easy), CURLM_OK);
    assert_true(wait_until(has_asked, NULL, 20000));
    assert_int_equal(done, 0);
    curlloop_remove(loop, easy);
    answerer_add_json(server, "{}");
    answerer_add_json(server, "{}");
    assert_int_equal(curlloop_add(loop, request()), CURLM_OK);
    assert_true(wait_until(is_over, NULL, 20000));
    assert_int_equal(done, 1);
    curl_easy_cleanup(easy);
}

static void let_go(void *ctx, CURL *easy, CURLcode result)
{
    struct curlloop **own = ctx;

    (void)result;
    curl_easy_cleanup(easy);
    curlloop_unref(*own);
    *own = NULL;
    done++;
}

static void the_last_one_may_let_go_in_the_callback(void **state)
{
    struct curlloop *own = curlloop_new(base, let_go, &own);

    (void)state;
    answerer_add_json(server, "{}");
    assert_int_equal(curlloop_add(own, request()), CURLM_OK);
    assert_true(wait_until(is_over, NULL, 20000));
    assert_null(own);
}

static void it_lives_while_anybody_holds_it(void **state)
{
    struct curlloop *held = curlloop_ref(loop);

    (void)state;
    curlloop_unref(loop);
    answerer_add_json(server, "{}");
    assert_int_equal(curlloop_add(held, request()), CURLM_OK);
    assert_true(wait_until(is_over, NULL, 20000));
}

/* Either it works, or it says that it is broken; never does a transfer wait for ever. */
static void transfer(void *ctx)
{
    CURL *easy = ctx;
    struct curlloop *own = curlloop_new(base, on_done, NULL);

    if (own == NULL) {
        return;
    }
    done = broken = 0;
    easy = curl_easy_duphandle(easy);
    assert_int_equal(curlloop_add(own, easy), CURLM_OK);
    if (!curlloop_is_broken(own)) {
        assert_true(wait_until(is_over, NULL, 20000));
    }
    if (done == 0) {
        assert_true(curlloop_is_broken(own));
        curlloop_remove(own, easy);
        curl_easy_cleanup(easy);
    }
    curlloop_unref(own);
}

static void without_memory_for_an_event_it_says_that_it_is_broken(void **state)
{
    CURL *easy = request();

    (void)state;
    for (int i = 0; i < 30; i++) {
        answerer_add_json(server, "{}");
    }
    assert_in_range(failalloc_torture(transfer, easy), 2, 20);
    curl_easy_cleanup(easy);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_transfer_ends_from_the_loop),
        ROW(a_transfer_taken_off_is_not_told_of),
        ROW(the_last_one_may_let_go_in_the_callback),
        ROW(it_lives_while_anybody_holds_it),
        ROW(without_memory_for_an_event_it_says_that_it_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
