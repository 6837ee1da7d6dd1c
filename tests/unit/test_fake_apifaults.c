#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fakes/fake_apiserver.h"
#include "support/certs.h"
#include "support/curl_client.h"

/* What the fake does when told to go wrong. */

#define INGRESSES "/apis/networking.k8s.io/v1/ingresses"
#define WATCH     INGRESSES "?watch=1&allowWatchBookmarks=true&resourceVersion=100"

static struct tempdir dir;
static struct certs *certs;
static struct fakeapi *api;
static struct curl_client client;
static char base[256];

static const struct fakeapi_match any = {.verb = FAKEAPI_ANY_VERB};
static const struct fakeapi_match lists = {.verb = FAKEAPI_LIST};

static const char *pem(const char *file, char out[PATH_MAX])
{
    return certs_path(certs, file, out);
}

static int setup(void **state)
{
    char cert[PATH_MAX], ca[PATH_MAX];
    struct fakeapi_config cfg = {.cert = cert};

    (void)state;
    tempdir_make(&dir);
    certs = certs_new(&dir);
    certs_issue(certs, "api", "localhost,IP:127.0.0.1");
    pem("api", cert);
    api = fakeapi_start(&cfg);
    fakeapi_url(api, NULL, base);
    curl_client_init(&client, pem("ca", ca));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    curl_client_fini(&client);
    fakeapi_stop(api);
    certs_free(certs);
    tempdir_remove(&dir);
    return 0;
}

static long get(const char *path)
{
    return curl_client_get(&client, base, path);
}

static void script(const struct fakeapi_match *m, unsigned times, struct fakeapi_answer a)
{
    fakeapi_script(api, m, times, &a);
}

/* Open a watch and wait until the server knows. */
static void watch(const char *path)
{
    curl_client_start(&client, base, path);
    while (fakeapi_watches(api, FAKEAPI_INGRESSES) == 0) {
        curl_client_turn(&client, 10);
    }
}

static void put_one(const char *name)
{
    fakeapi_put_ingress(api, "a", name, "x.example.com", "s");
}

static void scripts_answer_as_often_as_told_and_in_order(void **state)
{
    (void)state;
    script(&lists, 2,
           (struct fakeapi_answer){.status = 429,
                                   .body = "slow down",
                                   .content_type = "text/plain",
                                   .head = "Retry-After: 5\r\n"});
    script(&lists, 1, (struct fakeapi_answer){.status = 500, .chunked = true, .body = "{}"});
    script(&(struct fakeapi_match){.verb = FAKEAPI_GET}, 0, (struct fakeapi_answer){.status = 503});
    assert_int_equal(get(INGRESSES), 429);
    assert_string_equal(client.text, "slow down");
    assert_non_null(strstr(client.head, "Retry-After: 5\r\n"));
    assert_non_null(strstr(client.head, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(client.head, "Content-Length: 9\r\n"));
    assert_int_equal(get("/version"), 503);
    assert_non_null(strstr(client.text, "\"reason\":\"ServiceUnavailable\""));
    assert_int_equal(get(INGRESSES), 429);
    assert_int_equal(get(INGRESSES), 500);
    assert_non_null(strstr(client.head, "Transfer-Encoding: chunked\r\n"));
    assert_int_equal(get(INGRESSES), 200);
    assert_int_equal(get("/version"), 503);
    fakeapi_unscript(api);
    assert_int_equal(get("/version"), 200);
    assert_int_equal(fakeapi_accepted(api), 1);
}

static void a_script_concerns_what_it_matches(void **state)
{
    const struct fakeapi_match m = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_SERVICES, .ns = "a", .query = "limit=5"};

    (void)state;
    script(&m, 0, (struct fakeapi_answer){.status = 410});
    assert_int_equal(get("/api/v1/services?limit=5"), 200);
    assert_int_equal(get("/api/v1/namespaces/b/services?limit=5"), 200);
    assert_int_equal(get("/api/v1/namespaces/a/services"), 200);
    assert_int_equal(get("/api/v1/namespaces/a/endpoints?limit=5"), 200);
    assert_int_equal(get("/api/v1/namespaces/a/services?limit=5"), 410);
}

static void a_usual_answer_is_cut_where_told(void **state)
{
    static const struct {
        enum fakeapi_cut cut;
        CURLcode code;
    } ends[] = {{FAKEAPI_CLEAN, CURLE_OK},
                {FAKEAPI_CLOSE, CURLE_RECV_ERROR},
                {FAKEAPI_FIN, CURLE_RECV_ERROR},
                {FAKEAPI_RST, CURLE_RECV_ERROR}};

    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.piece_bytes = 7});
    for (int i = 0; i < 10; i++) {
        char name[16];

        snprintf(name, sizeof(name), "i%d", i);
        put_one(name);
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        script(&lists, 1, (struct fakeapi_answer){.cut = ends[i].cut, .cut_after = 1001});
        assert_int_equal(get(INGRESSES), 200);
        /* a reset also takes what was not read yet */
        assert_true(client.len == 1001 || (ends[i].cut == FAKEAPI_RST && client.len < 1001));
        if (ends[i].code == CURLE_OK) {
            assert_int_equal(client.result, CURLE_OK);
        } else {
            assert_int_not_equal(client.result, CURLE_OK);
        }
    }
    assert_int_equal(get(INGRESSES), 200);
    assert_int_equal(client.result, CURLE_OK);
}

static void an_answer_may_never_come(void **state)
{
    (void)state;
    script(&any, 1, (struct fakeapi_answer){.status = -1, .cut = FAKEAPI_RST});
    assert_int_equal(get(INGRESSES), 0);
    assert_int_equal(client.result, CURLE_RECV_ERROR);
    script(&any, 1, (struct fakeapi_answer){.status = -1});
    curl_client_start(&client, base, INGRESSES);
    while (fakeapi_requests(api, NULL) < 2) {
        curl_client_turn(&client, 10);
    }
    curl_client_turn(&client, 50);
    assert_int_equal(client.head_len, 0);
    script(&any, 1, (struct fakeapi_answer){.status = 200, .body = "{}", .cut = FAKEAPI_STALL});
    curl_client_start(&client, base, INGRESSES);
    while (client.head_len == 0 || strstr(client.head, "\r\n\r\n") == NULL) {
        curl_client_turn(&client, 10);
    }
    curl_client_turn(&client, 50);
    assert_string_equal(client.text, "");
    assert_false(client.done);
}

static void requests_are_held_until_released(void **state)
{
    (void)state;
    script(&lists, 1, (struct fakeapi_answer){.held = true});
    curl_client_start(&client, base, INGRESSES);
    while (fakeapi_held(api) == 0) {
        curl_client_turn(&client, 10);
    }
    put_one("late");
    fakeapi_release(api);
    assert_int_equal(curl_client_end(&client), 200);
    assert_non_null(strstr(client.text, "late"));
    script(&lists, 1, (struct fakeapi_answer){.held = true});
    curl_client_start(&client, base, INGRESSES);
    while (fakeapi_held(api) == 0) {
        curl_client_turn(&client, 10);
    }
    fakeapi_unscript(api);
    assert_int_equal(curl_client_end(&client), 200);
}

static void answers_drip_and_wait_as_told(void **state)
{
    uint64_t before = clock_now_us();

    (void)state;
    script(&lists, 1,
           (struct fakeapi_answer){
               .status = 200, .body = "0123456789", .drip_bytes = 1, .drip_ms = 5});
    assert_int_equal(get(INGRESSES), 200);
    assert_string_equal(client.text, "0123456789");
    assert_true(clock_now_us() - before >= 45000); /* nine gaps */
    before = clock_now_us();
    script(&lists, 1, (struct fakeapi_answer){.delay_ms = 30});
    assert_int_equal(get(INGRESSES), 200);
    assert_true(clock_now_us() - before >= 30000);
}

static void foreign_bytes_come_in_order_with_events(void **state)
{
    char *duplicate, *error = fakeapi_error_event(429, NULL, "too \"many\"");

    (void)state;
    watch(WATCH);
    put_one("one");
    fakeapi_inject_text(api, FAKEAPI_INGRESSES, "<garbage>");
    fakeapi_inject_text(api, FAKEAPI_SERVICES, "<of another>");
    put_one("two");
    duplicate = fakeapi_event(api, "ADDED", FAKEAPI_INGRESSES, "a", "one");
    fakeapi_inject_text(api, FAKEAPI_INGRESSES, duplicate);
    fakeapi_bookmark(api, FAKEAPI_INGRESSES);
    fakeapi_inject_text(api, FAKEAPI_INGRESSES, error);
    fakeapi_inject(api, FAKEAPI_INGRESSES, "{\"half", 6);
    fakeapi_cut(api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
    put_one("three");
    assert_int_equal(fakeapi_watches(api, FAKEAPI_INGRESSES), 0);
    assert_int_equal(curl_client_end(&client), 200);
    assert_int_equal(client.result, CURLE_OK);
    assert_true(strncmp(client.text, "{\"type\":\"ADDED\"", 15) == 0);
    assert_non_null(strstr(client.text, "}\n<garbage>{\"type\":\"ADDED\""));
    assert_int_equal(curl_client_count(&client, duplicate), 2);
    assert_non_null(strstr(client.text,
                           "}\n{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Ingress\","
                           "\"apiVersion\":\"networking.k8s.io/v1\",\"metadata\":{"
                           "\"resourceVersion\":\"102\""));
    assert_non_null(strstr(client.text, "\"message\":\"too \\\"many\\\"\",\"reason\":"
                                        "\"TooManyRequests\",\"code\":429}}\n{\"half"));
    assert_null(strstr(client.text, "three"));
    assert_null(strstr(client.text, "<of another>"));
    free(duplicate);
    free(error);
}

static void watches_are_cut_in_every_way(void **state)
{
    static const enum fakeapi_cut cuts[] = {FAKEAPI_CLOSE, FAKEAPI_FIN, FAKEAPI_RST};

    (void)state;
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        watch(INGRESSES "?watch=1");
        put_one("one");
        fakeapi_cut(api, FAKEAPI_ANY_RESOURCE, cuts[i]);
        assert_int_equal(curl_client_end(&client), 200);
        assert_int_not_equal(client.result, CURLE_OK);
        assert_true(cuts[i] == FAKEAPI_RST || strstr(client.text, "\"one\"") != NULL);
    }
    watch(INGRESSES "?watch=1");
    fakeapi_cut(api, FAKEAPI_INGRESSES, FAKEAPI_STALL);
    put_one("two");
    curl_client_turn(&client, 50);
    assert_null(strstr(client.text, "\"two\""));
    assert_false(client.done);
}

static void a_watch_is_written_in_pieces(void **state)
{
    char *event;

    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.piece_bytes = 1});
    watch(WATCH);
    fakeapi_put_ingress(api, "a", "one", "\\u00e9\xc3\xa9.example.com", "s");
    event = fakeapi_event(api, "ADDED", FAKEAPI_INGRESSES, "a", "one");
    assert_true(curl_client_until(&client, "}\n"));
    assert_string_equal(client.text, event);
    assert_true(fakeapi_wait_written(api, FAKEAPI_INGRESSES));
    free(event);
}

static void bookmarks_come_by_themselves_when_told(void **state)
{
    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.bookmark_ms = 1, .endless_watches = true});
    watch(WATCH "&timeoutSeconds=0");
    while (curl_client_count(&client, "BOOKMARK") < 3) {
        curl_client_turn(&client, 10);
    }
    assert_false(client.done);
}

static void nobody_listens_until_it_does_again(void **state)
{
    char ca[PATH_MAX];
    struct curl_client second;

    (void)state;
    curl_client_init(&second, pem("ca", ca));
    watch(WATCH);
    fakeapi_listen(api, false);
    assert_int_equal(curl_client_get(&second, base, INGRESSES), 0);
    assert_int_equal(second.result, CURLE_COULDNT_CONNECT);
    put_one("one"); /* while the old watch goes on */
    assert_true(curl_client_until(&client, "\"one\""));
    fakeapi_listen(api, true);
    assert_int_equal(curl_client_get(&second, base, INGRESSES), 200);
    curl_client_fini(&second);
}

static void a_frozen_server_goes_on_where_it_was(void **state)
{
    char ca[PATH_MAX];
    struct curl_client second;

    (void)state;
    curl_client_init(&second, pem("ca", ca));
    watch(WATCH);
    fakeapi_freeze(api, true);
    put_one("one");
    curl_client_start(&second, base, INGRESSES);
    curl_client_turn(&client, 30);
    curl_client_turn(&second, 30);
    assert_string_equal(client.text, "");
    assert_int_equal(second.head_len, 0);
    fakeapi_freeze(api, false);
    assert_true(curl_client_until(&client, "\"one\""));
    assert_int_equal(curl_client_end(&second), 200);
    curl_client_fini(&second);
}

static void all_connections_are_dropped_at_once(void **state)
{
    (void)state;
    watch(WATCH);
    fakeapi_drop(api, FAKEAPI_RST);
    assert_int_equal(fakeapi_watches(api, FAKEAPI_INGRESSES), 0);
    curl_client_end(&client);
    assert_int_equal(client.result, CURLE_RECV_ERROR);
    while (fakeapi_open(api) > 0) {
        curl_client_turn(&client, 1);
    }
    assert_int_equal(get(INGRESSES), 200);
    assert_int_equal(fakeapi_accepted(api), 2);
}

static void a_restored_server_has_older_versions_and_other_objects(void **state)
{
    static const char *const objects[] = {
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"old\",\"namespace\":"
        "\"a\",\"uid\":\"u\",\"creationTimestamp\":\"2020-01-01T00:00:00Z\"}}",
        NULL};

    (void)state;
    put_one("one");
    watch(WATCH);
    fakeapi_restore(api, 50, objects);
    assert_int_equal(curl_client_end(&client), 200);
    assert_int_equal(client.result, CURLE_OK);
    assert_int_equal(fakeapi_version(api), 51);
    assert_int_equal(get(INGRESSES), 200);
    assert_non_null(strstr(client.text, "\"resourceVersion\":\"51\"},\"items\":[]"));
    assert_int_equal(get("/api/v1/services"), 200);
    assert_non_null(strstr(client.text, "\"uid\":\"u\",\"creationTimestamp\":\"2020-01-01T00:00:00Z"
                                        "\",\"resourceVersion\":\"51\"}"));
    assert_int_equal(get("/api/v1/services?watch=1&resourceVersion=50"), 200);
    assert_non_null(strstr(client.text, "\"code\":410"));
}

static void a_new_authority_takes_over_at_run_time(void **state)
{
    struct tempdir other;
    struct certs *authority;
    char path[PATH_MAX], ca[PATH_MAX];

    (void)state;
    tempdir_make(&other);
    authority = certs_new(&other);
    certs_issue(authority, "api", "localhost,IP:127.0.0.1");
    assert_int_equal(get(INGRESSES), 200);
    fakeapi_use_cert(api, certs_path(authority, "api", path));
    assert_int_equal(get(INGRESSES), 200); /* the connection that is open */
    fakeapi_drop(api, FAKEAPI_FIN);
    assert_int_equal(get(INGRESSES), 0);
    assert_int_equal(client.result, CURLE_PEER_FAILED_VERIFICATION);
    curl_easy_setopt(client.easy, CURLOPT_CAINFO, certs_path(authority, "ca", ca));
    assert_int_equal(get(INGRESSES), 200);
    certs_free(authority);
    tempdir_remove(&other);
}

static void large_lists_are_gzipped_for_who_accepts_it(void **state)
{
    struct fakeapi_request r;
    size_t plain;

    (void)state;
    for (int i = 0; i < 500; i++) {
        char name[16];

        snprintf(name, sizeof(name), "i%d", i);
        put_one(name);
    }
    assert_int_equal(get(INGRESSES), 200);
    plain = client.len;
    assert_true(plain > 131072);
    assert_null(strstr(client.head, "gzip"));
    curl_easy_setopt(client.easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    assert_int_equal(get(INGRESSES), 200);
    assert_int_equal(client.result, CURLE_OK);
    assert_non_null(strstr(client.head, "Content-Encoding: gzip\r\n"));
    assert_int_equal(client.len, plain);
    assert_true(fakeapi_last_request(api, NULL, &r));
    assert_string_equal(r.accept_encoding, "gzip");
}

static void extra_headers_are_in_every_answer(void **state)
{
    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.extra_head = "Warning: 299 - \"old\"\r\n"});
    assert_int_equal(get(INGRESSES), 200);
    assert_non_null(strstr(client.head, "Warning: 299 - \"old\"\r\n"));
}

static void requests_are_counted_by_the_second(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(get(INGRESSES), 200);
    }
    assert_int_equal(get("/version"), 200);
    assert_in_range(fakeapi_busiest_second(api, &lists), 1, 5);
    assert_in_range(fakeapi_busiest_second(api, NULL), 1, 6);
    assert_int_equal(fakeapi_requests(api, &lists), 5);
    assert_true(fakeapi_wait_requests(api, &lists, 5));
}

static void what_open_watches_have_to_come_survives_compaction(void **state)
{
    char *large = malloc(3000001);

    (void)state;
    assert_non_null(large);
    memset(large, 'x', 3000000);
    large[3000000] = '\0';
    watch(WATCH);
    fakeapi_putf(api,
                 "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":"
                 "{\"name\":\"large\",\"namespace\":\"a\",\"annotations\":{\"a\":\"%s\"}}}",
                 large);
    put_one("behind");
    fakeapi_compact(api);
    assert_true(curl_client_until(&client, "\"behind\""));
    assert_true(client.len > 3000000);
    free(large);
}

static void the_time_an_event_was_written_is_known(void **state)
{
    uint64_t before = clock_now_us(), at, rv;

    (void)state;
    assert_int_equal(fakeapi_written_us(api, FAKEAPI_INGRESSES, 1), 0);
    watch(WATCH);
    rv = fakeapi_put_ingress(api, "a", "one", "x.example.com", "s");
    at = fakeapi_written_us(api, FAKEAPI_INGRESSES, rv);
    assert_in_range(at, before, clock_now_us());
    assert_true(curl_client_until(&client, "\"one\""));
}

static void a_server_may_be_set_up_otherwise(void **state)
{
    char cert[PATH_MAX], ca[PATH_MAX], url[256];
    struct fakeapi_config cfg = {.cert = pem("api", cert),
                                 .client_ca = pem("ca", ca),
                                 .prefix = "/k8s/c1",
                                 .rv_prefix = "340282366920938463463374607431",
                                 .first_version = 70000,
                                 .ipv6 = true};
    struct fakeapi *other;
    struct fakeapi_request r;

    (void)state;
    certs_issue(certs, "api", "sealway.example,IP:::1");
    other = fakeapi_start(&cfg);
    fakeapi_url(other, NULL, url);
    assert_non_null(strstr(url, "https://[::1]:"));
    curl_easy_setopt(client.easy, CURLOPT_SSLCERT, cert);
    curl_easy_setopt(client.easy, CURLOPT_SSLKEY, cert);
    assert_int_equal(curl_client_get(&client, url, INGRESSES), 200);
    assert_non_null(
        strstr(client.text, "\"resourceVersion\":\"34028236692093846346337460743170000\"}"));
    assert_int_equal(
        curl_client_get(&client, url,
                        INGRESSES "?watch=1&resourceVersion=34028236692093846346337460743169999"),
        200);
    assert_non_null(strstr(client.text, "\"code\":410"));
    assert_true(fakeapi_last_request(other, NULL, &r));
    assert_string_equal(r.client, "sealway.example,IP:::1");
    assert_string_equal(r.path, "/k8s/c1" INGRESSES);
    fakeapi_stop(other);
}

static void plain_http_is_served_without_a_certificate(void **state)
{
    struct fakeapi_config cfg = {.cert = NULL};
    struct fakeapi *other = fakeapi_start(&cfg);
    char url[256];

    (void)state;
    fakeapi_url(other, "localhost", url);
    curl_easy_setopt(client.easy, CURLOPT_IPRESOLVE, CURL_IPRESOLVE_V4);
    assert_int_equal(curl_client_get(&client, url, INGRESSES), 200);
    curl_client_start(&client, url, WATCH);
    while (fakeapi_watches(other, FAKEAPI_INGRESSES) == 0) {
        curl_client_turn(&client, 10);
    }
    fakeapi_put_ingress(other, "a", "one", "x.example.com", "s");
    assert_true(curl_client_until(&client, "\"one\""));
    fakeapi_cut(other, FAKEAPI_INGRESSES, FAKEAPI_RST);
    curl_client_end(&client);
    assert_int_equal(client.result, CURLE_RECV_ERROR);
    fakeapi_stop(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(scripts_answer_as_often_as_told_and_in_order),
        TEST(a_script_concerns_what_it_matches),
        TEST(a_usual_answer_is_cut_where_told),
        TEST(an_answer_may_never_come),
        TEST(requests_are_held_until_released),
        TEST(answers_drip_and_wait_as_told),
        TEST(foreign_bytes_come_in_order_with_events),
        TEST(watches_are_cut_in_every_way),
        TEST(a_watch_is_written_in_pieces),
        TEST(bookmarks_come_by_themselves_when_told),
        TEST(nobody_listens_until_it_does_again),
        TEST(a_frozen_server_goes_on_where_it_was),
        TEST(all_connections_are_dropped_at_once),
        TEST(a_restored_server_has_older_versions_and_other_objects),
        TEST(a_new_authority_takes_over_at_run_time),
        TEST(large_lists_are_gzipped_for_who_accepts_it),
        TEST(extra_headers_are_in_every_answer),
        TEST(requests_are_counted_by_the_second),
        TEST(what_open_watches_have_to_come_survives_compaction),
        TEST(the_time_an_event_was_written_is_known),
        TEST(a_server_may_be_set_up_otherwise),
        TEST(plain_http_is_served_without_a_certificate),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
