#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fake_apiserver.h"
#include "support/certs.h"
#include "support/curl_client.h"

/* What the fake does when nobody told it otherwise: lists, watches, refusals. */

#define INGRESSES "/apis/networking.k8s.io/v1/ingresses"
#define SLICES    "/apis/discovery.k8s.io/v1/endpointslices"

static struct tempdir dir;
static struct certs *certs;
static struct fakeapi *api;
static struct curl_client client;
static char base[256];

static int setup(void **state)
{
    char cert[PATH_MAX], ca[PATH_MAX];
    struct fakeapi_config cfg = {.cert = cert};

    (void)state;
    tempdir_make(&dir);
    certs = certs_new(&dir);
    certs_issue(certs, "api", "localhost,IP:127.0.0.1");
    certs_path(certs, "api", cert);
    api = fakeapi_start(&cfg);
    fakeapi_url(api, NULL, base);
    curl_client_init(&client, certs_path(certs, "ca", ca));
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

static bool says(const char *words)
{
    if (strstr(client.text, words) == NULL) {
        print_message("no \"%s\" in: %s\n", words, client.text);
        return false;
    }
    return true;
}

static long get(const char *path)
{
    return curl_client_get(&client, base, path);
}

static void an_empty_list_has_a_version_and_no_items(void **state)
{
    (void)state;
    assert_int_equal(get(INGRESSES), 200);
    assert_string_equal(client.text, "{\"kind\":\"IngressList\",\"apiVersion\":\"networking.k8s.io/"
                                     "v1\",\"metadata\":{\"resourceVersion\":\"100\"},"
                                     "\"items\":[]}\n");
}

static void objects_are_listed_as_written_with_the_servers_metadata(void **state)
{
    (void)state;
    assert_int_equal(fakeapi_put(api,
                                 "{ \"apiVersion\": \"v1\", \"kind\":\"Service\",\"metadata\" :"
                                 "{\"namespace\":\"a\",\"resourceVersion\":\"7\",\"name\":"
                                 "\"s\", \"labels\":{\"x\":\"\\u00e9}\\\"\"}},\"n\":1e400,"
                                 "\"l\":[{},[\"]\"]],\"z\":null}"),
                     101);
    assert_int_equal(get("/api/v1/namespaces/a/services"), 200);
    assert_true(says("\"items\":[{\"metadata\":{\"name\":\"s\",\"namespace\":\"a\",\"uid\":\""));
    assert_true(says("\"labels\":{\"x\":\"\\u00e9}\\\"\"},\"resourceVersion\":\"101\"},\"n\":1e400,"
                     "\"l\":[{},[\"]\"]],\"z\":null}]}"));
    assert_int_equal(get("/api/v1/namespaces/b/services"), 200);
    assert_true(says("\"items\":[]"));
    assert_int_equal(get("/api/v1/namespaces/a/services/s"), 200);
    assert_true(says("{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\""));
    assert_int_equal(get("/api/v1/namespaces/a/services/t"), 404);
    assert_true(says("\"reason\":\"NotFound\""));
}

static void an_object_keeps_its_uid_until_it_is_deleted(void **state)
{
    char *first, *second, *third;

    (void)state;
    fakeapi_put_service(api, "a", "s");
    first = fakeapi_event(api, "X", FAKEAPI_SERVICES, "a", "s");
    fakeapi_put_service(api, "a", "s");
    second = fakeapi_event(api, "X", FAKEAPI_SERVICES, "a", "s");
    fakeapi_delete(api, FAKEAPI_SERVICES, "a", "s");
    fakeapi_put_service(api, "a", "s");
    third = fakeapi_event(api, "X", FAKEAPI_SERVICES, "a", "s");
    assert_non_null(strstr(first, "000000000001"));
    assert_non_null(strstr(second, "000000000001"));
    assert_non_null(strstr(second, "\"resourceVersion\":\"102\""));
    assert_non_null(strstr(third, "000000000002"));
    free(first);
    free(second);
    free(third);
}

static void every_usual_object_has_its_collection(void **state)
{
    const unsigned range[2] = {256, 3};

    (void)state;
    fakeapi_put_class(api, "sealway", "sealway.io/ingress-controller");
    fakeapi_put_ingress(api, "a", "i", NULL, "s");
    fakeapi_put_endpoints(api, "a", "s", "10.0.0.1 10.0.0.2");
    fakeapi_put_slice(api, "a", "s", "");
    fakeapi_put_slice_n(api, "a", "s", 2, range);
    assert_int_equal(get("/apis/networking.k8s.io/v1/ingressclasses"), 200);
    assert_true(says("\"controller\":\"sealway.io/ingress-controller\""));
    assert_int_equal(get("/apis/networking.k8s.io/v1/ingressclasses/sealway"), 200);
    assert_int_equal(get(INGRESSES), 200);
    assert_true(says("\"rules\":[{\"http\""));
    assert_int_equal(get("/api/v1/endpoints"), 200);
    assert_true(says("[{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"}]"));
    assert_int_equal(get(SLICES), 200);
    assert_true(says("\"endpoints\":null"));
    assert_true(says("[\"10.0.1.2\"]"));
    assert_int_equal(fakeapi_count(api, FAKEAPI_ENDPOINTSLICES), 2);
}

static void discovery_names_slices_until_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(get("/apis/discovery.k8s.io/v1"), 200);
    assert_true(says("\"kind\":\"APIResourceList\""));
    assert_true(says("\"name\":\"endpointslices\""));
    fakeapi_behave(api, &(struct fakeapi_behaviour){.no_slices = true});
    assert_int_equal(get("/apis/discovery.k8s.io/v1"), 404);
    assert_string_equal(client.text, "404 page not found\n");
    assert_int_equal(get(SLICES), 404);
    assert_int_equal(get("/apis/nobody.example/v1/things"), 404);
}

/* The continue token of the answer at hand, as it goes into a query. */
static const char *next_page(const char *limit, char out[256])
{
    const char *at = strstr(client.text, "\"continue\":\"");
    char token[64];
    char *escaped;

    assert_non_null(at);
    at += strlen("\"continue\":\"");
    snprintf(token, sizeof(token), "%.*s", (int)strcspn(at, "\""), at);
    escaped = curl_easy_escape(client.easy, token, 0);
    snprintf(out, 256, INGRESSES "?limit=%s&continue=%s", limit, escaped);
    curl_free(escaped);
    return out;
}

static void pages_show_one_moment(void **state)
{
    char path[256];

    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    fakeapi_put_ingress(api, "a", "3", "3.example.com", "s");
    assert_int_equal(get(INGRESSES "?limit=2"), 200);
    assert_true(says("\"remainingItemCount\":1"));
    assert_int_equal(curl_client_count(&client, "\"uid\""), 2);
    fakeapi_delete(api, FAKEAPI_INGRESSES, "a", "3");
    assert_int_equal(get(next_page("2", path)), 200);
    assert_true(says("\"resourceVersion\":\"103\"},\"items\":[{\"metadata\":{\"name\":\"3\""));
    assert_null(strstr(client.text, "continue"));
    assert_int_equal(
        fakeapi_requests(api, &(struct fakeapi_match){.verb = FAKEAPI_LIST, .page = 2}), 1);
}

static void a_page_is_refused_with_a_version_and_gone_after_compaction(void **state)
{
    char path[256], with_version[300];

    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    assert_int_equal(get(INGRESSES "?limit=1"), 200);
    next_page("1", path);
    snprintf(with_version, sizeof(with_version), "%s&resourceVersion=5", path);
    assert_int_equal(get(with_version), 400);
    assert_true(says("specifying resource version is not allowed when using continue"));
    fakeapi_compact(api);
    assert_int_equal(get(path), 410);
    assert_true(says("\"metadata\":{\"continue\":"));
    assert_int_equal(get(INGRESSES "?limit=1&continue=k8+9/1/2=="), 400); /* plus is a space */
}

static void a_list_of_any_version_ignores_the_limit(void **state)
{
    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    assert_int_equal(get(INGRESSES "?limit=1&resourceVersion=0"), 200);
    assert_int_equal(curl_client_count(&client, "\"uid\""), 2);
    assert_int_equal(get(INGRESSES "?limit=1&resourceVersion=102"), 200);
    assert_int_equal(curl_client_count(&client, "\"uid\""), 1);
}

static void a_list_newer_than_the_server_is_too_large_unless_it_comes(void **state)
{
    const struct fakeapi_match lists = {.verb = FAKEAPI_LIST};

    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.too_new_ms = 1});
    assert_int_equal(get(INGRESSES "?resourceVersion=101"), 504);
    assert_true(says("Too large resource version: 101, current: 100"));
    assert_true(says("\"reason\":\"ResourceVersionTooLarge\""));
    assert_non_null(strstr(client.head, "Retry-After: 1\r\n"));

    fakeapi_behave(api, &(struct fakeapi_behaviour){.too_new_ms = 20000});
    curl_client_start(&client, base, INGRESSES "?resourceVersion=101");
    while (fakeapi_requests(api, &lists) < 2) {
        curl_client_turn(&client, 10);
    }
    fakeapi_put_service(api, "a", "s");
    assert_int_equal(curl_client_end(&client), 200);
}

static void custom_lists_have_kinds_in_items_and_metadata_last(void **state)
{
    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_behave(api, &(struct fakeapi_behaviour){.custom_like = true});
    assert_int_equal(get(INGRESSES), 200);
    assert_true(says("v1\",\"items\":[{\"kind\":\"Ingress\",\"apiVersion\":\"networking.k8s.io/v1"
                     "\",\"metadata\":{"));
    assert_true(says("}],\"metadata\":{\"resourceVersion\":\"101\"}}\n"));
}

static void a_watch_goes_on_from_its_version(void **state)
{
    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    curl_client_start(&client, base, INGRESSES "?watch=1&resourceVersion=101");
    assert_true(curl_client_until(&client, "2.example.com"));
    assert_null(strstr(client.text, "1.example.com"));
    fakeapi_put_ingress(api, "a", "1", "new.example.com", "s");
    assert_true(curl_client_until(&client, "new.example.com"));
    fakeapi_delete(api, FAKEAPI_INGRESSES, "a", "1");
    assert_true(curl_client_until(&client, "DELETED"));
    assert_true(says("{\"type\":\"ADDED\",\"object\":{\"kind\":\"Ingress\",\"apiVersion\":"
                     "\"networking.k8s.io/v1\",\"metadata\":{\"name\":\"2\""));
    assert_true(says("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Ingress\""));
    assert_true(says("\"resourceVersion\":\"104\"},\"spec\"")); /* of the deletion */
    assert_int_equal(curl_client_count(&client, "\n"), 3);
}

static void a_watch_without_a_version_begins_with_what_there_is(void **state)
{
    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "b", "2", "2.example.com", "s");
    curl_client_start(&client, base,
                      "/apis/networking.k8s.io/v1/namespaces/b/ingresses?watch=true");
    assert_true(curl_client_until(&client, "2.example.com"));
    fakeapi_put_ingress(api, "b", "2", "3.example.com", "s");
    assert_true(curl_client_until(&client, "3.example.com"));
    assert_null(strstr(client.text, "1.example.com"));
}

static void a_watch_of_lost_history_is_told_410_in_band(void **state)
{
    (void)state;
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    fakeapi_compact(api);
    assert_int_equal(get(INGRESSES "?watch=1&resourceVersion=101"), 200);
    assert_string_equal(client.text,
                        "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\","
                        "\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old resource "
                        "version: 101 (102)\",\"reason\":\"Expired\",\"code\":410}}\n");
    curl_client_start(&client, base, INGRESSES "?watch=1&resourceVersion=102");
    fakeapi_put_ingress(api, "a", "3", "3.example.com", "s");
    assert_true(curl_client_until(&client, "3.example.com"));
}

static void history_is_bounded_as_told(void **state)
{
    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.history = 2});
    for (int i = 0; i < 5; i++) {
        fakeapi_putf(api,
                     "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":"
                     "\"s%d\",\"namespace\":\"a\"}}",
                     i);
    }
    assert_int_equal(get("/api/v1/services?watch=1&resourceVersion=102"), 200);
    assert_true(says("\"code\":410"));
    curl_client_start(&client, base, "/api/v1/services?watch=1&resourceVersion=103");
    assert_true(curl_client_until(&client, "s4"));
    assert_int_equal(curl_client_count(&client, "ADDED"), 2);
}

static void a_watch_of_the_future_is_silent_until_it_comes(void **state)
{
    (void)state;
    curl_client_start(&client, base, INGRESSES "?watch=1&resourceVersion=102&timeoutSeconds=600");
    while (fakeapi_watches(api, FAKEAPI_INGRESSES) == 0) {
        curl_client_turn(&client, 10);
    }
    fakeapi_put_ingress(api, "a", "1", "1.example.com", "s");
    fakeapi_put_ingress(api, "a", "2", "2.example.com", "s");
    fakeapi_put_ingress(api, "a", "3", "3.example.com", "s");
    assert_true(curl_client_until(&client, "3.example.com"));
    assert_int_equal(curl_client_count(&client, "ADDED"), 1);
    assert_int_equal(get(INGRESSES "?watch=1&resourceVersion=abc"), 500);
    assert_null(strstr(client.text, "reason"));
}

static void put_labelled(const char *labels)
{
    fakeapi_putf(api,
                 "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\","
                 "\"namespace\":\"a\",\"labels\":%s}}",
                 labels);
}

static void a_selector_turns_leaving_into_deletion(void **state)
{
    static const char *const found[] = {"x", "x%3D1", "x%3D%3D1", "x!%3D2", "!y", "x%3D1,!y"};
    static const char *const not_found[] = {"y", "x%3D2", "x!%3D1", "!x", "x%3D1,y"};
    char path[128];

    (void)state;
    put_labelled("{\"x\":\"1\"}");
    for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/services?labelSelector=%s", found[i]);
        assert_int_equal(get(path), 200);
        assert_int_equal(curl_client_count(&client, "\"uid\""), 1);
    }
    for (size_t i = 0; i < sizeof(not_found) / sizeof(not_found[0]); i++) {
        snprintf(path, sizeof(path), "/api/v1/services?labelSelector=%s", not_found[i]);
        assert_int_equal(get(path), 200);
        assert_true(says("\"items\":[]"));
    }
    put_labelled("{}");
    put_labelled("{\"x\":\"2\"}");
    curl_client_start(&client, base,
                      "/api/v1/services?watch=1&resourceVersion=101&labelSelector=x");
    assert_true(curl_client_until(&client, "ADDED"));
    assert_true(says("{\"type\":\"DELETED\""));
    assert_true(says("\"labels\":{\"x\":\"1\"},\"resourceVersion\":\"102\""));
}

static void fields_are_names_and_namespaces(void **state)
{
    (void)state;
    fakeapi_put_service(api, "a", "s");
    fakeapi_put_service(api, "b", "t");
    assert_int_equal(get("/api/v1/services?fieldSelector=metadata.name%3Ds"), 200);
    assert_int_equal(curl_client_count(&client, "\"uid\""), 1);
    assert_int_equal(get("/api/v1/services?fieldSelector=metadata.namespace%3Dc"), 200);
    assert_true(says("\"items\":[]"));
    assert_int_equal(get("/api/v1/services?fieldSelector=spec.type%3DClusterIP"), 400);
    assert_true(says("is not a known field selector"));
}

static void only_reading_is_allowed(void **state)
{
    (void)state;
    curl_easy_setopt(client.easy, CURLOPT_POSTFIELDS, "{}");
    assert_int_equal(get(INGRESSES), 405);
    curl_easy_setopt(client.easy, CURLOPT_HTTPGET, 1L);
    assert_int_equal(get(INGRESSES), 200);
    assert_int_equal(fakeapi_accepted(api), 1);
}

static void a_timed_watch_ends_with_a_bookmark_and_the_last_chunk(void **state)
{
    (void)state;
    fakeapi_behave(api, &(struct fakeapi_behaviour){.watch_ms = 1});
    assert_int_equal(get(SLICES "?watch=1&resourceVersion=100&allowWatchBookmarks=true"), 200);
    assert_int_equal(client.result, CURLE_OK);
    assert_string_equal(client.text,
                        "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"EndpointSlice\","
                        "\"apiVersion\":\"discovery.k8s.io/v1\",\"metadata\":{\"resourceVersion\":"
                        "\"100\",\"creationTimestamp\":null},\"addressType\":\"\",\"endpoints\":"
                        "null,\"ports\":null}}\n");
    assert_int_equal(get(SLICES "?watch=1&resourceVersion=100"), 200);
    assert_string_equal(client.text, "");
    fakeapi_behave(api, &(struct fakeapi_behaviour){.watch_ms = 0});
    assert_int_equal(get(SLICES "?watch=1&resourceVersion=100&timeoutSeconds=0"), 200);
    assert_int_equal(fakeapi_accepted(api), 1); /* all over one connection */
}

static void tokens_are_looked_at_with_each_request(void **state)
{
    struct fakeapi_request r;

    (void)state;
    fakeapi_set_tokens(api, "one", "two");
    assert_int_equal(get(INGRESSES), 401);
    assert_true(says("\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}"));
    curl_client_header(&client, "Authorization: Bearer two");
    assert_int_equal(get(INGRESSES), 200);
    fakeapi_set_tokens(api, "three", NULL);
    assert_int_equal(get(INGRESSES), 401);
    assert_true(fakeapi_last_request(api, NULL, &r));
    assert_string_equal(r.authorization, "Bearer two");
    assert_string_equal(r.user_agent, "sealway-test");
    assert_string_equal(r.method, "GET");
    assert_string_equal(r.path, INGRESSES);
    assert_int_equal(r.status, 401);
    assert_int_equal(r.number, 3);
    assert_int_equal(r.connection, 1);
}

static void verbs_and_resources_are_forbidden_one_by_one(void **state)
{
    (void)state;
    fakeapi_forbid(api, FAKEAPI_LIST, FAKEAPI_SERVICES, true);
    assert_int_equal(get("/api/v1/services"), 403);
    assert_true(says("services is forbidden: User \\\"sealway\\\" cannot list resource "
                     "\\\"services\\\" in API group \\\"\\\" at the cluster scope"));
    assert_int_equal(get(INGRESSES), 200);
    fakeapi_forbid(api, FAKEAPI_LIST, FAKEAPI_SERVICES, false);
    assert_int_equal(get("/api/v1/services"), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(an_empty_list_has_a_version_and_no_items),
        TEST(objects_are_listed_as_written_with_the_servers_metadata),
        TEST(an_object_keeps_its_uid_until_it_is_deleted),
        TEST(every_usual_object_has_its_collection),
        TEST(discovery_names_slices_until_told_otherwise),
        TEST(pages_show_one_moment),
        TEST(a_page_is_refused_with_a_version_and_gone_after_compaction),
        TEST(a_list_of_any_version_ignores_the_limit),
        TEST(a_list_newer_than_the_server_is_too_large_unless_it_comes),
        TEST(custom_lists_have_kinds_in_items_and_metadata_last),
        TEST(a_watch_goes_on_from_its_version),
        TEST(a_watch_without_a_version_begins_with_what_there_is),
        TEST(a_watch_of_lost_history_is_told_410_in_band),
        TEST(history_is_bounded_as_told),
        TEST(a_watch_of_the_future_is_silent_until_it_comes),
        TEST(a_selector_turns_leaving_into_deletion),
        TEST(fields_are_names_and_namespaces),
        TEST(only_reading_is_allowed),
        TEST(a_timed_watch_ends_with_a_bookmark_and_the_last_chunk),
        TEST(tokens_are_looked_at_with_each_request),
        TEST(verbs_and_resources_are_forbidden_one_by_one),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
