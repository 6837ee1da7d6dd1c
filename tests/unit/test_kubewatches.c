#include "../../src/controller/kubewatches_priv.h"

#include "kubesource_fixture.h"

#include <errno.h>

#include "model/store.h"
#include "model/verdict.h"
#include "support/failalloc.h"
#include "support/json_text.h"

struct scene {
    struct store *store;
    struct kubesource_stats stats[KUBESOURCE_RESOURCES];
    struct kubewatches w;
    unsigned changes, stirs;
};

static void on_changed(void *ctx)
{
    struct scene *s = ctx;

    s->changes++;
}

static void on_stirred(void *ctx)
{
    struct scene *s = ctx;

    s->stirs++;
}

static void begin(struct scene *s)
{
    struct kubewatches_config cfg = {.changed = on_changed, .stirred = on_stirred, .ctx = s};

    *s = (struct scene){.store = store_new()};
    cfg.store = s->store;
    cfg.stats = s->stats;
    kubewatches_init(&s->w, &cfg);
}

static void end(struct scene *s)
{
    kubewatches_fini(&s->w);
    assert_int_equal(fake.n_watches, 0);
    store_free(s->store);
}

static void each_resource_is_watched_where_the_server_has_it(void **state)
{
    static const struct {
        enum object_kind kind;
        const char *api, *api_version, *plural, *name;
    } rows[] = {
        {OBJECT_INGRESS, "/apis/networking.k8s.io/v1", "networking.k8s.io/v1", "ingresses",
         "Ingress"},
        {OBJECT_INGRESS_CLASS, "/apis/networking.k8s.io/v1", "networking.k8s.io/v1",
         "ingressclasses", "IngressClass"},
        {OBJECT_SERVICE, "/api/v1", "v1", "services", "Service"},
        {OBJECT_ENDPOINT_SLICE, "/apis/discovery.k8s.io/v1", "discovery.k8s.io/v1",
         "endpointslices", "EndpointSlice"},
        {OBJECT_ENDPOINTS, "/api/v1", "v1", "endpoints", "Endpoints"},
    };
    struct scene s;

    (void)state;
    begin(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct kubewatch *w;

        assert_int_equal(kubewatches_add(&s.w, rows[i].kind, NULL, false), 0);
        w = fake_watch(rows[i].plural, NULL);
        assert_non_null(w);
        assert_string_equal(w->cfg.resource->api, rows[i].api);
        assert_string_equal(w->cfg.resource->api_version, rows[i].api_version);
        assert_string_equal(w->cfg.resource->kind, rows[i].name);
        assert_string_equal(w->cfg.resource->kind, object_kind_name(rows[i].kind));
        assert_ptr_equal(w->cfg.stats, &s.stats[rows[i].kind].figures);
        assert_true(s.stats[rows[i].kind].watched);
        assert_int_equal(w->cfg.label_selector != NULL, rows[i].kind == OBJECT_ENDPOINT_SLICE);
    }
    /* Those that belong to a Service, headless ones included. */
    assert_string_equal(fake_watch("endpointslices", NULL)->cfg.label_selector,
                        "kubernetes.io/service-name");
    end(&s);
}

static void the_same_collection_is_watched_once(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, "shop", false), 0);
        assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, "blog", false), 0);
        assert_int_equal(kubewatches_add(&s.w, OBJECT_INGRESS, "shop", false), 0);
        assert_int_equal(kubewatches_add(&s.w, OBJECT_INGRESS_CLASS, NULL, true), 0);
    }
    assert_int_equal(fake.n_watches, 4);
    assert_non_null(fake_watch("services", "blog"));
    assert_true(fake_watch("ingressclasses", NULL)->cfg.is_optional);
    assert_false(fake_watch("services", "shop")->cfg.is_optional);
    end(&s);
}

static void all_are_turned_and_the_earliest_due_is_theirs(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    assert_true(kubewatches_due_ms(&s.w) == UINT64_MAX);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_INGRESS, NULL, false), 0);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, NULL, false), 0);
    fake.watches[0]->due_ms = 500;
    fake.watches[1]->due_ms = 300;
    assert_int_equal(kubewatches_due_ms(&s.w), 300);
    kubewatches_turn(&s.w, 300);
    assert_int_equal(kubewatches_due_ms(&s.w), 500);
    assert_int_equal(fake.watches[0]->turns, 1);
    kubewatches_relist(&s.w);
    assert_int_equal(fake.watches[0]->relists + fake.watches[1]->relists, 2);
    fake.watches[0]->cfg.stirred(fake.watches[0]->cfg.ctx);
    assert_int_equal(s.stirs, 1);
    end(&s);
}

static void what_cannot_be_read_and_need_not_be_does_not_count_as_dead(void **state)
{
    struct scene s;
    struct kubewatch *class, *service;

    (void)state;
    begin(&s);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_INGRESS_CLASS, NULL, true), 0);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, NULL, false), 0);
    class = fake_watch("ingressclasses", NULL);
    service = fake_watch("services", NULL);
    assert_false(kubewatches_are_synced(&s.w));
    assert_false(kubewatches_are_live(&s.w));
    class->synced = class->refused = true;
    service->synced = true;
    assert_true(kubewatches_are_synced(&s.w));
    assert_false(kubewatches_are_live(&s.w));
    service->live = true;
    assert_true(kubewatches_are_live(&s.w));
    assert_true(kubewatches_is_refused(&s.w, OBJECT_INGRESS_CLASS));
    assert_false(kubewatches_is_refused(&s.w, OBJECT_SERVICE));
    end(&s);
}

static void changes_and_verdicts_of_all_mirrors_count(void **state)
{
    cJSON *tree = json_text_parse("{'apiVersion': 'v1', 'kind': 'Service', 'metadata': "
                                  "{'namespace': 'blog', 'name': 'web'}}");
    const struct kubewatch_sink *sink;
    struct verdicts v;
    struct scene s;

    (void)state;
    begin(&s);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, "shop", false), 0);
    assert_int_equal(kubewatches_add(&s.w, OBJECT_SERVICE, "blog", false), 0);
    assert_false(kubewatches_take_changed(&s.w));
    sink = &fake_watch("services", "shop")->cfg.sink;
    assert_int_equal(sink->put(sink->ctx, tree), 0); /* not of that namespace */
    assert_false(kubewatches_take_changed(&s.w));
    sink = &fake_watch("services", "blog")->cfg.sink;
    assert_int_equal(sink->put(sink->ctx, tree), 0);
    sink->changed(sink->ctx);
    assert_int_equal(s.changes, 1);
    assert_true(kubewatches_take_changed(&s.w));
    assert_false(kubewatches_take_changed(&s.w));
    verdicts_init(&v);
    kubewatches_verdicts(&s.w, &v);
    assert_int_equal(v.n, 1); /* no ports */
    verdicts_fini(&v);
    cJSON_Delete(tree);
    end(&s);
}

static void starve(void *ctx)
{
    struct scene *s = ctx;
    int rc = kubewatches_add(&s->w, OBJECT_SERVICE, "shop", false);

    if (rc == 0) {
        rc = kubewatches_add(&s->w, OBJECT_SERVICE, "blog", false);
    }
    assert_true(rc == 0 || rc == -ENOMEM);
    assert_int_equal(fake.n_watches, s->w.n);
    kubewatches_fini(&s->w);
    kubewatches_init(&s->w, &(struct kubewatches_config){.store = s->store, .stats = s->stats});
}

static void without_memory_nothing_half_watched_is_left(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    kubewatches_init(&s.w, &(struct kubewatches_config){.store = s.store, .stats = s.stats});
    assert_true(failalloc_torture(starve, &s) >= 8);
    end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_resource_is_watched_where_the_server_has_it),
        TEST(the_same_collection_is_watched_once),
        TEST(all_are_turned_and_the_earliest_due_is_theirs),
        TEST(what_cannot_be_read_and_need_not_be_does_not_count_as_dead),
        TEST(changes_and_verdicts_of_all_mirrors_count),
        TEST(without_memory_nothing_half_watched_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
