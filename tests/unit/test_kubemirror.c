#include "controller/kubemirror.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "kube/kubestats.h"
#include "model/store.h"
#include "model/verdict.h"
#include "support/failalloc.h"
#include "support/json_text.h"
#include "support/mirror_chance.h"
#include "support/mirror_scene.h"

/* An object as far as metadata, which stays open. */
#define OBJECT(api, kind, ns, name, uid, version)                                                  \
    "{'apiVersion': '" api "', 'kind': '" kind "', 'metadata': {'namespace': '" ns                 \
    "', 'name': '" name "', 'uid': '" uid "', 'resourceVersion': '" version                        \
    "', 'managedFields': [{'manager': 'x'}]"
#define SERVICE_OF(ns, name, uid, version, spec)                                                   \
    OBJECT("v1", "Service", ns, name, uid, version) "}, 'spec': {" spec "}}"
#define SERVICE(ns, name, uid, version)                                                            \
    SERVICE_OF(ns, name, uid, version, "'ports': [{'port': 443}]")
/* Of use, but with a fault that an API server would not let pass. */
#define BAD_SERVICE(ns, name, version)                                                             \
    SERVICE_OF(ns, name, "u", version, "'ports': [{'port': 443}], 'type': 7")
#define REFUSED_SERVICE(name, version) OBJECT("v9", "Service", "shop", name, "u", version) "}}"
#define REFUSED(name, version)                                                                     \
    OBJECT("networking.k8s.io/v1beta1", "Ingress", "shop", name, "u", version) "}}"
#define INGRESS(name, uid, version, host)                                                          \
    OBJECT("networking.k8s.io/v1", "Ingress", "shop", name, uid, version)                          \
    ", 'creationTimestamp': '2026-01-0" version "T00:00:00Z'}, 'spec': {'rules': [{'host': '" host \
    "'}]}}"

static void objects_are_put_changed_and_taken(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    assert_non_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
    assert_true(kubemirror_take_changed(s->m));
    assert_false(kubemirror_take_changed(s->m));
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "2"));
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "web")->resource_version, "2");
    assert_int_equal(s->stats.objects, 1);
    mirror_scene_take(s, SERVICE("shop", "web", "u1", "3"));
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
    assert_int_equal(s->stats.objects, 0);
    assert_true(kubemirror_take_changed(s->m));
    assert_int_equal(s->rings, 3);
    mirror_scene_take(s, SERVICE("shop", "web", "u1", "3"));
    assert_int_equal(s->rings, 3);
    mirror_scene_free(s);
}

static void row_10_an_empty_list_is_news_the_first_time(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    assert_int_equal(MIRROR_LIST(s), 0);
    assert_int_equal(s->rings, 1);
    assert_int_equal(MIRROR_LIST(s), 0);
    assert_int_equal(s->rings, 1);
    assert_false(kubemirror_take_changed(s->m));
    mirror_scene_free(s);
}

#define SLICE(version, rest)                                                                       \
    "{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': 'IPv4',"        \
    " 'metadata': {'namespace': 'shop', 'name': 'web-1', 'uid': 'u', 'resourceVersion': '" version \
    "', 'labels': {'kubernetes.io/service-name': 'web'}}" rest "}"

static void row_11_a_slice_of_nulls_has_no_endpoints_and_no_conditions_mean_ready(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_ENDPOINT_SLICE, NULL);
    const struct endpoint_slice *slice;

    (void)state;
    mirror_scene_put(s, SLICE("1", ", 'endpoints': null, 'ports': null"));
    slice = store_next_slice(s->store, "shop", "web", NULL);
    assert_non_null(slice);
    assert_int_equal(slice->n_endpoints, 0);
    mirror_scene_put(s, SLICE("2", ", 'ports': null, 'endpoints': [{'addresses': ['10.0.0.1']}]"));
    slice = store_next_slice(s->store, "shop", "web", NULL);
    assert_int_equal(slice->n_endpoints, 1);
    assert_true(slice->endpoints[0].ready);
    assert_int_equal(mirror_scene_verdicts(s), 0);
    mirror_scene_free(s);
}

static void row_29_what_was_deleted_while_nobody_watched_goes_with_the_next_list(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    assert_int_equal(MIRROR_LIST(s, SERVICE("shop", "web", "u1", "1"),
                                 SERVICE("shop", "api", "u2", "2"),
                                 SERVICE("shop", "db", "u3", "3")),
                     3);
    assert_int_equal(s->stats.objects, 3);
    assert_int_equal(
        MIRROR_LIST(s, SERVICE("shop", "api", "u2", "2"), SERVICE("shop", "db", "u3", "4")), 2);
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
    assert_non_null(mirror_scene_find(s, OBJECT_SERVICE, "api"));
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "db")->resource_version, "4");
    assert_int_equal(s->stats.objects, 2);
    assert_int_equal(s->rings, 2);
    mirror_scene_free(s);
}

static void row_30_what_is_known_changes_nothing_and_rings_nobody(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    const struct objmeta *o;

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    mirror_scene_put(s, BAD_SERVICE("shop", "bad", "2"));
    o = mirror_scene_find(s, OBJECT_SERVICE, "web");
    assert_true(kubemirror_take_changed(s->m));
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    mirror_scene_put(s, BAD_SERVICE("shop", "bad", "2"));
    assert_int_equal(
        MIRROR_LIST(s, SERVICE("shop", "web", "u1", "1"), BAD_SERVICE("shop", "bad", "2")), 0);
    assert_ptr_equal(mirror_scene_find(s, OBJECT_SERVICE, "web"), o);
    assert_int_equal(s->rings, 2);
    assert_false(kubemirror_take_changed(s->m));
    assert_true(mirror_scene_verdicts(s) > 0);
    mirror_scene_free(s);
}

/* Status, say, which this program writes itself: ten thousand of them are no reason to translate.
 */
static void what_no_route_is_made_of_rings_but_is_no_change(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    assert_true(kubemirror_take_changed(s->m));
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "2"));
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "web")->resource_version, "2");
    assert_int_equal(s->rings, 2); /* who writes status looks at the newest */
    assert_false(kubemirror_take_changed(s->m));
    assert_int_equal(MIRROR_LIST(s, SERVICE("shop", "web", "u1", "3")), 1);
    assert_int_equal(s->rings, 3);
    assert_false(kubemirror_take_changed(s->m));
    mirror_scene_put(s, SERVICE_OF("shop", "web", "u1", "4", "'ports': [{'port': 444}]"));
    assert_true(kubemirror_take_changed(s->m));
    mirror_scene_put(s, BAD_SERVICE("shop", "web", "5")); /* a verdict decides, too */
    assert_true(kubemirror_take_changed(s->m));
    mirror_scene_free(s);
}

static void row_31_the_same_name_with_another_uid_is_another_object(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_INGRESS, NULL);
    const struct objmeta *o;
    int64_t before;

    (void)state;
    mirror_scene_put(s, INGRESS("web", "u1", "1", "old.test"));
    before = mirror_scene_find(s, OBJECT_INGRESS, "web")->created_s;
    mirror_scene_take(s, INGRESS("web", "u1", "2", "old.test"));
    mirror_scene_put(s, INGRESS("web", "u2", "3", "new.test"));
    o = mirror_scene_find(s, OBJECT_INGRESS, "web");
    assert_string_equal(o->uid, "u2");
    assert_true(o->created_s > before);
    assert_string_equal(((const struct ingress *)(const void *)o)->rules[0].host, "new.test");
    mirror_scene_put(
        s, INGRESS("web", "u3", "3", "newer.test")); /* and so though the version says nothing */
    assert_string_equal(mirror_scene_find(s, OBJECT_INGRESS, "web")->uid, "u3");
    mirror_scene_free(s);
}

static void an_object_that_cannot_be_used_is_a_verdict_and_leaves_the_store(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_INGRESS, NULL);
    struct verdicts v;

    (void)state;
    mirror_scene_put(s, INGRESS("web", "u", "1", "a.test"));
    mirror_scene_put(s, REFUSED("web", "2"));
    assert_null(mirror_scene_find(s, OBJECT_INGRESS, "web"));
    assert_int_equal(s->stats.objects, 0);
    verdicts_init(&v);
    kubemirror_verdicts(s->m, &v);
    assert_int_equal(v.n, 1);
    assert_true(v.items[0].refused);
    assert_string_equal(v.items[0].name, "web");
    verdicts_fini(&v);
    mirror_scene_put(s, INGRESS("web", "u", "3", "a.test"));
    assert_int_equal(mirror_scene_verdicts(s), 0);
    assert_non_null(mirror_scene_find(s, OBJECT_INGRESS, "web"));
    assert_int_equal(s->rings, 3);
    mirror_scene_put(s, REFUSED("web", "4"));
    mirror_scene_take(s, REFUSED("web", "5"));
    assert_int_equal(mirror_scene_verdicts(s), 0);
    assert_int_equal(s->rings, 5);
    mirror_scene_free(s);
}

static void an_object_is_taken_by_its_name_though_the_rest_is_garbage(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    mirror_scene_take(
        s, "{'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': 'web', 'labels': 7},"
           " 'spec': []}");
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
    mirror_scene_free(s);
}

static void what_names_no_object_or_another_kind_touches_nothing(void **state)
{
    static const char *const others[] = {
        "{}",
        "[]",
        "{'kind': 'Service'}",
        "{'kind': 'Service', 'metadata': {'namespace': 'No Namespace', 'name': 'web'}}",
        "{'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': '../web'}}",
        "{'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': 3}}",
        "{'kind': 'Service', 'metadata': [1]}",
        "{'apiVersion': 'v1', 'kind': 'Secret',"
        " 'metadata': {'namespace': 'shop', 'name': 'web'}}",
        "{'apiVersion': 'serving.knative.dev/v1', 'kind': 'Service',"
        " 'metadata': {'namespace': 'shop', 'name': 'api'}}",
    };
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        mirror_scene_put(s, others[i]);
        if (i < 7) { /* the last two are somebody's name */
            mirror_scene_take(s, others[i]);
        }
        assert_non_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
        assert_int_equal(s->stats.objects, 1);
    }
    mirror_scene_free(s);
}

static void a_mirror_of_one_namespace_leaves_the_others_alone(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, "shop");
    const struct kubemirror_config cfg = {.store = s->store,
                                          .kind = OBJECT_SERVICE,
                                          .ns = "blog",
                                          .stats = &s->stats,
                                          .changed = mirror_scene_ring,
                                          .ctx = s};
    struct kubemirror *blog = kubemirror_new(&cfg);
    struct kubewatch_sink sink;

    (void)state;
    assert_non_null(blog);
    sink = kubemirror_sink(blog);
    mirror_scene_put(s, SERVICE("blog", "web", "u", "1")); /* what it did not ask for */
    assert_int_equal(s->stats.objects, 0);
    mirror_scene_put(s, SERVICE("shop", "web", "u", "1"));
    s->sink = sink;
    mirror_scene_put(s, SERVICE("blog", "web", "u", "2"));
    assert_int_equal(s->stats.objects, 2);
    mirror_scene_take(s, SERVICE("shop", "web", "u", "3"));
    assert_int_equal(
        MIRROR_LIST(s, SERVICE("blog", "api", "u", "4"), SERVICE("shop", "x", "u", "1")), 2);
    assert_non_null(mirror_scene_find(s, OBJECT_SERVICE, "web"));
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "x"));
    assert_int_equal(s->stats.objects, 2);
    kubemirror_free(blog);
    mirror_scene_free(s);
}

static void of_a_name_twice_in_a_list_the_last_object_counts(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    assert_int_equal(MIRROR_LIST(s, SERVICE("shop", "web", "u1", "1"),
                                 SERVICE("shop", "api", "u1", "1"),
                                 SERVICE("shop", "web", "u1", "2")),
                     2);
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "web")->resource_version, "2");
    /* Now the first of them is known. */
    (void)MIRROR_LIST(s, SERVICE("shop", "web", "u1", "2"), SERVICE("shop", "web", "u1", "3"));
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "web")->resource_version, "3");
    assert_int_equal(s->stats.objects, 1);
    mirror_scene_free(s);
}

static void a_list_that_is_dropped_leaves_all_as_it_was(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    assert_int_equal(s->sink.list_begin(s->sink.ctx, false), 0);
    assert_int_equal(mirror_scene_hand(s, s->sink.list_item, SERVICE("shop", "api", "u1", "1")), 0);
    assert_int_equal(mirror_scene_hand(s, s->sink.list_item, BAD_SERVICE("shop", "web", "2")), 0);
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "api"));
    s->sink.list_drop(s->sink.ctx);
    s->sink.changed(s->sink.ctx);
    assert_int_equal(s->rings, 1);
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "web")->resource_version, "1");
    assert_int_equal(mirror_scene_verdicts(s), 0);
    assert_int_equal(MIRROR_LIST(s, SERVICE("shop", "web", "u1", "1")), 0);
    mirror_scene_free(s);
}

/* As after a restore from a backup: versions are given out a second time. */
static void a_list_that_is_doubted_is_decoded_though_its_versions_are_known(void **state)
{
    static const char *const other = SERVICE_OF("shop", "web", "u1", "1", "'ports': [{'port': 8}]");
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    uint64_t differ;

    (void)state;
    mirror_scene_put(s, SERVICE("shop", "web", "u1", "1"));
    mirror_scene_put(s, BAD_SERVICE("shop", "bad", "2"));
    (void)kubemirror_take_changed(s->m);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(s->sink.list_begin(s->sink.ctx, true), 0);
        assert_int_equal(mirror_scene_hand(s, s->sink.list_item, other), 0);
        assert_int_equal(mirror_scene_hand(s, s->sink.list_item, BAD_SERVICE("shop", "bad", "2")),
                         0);
        assert_int_equal(s->sink.list_end(s->sink.ctx, &differ), 0);
        s->sink.changed(s->sink.ctx);
        assert_int_equal(differ, round == 0); /* what is the same is not counted */
        assert_int_equal(kubemirror_take_changed(s->m), round == 0);
        assert_int_equal(s->rings, 3);
        assert_true(mirror_scene_verdicts(s) > 0);
    }
    assert_int_equal(
        MIRROR_LIST(s, SERVICE("shop", "web", "u1", "1"), BAD_SERVICE("shop", "bad", "2")),
        0); /* one that is not goes by versions */
    assert_false(kubemirror_take_changed(s->m));
    mirror_scene_free(s);
}

static void verdicts_of_what_vanished_go_with_it(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    size_t of_one;

    (void)state;
    mirror_scene_put(s, BAD_SERVICE("shop", "web", "1"));
    of_one = mirror_scene_verdicts(s);
    assert_true(of_one > 0);
    mirror_scene_put(s, BAD_SERVICE("shop", "api", "1"));
    (void)MIRROR_LIST(s, BAD_SERVICE("shop", "api", "1"));
    assert_int_equal(mirror_scene_verdicts(s), of_one);
    mirror_scene_take(s, BAD_SERVICE("shop", "api", "1"));
    assert_int_equal(mirror_scene_verdicts(s), 0);
    mirror_scene_free(s);
}

static void a_class_has_no_namespace(void **state)
{
    static const char class[] = "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'IngressClass',"
                                " 'metadata': {'namespace': 'odd', 'name': 'sealway',"
                                " 'resourceVersion': '4'}, 'spec': {'controller': 'a.io/b'}}";
    struct mirror_scene *s = mirror_scene_new(OBJECT_INGRESS_CLASS, NULL);

    (void)state;
    mirror_scene_put(s, class);
    assert_non_null(store_find(s->store, OBJECT_INGRESS_CLASS, "", "sealway"));
    mirror_scene_put(s, class);
    assert_int_equal(s->rings, 1);
    mirror_scene_take(s, class);
    assert_int_equal(store_count(s->store, OBJECT_INGRESS_CLASS), 0);
    mirror_scene_free(s);
}

static void an_object_with_a_thousand_faults_says_a_hundred_and_counts_the_rest(void **state)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    cJSON *tree = json_text_parse(SERVICE("shop", "web", "u1", "1"));
    cJSON *ports = cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "spec"), "ports");

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        cJSON_AddItemToArray(ports, cJSON_CreateString("https"));
    }
    assert_int_equal(s->sink.put(s->sink.ctx, tree), 0);
    assert_int_equal(mirror_scene_verdicts(s), LIMIT_KUBE_VERDICTS_PER_OBJECT + 1);
    cJSON_Delete(tree);
    mirror_scene_free(s);
}

static void row_46_hostile_json_is_at_worst_a_verdict(void **state)
{
    static const char *const bombs[] = {
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': 'a'},"
        " 'metadata': {'namespace': 'blog', 'name': 'b'}, 'spec': {'ports': [{'port': 1e400}]}}",
        "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': 'c',"
        " 'annotations': {'x': '\\u0001\\ud834\\udd1e', 'x': 'y'}}, 'spec': {'ports':"
        " [{'port': -1e400}, {'port': 0.5}, {'port': null}]}}",
        "{'apiVersion': 'v1', 'kind': 'Service', 'kind': 'Ingress', 'metadata': {'name': 'd',"
        " 'namespace': 'shop', 'name': 'e', 'resourceVersion': 7, 'uid': {}}, 'spec': null}",
    };
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    cJSON *deep = json_text_parse("{'kind': 'Service', 'apiVersion': 'v1'}"), *at = deep;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bombs); i++) {
        mirror_scene_put(s, bombs[i]);
        mirror_scene_put(s, bombs[i]);
        (void)MIRROR_LIST(s, bombs[i], bombs[0]);
        mirror_scene_take(s, bombs[i]);
    }
    for (unsigned i = 0; i < LIMIT_KUBE_OBJECT_DEPTH; i++) {
        at = cJSON_AddObjectToObject(at, i % 2 == 0 ? "metadata" : "labels");
    }
    assert_int_equal(s->sink.put(s->sink.ctx, deep), 0);
    assert_int_equal(s->sink.take(s->sink.ctx, deep), 0);
    cJSON_Delete(deep);
    mirror_scene_free(s);
}

/* ---- no memory ------------------------------------------------------------------------------ */

/** Trees are made beforehand: their memory is not the mirror's. */
struct torture {
    cJSON *before[4], *after[5]; /* NULL-terminated */
    int (*hand)(const struct kubewatch_sink *sink, cJSON *const *items);
    size_t verdicts_after;
};

static int hand_list(const struct kubewatch_sink *sink, cJSON *const *items)
{
    uint64_t differ;
    int rc = sink->list_begin(sink->ctx, false);

    for (; rc == 0 && *items; items++) {
        rc = sink->list_item(sink->ctx, *items);
    }
    if (rc == 0) {
        return sink->list_end(sink->ctx, &differ);
    }
    sink->list_drop(sink->ctx);
    return rc;
}

static int hand_each(const struct kubewatch_sink *sink, cJSON *const *items)
{
    int rc = 0;

    for (; rc == 0 && *items; items++) {
        rc = sink->put(sink->ctx, *items);
    }
    return rc;
}

/** Whatever failed, the next list mends it.  A call fails twice only if it ought not to. */
static void expect_mended(const struct mirror_scene *s, const struct torture *t)
{
    int rc = hand_list(&s->sink, t->after);

    rc = rc != 0 ? hand_list(&s->sink, t->after) : 0;
    assert_int_equal(rc, 0);
    assert_int_equal(store_count(s->store, OBJECT_SERVICE), 3);
    assert_int_equal(s->stats.objects, 3);
    assert_null(mirror_scene_find(s, OBJECT_SERVICE, "gone"));
    assert_string_equal(mirror_scene_find(s, OBJECT_SERVICE, "bad")->resource_version, "5");
}

static void expect_verdicts(const struct mirror_scene *s, const struct torture *t)
{
    struct verdicts v;

    verdicts_init(&v);
    kubemirror_verdicts(s->m, &v);
    assert_true(v.lost || v.n == t->verdicts_after);
    verdicts_fini(&v);
}

static void starve(void *ctx)
{
    const struct torture *t = ctx;
    struct mirror_scene s = {.store = store_new()};
    const struct kubemirror_config cfg = {.store = s.store,
                                          .kind = OBJECT_SERVICE,
                                          .ns = "shop",
                                          .stats = &s.stats,
                                          .changed = mirror_scene_ring,
                                          .ctx = &s};

    s.m = s.store ? kubemirror_new(&cfg) : NULL;
    if (s.m) {
        int rc;

        s.sink = kubemirror_sink(s.m);
        rc = t->hand(&s.sink, t->before);
        assert_true(rc == 0 || rc == -ENOMEM);
        rc = t->hand(&s.sink, t->after);
        assert_true(rc == 0 || rc == -ENOMEM);
        expect_mended(&s, t);
        expect_verdicts(&s, t);
    }
    kubemirror_free(s.m);
    store_free(s.store);
}

static void no_memory_is_mended_by_the_next_list(void **state)
{
    struct torture t = {
        .before = {json_text_parse(SERVICE("shop", "web", "u1", "1")),
                   json_text_parse(SERVICE("shop", "gone", "u2", "2")),
                   json_text_parse(BAD_SERVICE("shop", "bad", "3"))},
        .after = {json_text_parse(SERVICE("shop", "web", "u1", "1")),
                  json_text_parse(SERVICE("shop", "new", "u4", "4")),
                  json_text_parse(BAD_SERVICE("shop", "bad", "5")),
                  json_text_parse(REFUSED_SERVICE("worse", "6"))},
        .verdicts_after = 2,
    };

    (void)state;
    t.hand = hand_list;
    assert_true(failalloc_torture(starve, &t) > 20);
    t.hand = hand_each;
    assert_true(failalloc_torture(starve, &t) > 20);
    for (size_t i = 0; i < ARRAY_LEN(t.after); i++) {
        cJSON_Delete(t.after[i]);
        cJSON_Delete(i < ARRAY_LEN(t.before) ? t.before[i] : NULL);
    }
}

static void ten_thousand_random_operations_leave_what_a_model_has(void **state)
{
    (void)state;
    mirror_chance_run(20260806, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_put_changed_and_taken),
        cmocka_unit_test(row_10_an_empty_list_is_news_the_first_time),
        cmocka_unit_test(row_11_a_slice_of_nulls_has_no_endpoints_and_no_conditions_mean_ready),
        cmocka_unit_test(row_29_what_was_deleted_while_nobody_watched_goes_with_the_next_list),
        cmocka_unit_test(row_30_what_is_known_changes_nothing_and_rings_nobody),
        cmocka_unit_test(what_no_route_is_made_of_rings_but_is_no_change),
        cmocka_unit_test(row_31_the_same_name_with_another_uid_is_another_object),
        cmocka_unit_test(an_object_that_cannot_be_used_is_a_verdict_and_leaves_the_store),
        cmocka_unit_test(an_object_is_taken_by_its_name_though_the_rest_is_garbage),
        cmocka_unit_test(what_names_no_object_or_another_kind_touches_nothing),
        cmocka_unit_test(a_mirror_of_one_namespace_leaves_the_others_alone),
        cmocka_unit_test(of_a_name_twice_in_a_list_the_last_object_counts),
        cmocka_unit_test(a_list_that_is_dropped_leaves_all_as_it_was),
        cmocka_unit_test(a_list_that_is_doubted_is_decoded_though_its_versions_are_known),
        cmocka_unit_test(verdicts_of_what_vanished_go_with_it),
        cmocka_unit_test(a_class_has_no_namespace),
        cmocka_unit_test(an_object_with_a_thousand_faults_says_a_hundred_and_counts_the_rest),
        cmocka_unit_test(row_46_hostile_json_is_at_worst_a_verdict),
        cmocka_unit_test(no_memory_is_mended_by_the_next_list),
        cmocka_unit_test(ten_thousand_random_operations_leave_what_a_model_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
