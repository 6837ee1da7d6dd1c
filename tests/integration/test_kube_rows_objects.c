/* What is in lists and events: nothing, nulls, and what is no object of its kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/verdict.h"
#include "support/kuberow.h"

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* ---- row 10 --------------------------------------------------------------------------------- */

static void complete_with(const char *items)
{
    static const struct {
        enum fakeapi_resource resource;
        const char *kind, *api_version, *plural;
    } kinds[] = {
        {FAKEAPI_INGRESSES, "Ingress", "networking.k8s.io/v1", "ingresses"},
        {FAKEAPI_INGRESSCLASSES, "IngressClass", "networking.k8s.io/v1", "ingressclasses"},
        {FAKEAPI_SERVICES, "Service", "v1", "services"},
        {FAKEAPI_ENDPOINTSLICES, "EndpointSlice", "discovery.k8s.io/v1", "endpointslices"},
    };
    struct kubescene *s = &scene;
    uint64_t version;

    kubescene_start(s, &(struct kubescene_config){.closed = true});
    version = fakeapi_version(s->api);
    for (unsigned i = 0; i < 4; i++) {
        const struct fakeapi_match list = {.verb = FAKEAPI_LIST, .resource = kinds[i].resource};
        char body[512];
        const struct fakeapi_answer answer = {.status = 200, .body = body};

        snprintf(body, sizeof(body),
                 "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":"
                 "\"%llu\"}%s}\n",
                 kinds[i].kind, kinds[i].api_version, (unsigned long long)version, items);
        fakeapi_script(s->api, &list, 0, &answer);
    }
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    for (unsigned i = 0; i < 4; i++) {
        assert_true(kubescene_figures(s, kinds[i].plural)->synced);
        assert_int_equal(kubescene_figures(s, kinds[i].plural)->objects, 0);
        assert_int_equal(kubescene_figures(s, kinds[i].plural)->errors, 0);
    }
    kuberow_await_watch(s, 1);
    kuberow_expect_watch(s, 0, version);
    version = fakeapi_put_ingress(s->api, "shop", "first", "www.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "first", version));
}

/* Row 10: an empty list, as [], as null, and as nothing at all. */
static void an_empty_list_is_complete_however_it_is_written(void **state)
{
    static const char *const ways[] = {",\"items\":[]", ",\"items\":null", "", ",\"items\":[ \n ]"};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        complete_with(ways[i]);
        kubescene_stop(&scene);
    }
}

/* ---- row 11 --------------------------------------------------------------------------------- */

static uint64_t put_slice(struct kubescene *s, const char *name, const char *rest)
{
    return fakeapi_putf(s->api,
                        "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
                        "\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"labels\":{"
                        "\"kubernetes.io/service-name\":\"web\"}},\"addressType\":\"IPv4\"%s}",
                        name, rest);
}

static const struct endpoint_slice *slice(struct kubescene *s, const char *name, uint64_t version)
{
    assert_true(kubescene_has(s, OBJECT_ENDPOINT_SLICE, "shop", name, version));
    return (const struct endpoint_slice *)store_find(s->store, OBJECT_ENDPOINT_SLICE, "shop", name);
}

static void expect_slices(struct kubescene *s, const uint64_t versions[4])
{
    const struct endpoint_slice *e;

    e = slice(s, "nulls", versions[0]);
    assert_int_equal(e->n_endpoints, 0);
    assert_int_equal(e->n_ports, 0);
    e = slice(s, "absent", versions[1]);
    assert_int_equal(e->n_endpoints, 0);
    assert_int_equal(e->n_ports, 0);
    e = slice(s, "plain", versions[2]);
    assert_int_equal(e->n_endpoints, 1);
    assert_true(e->endpoints[0].ready);
    assert_true(e->endpoints[0].serving);
    assert_false(e->endpoints[0].terminating);
    assert_int_equal(e->ports[0].number, 8443);
    e = slice(s, "unsaid", versions[3]);
    assert_int_equal(e->n_endpoints, 2);
    assert_true(e->endpoints[0].ready && e->endpoints[1].ready);
}

static void put_slices(struct kubescene *s, uint64_t versions[4])
{
    versions[0] = put_slice(s, "nulls", ",\"endpoints\":null,\"ports\":null");
    versions[1] = put_slice(s, "absent", "");
    versions[2] = put_slice(s, "plain",
                            ",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}],\"ports\":[{\"port\":"
                            "8443}]");
    versions[3] = put_slice(s, "unsaid",
                            ",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"],\"conditions\":null},"
                            "{\"addresses\":[\"10.0.0.2\"],\"conditions\":{\"ready\":null}}],"
                            "\"ports\":[{\"port\":8443,\"name\":null}]");
}

/* Row 11: slices without endpoints, ports or conditions, in a list and as events. */
static void a_slice_without_this_and_that_is_taken_as_it_is_meant(void **state)
{
    struct kubescene *s = &scene;
    uint64_t versions[4];

    (void)state;
    kubescene_start(s, &(struct kubescene_config){.closed = true});
    put_slices(s, versions);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    expect_slices(s, versions);
    kuberow_await_watch(s, 1);
    put_slices(s, versions);
    expect_slices(s, versions);
    assert_int_equal(kubescene_figures(s, "endpointslices")->events, 4);
    assert_int_equal(kubescene_figures(s, "endpointslices")->errors, 0);
    assert_int_equal(kubescene_figures(s, "endpointslices")->skipped, 0);
}

/* ---- objects that cannot be used ------------------------------------------------------------ */

#define BAD_INGRESS(name)                                                                          \
    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{\"namespace\":"   \
    "\"shop\",\"name\":\"" name "\"},\"spec\":\"everything\"}"

/* How many verdicts stand about Ingress shop/`name`. */
static unsigned verdicts_about(struct kubescene *s, const char *name)
{
    struct verdicts v;
    unsigned n = 0;

    verdicts_init(&v);
    s->source.ops->verdicts(s->source.self, &v);
    for (size_t i = 0; i < v.n; i++) {
        n += strcmp(v.items[i].kind, "Ingress") == 0 && strcmp(v.items[i].ns, "shop") == 0 &&
             strcmp(v.items[i].name, name) == 0 && v.items[i].refused &&
             v.items[i].severity == VERDICT_ERROR;
    }
    verdicts_fini(&v);
    return n;
}

struct awaited {
    const char *name;
    unsigned n;
};

static bool has_verdicts(void *ctx)
{
    const struct awaited *a = ctx;

    return verdicts_about(&scene, a->name) == a->n;
}

static void expect_verdicts(const char *name, unsigned n)
{
    struct awaited a = {name, n};

    assert_true(kubescene_until(&scene, has_verdicts, &a, FAKEAPI_PATIENCE_MS));
}

/* A malformed object is one verdict, in a list and as an event, and disturbs no other. */
static void a_malformed_object_is_one_verdict_and_no_more(void **state)
{
    struct kubescene *s = &scene;
    unsigned changes;

    (void)state;
    kubescene_start(s, &(struct kubescene_config){.closed = true});
    fakeapi_put(s->api, BAD_INGRESS("listed"));
    fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    kuberow_await_watch(s, 1);
    expect_verdicts("listed", 1);
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "listed"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));

    changes = s->changes;
    fakeapi_put(s->api, BAD_INGRESS("told"));
    expect_verdicts("told", 1);
    assert_int_equal(s->changes, changes + 1); /* so that it is reported at once */
    fakeapi_put(s->api, BAD_INGRESS("web"));   /* what could be used is gone */
    assert_true(kubescene_lacks(s, OBJECT_INGRESS, "shop", "web"));
    expect_verdicts("web", 1);
    fakeapi_put_ingress(s->api, "shop", "told", "told.example.com", "web"); /* mended */
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "told", 0));
    expect_verdicts("told", 0);
    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "listed");
    expect_verdicts("listed", 0);

    kubescene_settle(s, 10);
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_count(s, FAKEAPI_LIST, FAKEAPI_INGRESSES), 1);
    assert_int_equal(kuberow_errors(s), 0);
    assert_int_equal(kuberow_events(s), 4);
    assert_int_equal(kubescene_figures(s, "ingresses")->objects, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_empty_list_is_complete_however_it_is_written, teardown),
        cmocka_unit_test_teardown(a_slice_without_this_and_that_is_taken_as_it_is_meant, teardown),
        cmocka_unit_test_teardown(a_malformed_object_is_one_verdict_and_no_more, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
