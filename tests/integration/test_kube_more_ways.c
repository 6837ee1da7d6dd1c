/*
 * What lies between: proxies, redirects, headers, addresses.
 *
 * Row 35 is of HTTP/2 (GOAWAY with live streams, few concurrent streams), which is not spoken. What
 * takes its place is that no watch can wait behind another: each has a connection of its own, told
 * below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/gobetween.h"
#include "support/kuberow.h"

#define WATCHES 4u

static const struct fakeapi_match all_watches = {.verb = FAKEAPI_WATCH};

static struct kubescene scene;
static struct gobetween *between;
static struct fakeapi *elsewhere;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    gobetween_stop(between);
    between = NULL;
    fakeapi_stop(elsewhere);
    elsewhere = NULL;
    return 0;
}

static bool is_live(void *ctx)
{
    return kuberow_is_live(ctx);
}

/* Started with `closed`, and changed since. */
static void open_shop(struct kubescene *s)
{
    fakeapi_put_class(s->api, "sealway", "sealway.io/ingress-controller");
    fakeapi_put_service(s->api, "shop", "web");
    fakeapi_put_slice(s->api, "shop", "web", "10.0.0.1");
    fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
    kuberow_grow_old(s);
}

static void set_text(char **at, const char *text)
{
    free(*at);
    *at = text != NULL ? strdup(text) : NULL;
    assert_true(*at != NULL || text == NULL);
}

static uint64_t total_relists(const struct kubescene *s)
{
    return kuberow_relists(s) + kubescene_figures(s, "ingressclasses")->relists +
           kubescene_figures(s, "services")->relists +
           kubescene_figures(s, "endpointslices")->relists;
}

/* ---- row 35 --------------------------------------------------------------------------------- */

/* Row 35: however many there are, all are open at the same time, and all are heard. */
static void each_watch_has_a_connection_of_its_own(void **state)
{
    static const char *const namespaces[] = {"a", "b", "c", "d", "e", NULL};
    const struct kubescene_config cfg = {.namespaces = namespaces};
    struct kubescene *s = &scene;
    struct fakeapi_request r, other;
    unsigned n;

    (void)state;
    kubescene_start(s, &cfg);
    assert_true(kubescene_complete(s));
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
    n = fakeapi_requests(s->api, &all_watches);
    assert_int_equal(n, 5 * 3 + 1);
    for (unsigned i = 0; i < n; i++) {
        kuberow_request(s, &all_watches, i, &r);
        for (unsigned k = 0; k < i; k++) {
            kuberow_request(s, &all_watches, k, &other);
            assert_int_not_equal(r.connection, other.connection);
        }
    }
    for (unsigned i = 0; namespaces[i] != NULL; i++) {
        fakeapi_put_ingress(s->api, namespaces[i], "web", "www.example.com", "web");
        fakeapi_put_service(s->api, namespaces[i], "web");
    }
    for (unsigned i = 0; namespaces[i] != NULL; i++) {
        assert_true(kubescene_has(s, OBJECT_INGRESS, namespaces[i], "web", 0));
        assert_true(kubescene_has(s, OBJECT_SERVICE, namespaces[i], "web", 0));
    }
    assert_int_equal(total_relists(s), 0);
}

/* ---- row 36 --------------------------------------------------------------------------------- */

static void start_between(struct kubescene *s, bool is_proxy, char text[NETADDR_TEXT_MAX])
{
    struct netaddr server = fakeapi_addr(s->api), addr;

    between = gobetween_start(&server, is_proxy);
    addr = gobetween_addr(between);
    (void)netaddr_format(&addr, text);
}

/* Row 36: a forward proxy that closes tunnels idle for a minute, as a cluster at night is. */
static void tunnels_closed_every_minute_cost_a_watch_each_and_no_list(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    char text[NETADDR_TEXT_MAX], url[128], expected[64], asked[256];
    struct kubescene *s = &scene;

    (void)state;
    kubescene_start(s, &cfg);
    start_between(s, true, text);
    snprintf(url, sizeof(url), "http://%s", text);
    set_text(&s->access.proxy_url, url);
    open_shop(s);
    snprintf(expected, sizeof(expected), "CONNECT localhost:%u HTTP/1.1", fakeapi_port(s->api));
    assert_string_equal(gobetween_asked(between, asked), expected);
    for (unsigned minute = 1; minute <= 12; minute++) {
        uint64_t version;

        kubescene_doze(s, 60000);
        gobetween_close_all(between);
        kubescene_settle(s, 20);
        assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
        assert_int_equal(fakeapi_requests(s->api, &all_watches), WATCHES * (1 + minute));
        version = fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
        assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "web", version));
    }
    assert_int_equal(total_relists(s), 0);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_ANY_RESOURCE), WATCHES);
    kuberow_expect_same(s);
}

/* A proxy that has read the answer to a watch keeps its last 4 KiB. */
static void start_behind_a_buffer(struct kubescene *s)
{
    const struct kubescene_config cfg = {.closed = true, .plain = true};
    char text[NETADDR_TEXT_MAX], url[128];

    kubescene_start(s, &cfg);
    start_between(s, false, text);
    snprintf(url, sizeof(url), "http://%s", text);
    set_text(&s->access.server, url);
    open_shop(s);
    gobetween_hold(between, 4096);
}

/* Row 36: the age of the last event is what shows it. */
static void what_a_proxy_keeps_back_comes_once_its_buffer_is_full(void **state)
{
    struct kubescene *s = &scene;
    int64_t heard_ms;
    unsigned n = 0;

    (void)state;
    start_behind_a_buffer(s);
    heard_ms = kubescene_figures(s, "ingresses")->last_event_ms;
    (void)fakeapi_put_ingress(s->api, "shop", "a0", "a.example.com", "web");
    assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
    kubescene_doze(s, 100000);
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "a0"));
    assert_int_equal(kubescene_figures(s, "ingresses")->last_event_ms, heard_ms);

    while (store_find(s->store, OBJECT_INGRESS, "shop", "a0") == NULL && n < 40) {
        char name[16];

        snprintf(name, sizeof(name), "a%u", ++n);
        (void)fakeapi_put_ingress(s->api, "shop", name, "a.example.com", "web");
        assert_true(fakeapi_wait_written(s->api, FAKEAPI_INGRESSES));
        kubescene_settle(s, 15);
    }
    assert_in_range(n, 2, 20);
    assert_true(kubescene_figures(s, "ingresses")->last_event_ms > heard_ms);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES), 1);
}

/* Row 36: a buffer that never fills is left behind at the end of the watch's time. */
static void what_a_proxy_keeps_back_for_ever_comes_by_the_next_watch(void **state)
{
    struct kubescene *s = &scene;
    uint64_t before, version;

    (void)state;
    start_behind_a_buffer(s);
    before = fakeapi_version(s->api);
    version = fakeapi_put_ingress(s->api, "shop", "late", "late.example.com", "web");
    kubescene_doze(s, 640000);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "late", version));
    kuberow_expect_watch(s, 1, before); /* nothing is skipped */
    assert_int_equal(kuberow_relists(s), 0);
}

/* ---- row 42 --------------------------------------------------------------------------------- */

static void expect_nobody_else_was_asked(struct kubescene *s, unsigned code)
{
    char words[32];
    struct fakeapi_request r;
    unsigned n = fakeapi_requests(s->api, NULL);

    snprintf(words, sizeof(words), ": %u ", code);
    assert_in_range(kubescene_said(s, words), 1, 2);
    assert_int_equal(fakeapi_accepted(elsewhere), 0);
    for (unsigned i = 0; i < n; i++) {
        kuberow_request(s, NULL, i, &r);
        assert_string_equal(r.authorization, "Bearer sesame");
    }
}

/* Row 42: neither list nor watch; it is a failure like another. */
static void a_redirect_is_not_followed(void **state)
{
    static const int codes[] = {301, 302, 303, 307, 308};
    const struct kubescene_config cfg = {.token = "sesame"};
    struct fakeapi_config trusted = {.cert = NULL};
    struct kubescene *s = &scene;
    char head[512], url[256], cert[PATH_MAX];
    unsigned watches = 1;

    (void)state;
    kuberow_start(s, &cfg);
    trusted.cert = certs_path(s->certs, "api", cert);
    elsewhere = fakeapi_start(&trusted);
    snprintf(head, sizeof(head), "Location: %s/apis/networking.k8s.io/v1/ingresses\r\n",
             fakeapi_url(elsewhere, "localhost", url));
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const struct fakeapi_answer away = {.status = codes[i], .head = head};

        fakeapi_script(s->api, &kuberow_watches, 1, &away); /* a list follows */
        fakeapi_script(s->api, &kuberow_lists, 1, &away);
        fakeapi_cut(s->api, FAKEAPI_INGRESSES, FAKEAPI_CLEAN);
        watches += 2;
        kuberow_await_watch(s, watches);
        expect_nobody_else_was_asked(s, (unsigned)codes[i]);
        kuberow_grow_old(s);
    }
    kuberow_expect_same(s);
    assert_int_equal(kuberow_errors(s), 2 * sizeof(codes) / sizeof(codes[0]));
}

/* ---- row 43 --------------------------------------------------------------------------------- */

/* Row 43: each warning once, though every answer has both; the rest is nobody's business. */
static void warnings_are_told_once_and_unknown_headers_not_at_all(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    const struct fakeapi_behaviour b = {
        .extra_head = "Warning: 299 - \"the first thing is old\"\r\n"
                      "warning: 299 kube \"the second \\\"thing\\\" is old\"\r\n"
                      "X-Kubernetes-PF-FlowSchema-UID: 1b9c2a0e-0000-4000-8000-000000000000\r\n"
                      "X-Kubernetes-PF-PriorityLevel-UID: 1b9c2a0e-0000-4000-8000-000000000001\r\n"
                      "X-Something: of no meaning\r\n"};
    struct kubescene *s = &scene;

    (void)state;
    kubescene_start(s, &cfg);
    fakeapi_behave(s->api, &b);
    open_shop(s);
    fakeapi_cut(s->api, FAKEAPI_ANY_RESOURCE, FAKEAPI_CLEAN);
    kubescene_settle(s, 20);
    assert_true(kubescene_until(s, is_live, s, FAKEAPI_PATIENCE_MS));
    assert_int_equal(kubescene_said(s, "the first thing is old"), 1);
    assert_int_equal(kubescene_said(s, "is old"), 2);
    assert_int_equal(kubescene_said(s, "the API server warns"), 2);
    assert_int_equal(kubescene_said(s, "1b9c2a0e"), 0);
    assert_int_equal(kubescene_said(s, "of no meaning"), 0);
    kuberow_expect_same(s);
}

/* ---- row 44 --------------------------------------------------------------------------------- */

/* Be in a pod: the access is found as there. */
static void enter_pod(struct kubescene *s, const char *host)
{
    char port[16], sa[PATH_MAX], path[PATH_MAX], ca[8192];
    const struct kubeaccess_query q = {.host = host, .port = port, .service_account = sa};
    struct err e = {.text = ""};
    FILE *f = fopen(certs_path(s->certs, "ca", path), "r");
    size_t n;

    assert_non_null(f);
    n = fread(ca, 1, sizeof(ca) - 1, f);
    ca[n] = '\0';
    fclose(f);
    tempdir_write(&s->dir, "sa/ca.crt", ca);
    tempdir_write(&s->dir, "sa/token", "sesame");
    tempdir_write(&s->dir, "sa/namespace", "sealway");
    snprintf(port, sizeof(port), "%u", fakeapi_port(s->api));
    (void)tempdir_path(&s->dir, "sa", sa);
    kubeaccess_fini(&s->access);
    memset(&s->access, 0, sizeof(s->access));
    if (kubeaccess_find(&s->access, &q, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

/* Row 44: KUBERNETES_SERVICE_HOST is an IPv6 address. */
static void a_pod_of_an_ipv6_cluster_finds_its_server(void **state)
{
    const struct kubescene_config cfg = {.closed = true, .api = {.ipv6 = true}};
    struct kubescene *s = &scene;
    char path[PATH_MAX], expected[64];
    struct fakeapi_request r;

    (void)state;
    kubescene_start(s, &cfg);
    certs_issue(s->certs, "six", "::1");
    fakeapi_use_cert(s->api, certs_path(s->certs, "six", path));
    fakeapi_set_tokens(s->api, "sesame", NULL);
    enter_pod(s, "::1");
    snprintf(expected, sizeof(expected), "https://[::1]:%u", fakeapi_port(s->api));
    assert_string_equal(s->access.server, expected);
    open_shop(s);
    kuberow_request(s, &kuberow_lists, 0, &r);
    assert_string_equal(r.authorization, "Bearer sesame");
    kuberow_expect_same(s);
}

/* Row 44: as behind a manager of many clusters. */
static void a_servers_path_is_in_front_of_every_request(void **state)
{
    static const char prefix[] = "/k8s/clusters/c-1";
    const struct kubescene_config cfg = {.api = {.prefix = prefix}};
    struct kubescene *s = &scene;
    struct fakeapi_request r;
    unsigned n;

    (void)state;
    kuberow_start(s, &cfg);
    n = fakeapi_requests(s->api, NULL);
    for (unsigned i = 0; i < n; i++) {
        kuberow_request(s, NULL, i, &r);
        assert_int_equal(strncmp(r.path, prefix, sizeof(prefix) - 1), 0);
        assert_int_equal(r.status, 200);
    }
    kuberow_request(s, &kuberow_lists, 0, &r);
    assert_string_equal(r.path, "/k8s/clusters/c-1/apis/networking.k8s.io/v1/ingresses");
    kuberow_expect_same(s);
}

static void reach_by_address(struct kubescene *s, const char *tls_server_name)
{
    const struct kubescene_config cfg = {.closed = true};
    char url[256];

    kubescene_start(s, &cfg);
    set_text(&s->access.server, fakeapi_url(s->api, NULL, url));
    set_text(&s->access.tls_server_name, tls_server_name);
}

/* Row 44: the certificate is for a name, the server is reached by its address. */
static void the_tls_server_name_is_what_the_certificate_must_be_for(void **state)
{
    struct kubescene *s = &scene;

    (void)state;
    reach_by_address(s, "localhost");
    open_shop(s);
    kuberow_expect_same(s);
    kubescene_stop(s);

    reach_by_address(s, "kubernetes.test");
    kubescene_open_source(s);
    kubescene_doze(s, 30000);
    assert_false(s->source.ops->is_complete(s->source.self));
    assert_int_equal(fakeapi_requests(s->api, NULL), 0);
    assert_in_range(kubescene_said(s, "kubernetes.test"), 1, 20);
}

#define SCENE(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(each_watch_has_a_connection_of_its_own),
        SCENE(tunnels_closed_every_minute_cost_a_watch_each_and_no_list),
        SCENE(what_a_proxy_keeps_back_comes_once_its_buffer_is_full),
        SCENE(what_a_proxy_keeps_back_for_ever_comes_by_the_next_watch),
        SCENE(a_redirect_is_not_followed),
        SCENE(warnings_are_told_once_and_unknown_headers_not_at_all),
        SCENE(a_pod_of_an_ipv6_cluster_finds_its_server),
        SCENE(a_servers_path_is_in_front_of_every_request),
        SCENE(the_tls_server_name_is_what_the_certificate_must_be_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
