/*
 * Thousands of changes to a cluster whose API server fails in every way it can: once it is calm,
 * the store holds what the server has, and the table is the one a fresh start would make.
 *
 *   SOAK_SEED=n     the seed of an earlier run, which it printed
 *   SOAK_CHANGES=n  how many changes
 *
 * What chance does is the same for a seed; when threads run is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "controller/translate.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/form.h"
#include "support/kubechaos.h"
#include "support/kubecluster.h"
#include "support/kubescene.h"
#include "support/seed.h"
#include "support/translated.h"

#define TENTHS       10u
#define CALM_LEAPS   600u  /* so often the clock is moved on, */
#define CALM_STEP    5000u /* by so many ms, until all is as it should be: less than an hour */
#define CALM_MS      form_pick(8, 8, 60) /* of the kernel's time between them */
#define FAULT_EVERY  20u                 /* changes */
#define TURN_EVERY   3u
#define TURN_MS      400u /* of the moved clock, at most */
#define MAPPED_BYTES (128 * 1024)
#define SPARE_BYTES  ((size_t)512 * 1024) /* connections, answers under way */

struct soak {
    struct kubescene scene;
    struct kubecluster cluster;
    struct kubechaos chaos;
    struct registry *registry; /* one, for its key is part of a digest */
    struct store *fresh;       /* what there should be */
    struct verdicts wrong;
    size_t routes, most_routes; /* of the last comparison, of any */
};

static int setup(void **state)
{
    struct soak *k = calloc(1, sizeof(*k));
    uint64_t seed = seed_draw("SOAK_SEED");
    const struct kubescene_config cfg = {.closed = true};

    assert_non_null(k);
    seed_tell("SOAK_SEED", seed);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES); /* a sanitizer's allocator does not know it */
    k->registry = registry_new(0, 0);
    assert_non_null(k->registry);
    log_configure(LOG_ERROR, LOG_TEXT); /* troubles are warnings */
    kubescene_start(&k->scene, &cfg);
    kubecluster_init(&k->cluster, k->scene.api, seed);
    kubechaos_init(&k->chaos, &k->scene, &k->cluster);
    *state = k;
    return 0;
}

static int teardown(void **state)
{
    struct soak *k = *state;

    store_free(k->fresh);
    verdicts_fini(&k->wrong);
    kubechaos_fini(&k->chaos);
    kubescene_stop(&k->scene);
    registry_free(k->registry);
    kubecluster_fini(&k->cluster);
    log_configure(LOG_INFO, LOG_TEXT);
    free(k);
    return 0;
}

/* ---- what there should be ------------------------------------------------------------------- */

static void start_afresh(struct soak *k)
{
    store_free(k->fresh);
    verdicts_fini(&k->wrong);
    verdicts_init(&k->wrong);
    k->fresh = store_new();
    assert_non_null(k->fresh);
    kubecluster_decode(&k->cluster, k->fresh, &k->wrong);
    verdicts_sort(&k->wrong);
}

/* The first object that differs, NULL when all are the same. */
static const struct objmeta *odd_one(const struct store *a, const struct store *b)
{
    for (int kind = 0; kind < OBJECT_KINDS; kind++) {
        const struct objmeta *o = NULL;

        while ((o = store_next(a, (enum object_kind)kind, o)) != NULL) {
            const struct objmeta *other = store_find(b, o->kind, o->ns, o->name);

            if (other == NULL || strcmp(other->uid, o->uid) != 0 ||
                strcmp(other->resource_version, o->resource_version) != 0) {
                return o;
            }
        }
    }
    return NULL;
}

static bool is_same_verdict(const struct verdict *a, const struct verdict *b)
{
    return strcmp(a->kind, b->kind) == 0 && strcmp(a->ns, b->ns) == 0 &&
           strcmp(a->name, b->name) == 0 && strcmp(a->message, b->message) == 0 &&
           a->refused == b->refused;
}

/* An object that was refused is known by them only. */
static bool has_same_verdicts(const struct soak *k)
{
    struct verdicts v;
    bool same;

    verdicts_init(&v);
    k->scene.source.ops->verdicts(k->scene.source.self, &v);
    verdicts_sort(&v);
    same = v.n == k->wrong.n;
    for (size_t i = 0; i < v.n && same; i++) {
        same = is_same_verdict(&v.items[i], &k->wrong.items[i]);
    }
    verdicts_fini(&v);
    return same;
}

static bool is_equal(const struct soak *k)
{
    return odd_one(k->fresh, k->scene.store) == NULL && odd_one(k->scene.store, k->fresh) == NULL &&
           has_same_verdicts(k);
}

static bool is_settled(void *ctx)
{
    const struct soak *k = ctx;
    const struct source *source = &k->scene.source;

    return source->ops->is_live(source->self) && is_equal(k);
}

static void explain(const char *what, const struct objmeta *o, const struct store *there)
{
    if (o != NULL) {
        const struct objmeta *other = store_find(there, o->kind, o->ns, o->name);

        print_message("%s: %s %s/%s %s at version %s, there %s\n", what, object_kind_name(o->kind),
                      o->ns, o->name, o->uid, o->resource_version,
                      other != NULL ? other->resource_version : "none");
    }
}

static uint64_t digest_of(struct registry *registry, const struct store *s, size_t *n_routes)
{
    const struct translate_config cfg = translated_config();
    struct table_builder *b = table_builder_new(registry);
    struct verdicts v;
    struct table *t;
    uint64_t digest;

    verdicts_init(&v);
    assert_non_null(b);
    assert_int_equal(translate(&cfg, s, b, &(struct translate_outcome){&v, NULL, NULL}), 0);
    digest = table_builder_digest(b);
    t = table_builder_freeze(b, 1);
    assert_non_null(t);
    (void)table_routes(t, n_routes);
    table_unref(t);
    assert_true(table_free_if_unused(t));
    table_builder_free(b);
    verdicts_fini(&v);
    (void)registry_sweep(registry);
    return digest;
}

/* Let all come to rest, and look whether it is as after a fresh start. */
static void check(struct soak *k)
{
    unsigned leaps = 0;
    size_t routes;

    kubechaos_calm(&k->chaos);
    start_afresh(k);
    while (!kubescene_until(&k->scene, is_settled, k, CALM_MS)) {
        if (++leaps > CALM_LEAPS) {
            explain("missing or old", odd_one(k->fresh, k->scene.store), k->scene.store);
            explain("should not be", odd_one(k->scene.store, k->fresh), k->fresh);
            print_message("verdicts: %s\n", has_same_verdicts(k) ? "the same" : "others");
            fail_msg("not the same as a fresh start after %u s", leaps * CALM_STEP / 1000);
        }
        kubescene_leap(&k->scene, CALM_STEP);
    }
    kubescene_settle(&k->scene, CALM_MS); /* what comes late must change nothing */
    assert_true(is_equal(k));
    assert_true(digest_of(k->registry, k->scene.store, &k->routes) ==
                digest_of(k->registry, k->fresh, &routes));
    assert_int_equal(k->routes, routes);
    k->most_routes = routes > k->most_routes ? routes : k->most_routes;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* Without what is mapped by itself: of that kind is the server's log of requests, which grows. */
static size_t allocated(void)
{
    return mallinfo2().uordblks;
}

/* What the source and its store hold, found out by closing them. */
static size_t held_bytes(struct soak *k)
{
    size_t with = allocated();

    kubescene_close_source(&k->scene);
    return with - allocated();
}

/* ---- tests ---------------------------------------------------------------------------------- */

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static void run_changes(struct soak *k, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        kubecluster_change(&k->cluster);
        if (kubecluster_below(&k->cluster, TURN_EVERY) == 0) {
            (void)kubescene_until(&k->scene, never, NULL, 1);
            kubescene_leap(&k->scene, kubecluster_below(&k->cluster, TURN_MS));
        }
        if (kubecluster_below(&k->cluster, FAULT_EVERY) == 0) {
            kubechaos_strike(&k->chaos);
        }
    }
}

static uint64_t total(const struct soak *k, size_t offset)
{
    const struct kubesource_stats *all = kubesource_stats(k->scene.source.self);
    uint64_t sum = 0;

    for (size_t i = 0; i < KUBESOURCE_RESOURCES; i++) {
        const _Atomic uint64_t *cell = (const void *)((const char *)&all[i].figures + offset);

        sum += atomic_load_explicit(cell, memory_order_relaxed);
    }
    return sum;
}

static void print_tally(const struct soak *k, uint64_t n)
{
    print_message("             %" PRIu64 " changes, %u faults: %" PRIu64 " events, %" PRIu64
                  " relists, %" PRIu64 " errors, %" PRIu64 " skipped; %u requests; %zu routes\n",
                  n, k->chaos.faults, total(k, offsetof(struct kubestats, events)),
                  total(k, offsetof(struct kubestats, relists)),
                  total(k, offsetof(struct kubestats, errors)),
                  total(k, offsetof(struct kubestats, skipped)),
                  fakeapi_requests(k->scene.api, NULL), k->routes);
}

static void print_bytes(const size_t after[TENTHS])
{
    print_message("             KiB allocated, server and all, after each tenth:");
    for (unsigned i = 0; i < TENTHS; i++) {
        print_message(" %zu", after[i] / 1024);
    }
    print_message("\n");
}

static void no_object_is_lost_or_invented_whatever_the_server_does(void **state)
{
    struct soak *k = *state;
    uint64_t n = seed_number("SOAK_CHANGES", form_pick(20000, 20000, 600));
    size_t after[TENTHS], held, fresh;

    kubescene_open_source(&k->scene);
    for (unsigned i = 0; i < TENTHS; i++) {
        run_changes(k, n / TENTHS);
        check(k);
        after[i] = allocated();
    }
    assert_true(k->most_routes > 0);
    print_tally(k, n);
    print_bytes(after);
    assert_in_range(after[TENTHS - 1], 0, after[1] + after[1] / 10 + SPARE_BYTES);
    held = held_bytes(k);
    kubescene_open_source(&k->scene);
    check(k);
    fresh = held_bytes(k);
    print_message("             %zu bytes held, %zu after a fresh start\n", held, fresh);
    assert_in_range(held, 0, fresh + fresh / 10 + SPARE_BYTES);
}

static void a_start_on_stale_lists_comes_to_the_same(void **state)
{
    static const enum fakeapi_resource RESOURCES[] = {FAKEAPI_INGRESSES, FAKEAPI_INGRESSCLASSES,
                                                      FAKEAPI_SERVICES, FAKEAPI_ENDPOINTSLICES};
    struct soak *k = *state;

    for (unsigned round = 0; round < 8; round++) {
        kubechaos_photograph(&k->chaos);
        for (unsigned i = 0; i < 50; i++) {
            kubecluster_change(&k->cluster);
        }
        if (round % 2 == 1) {
            fakeapi_compact(k->scene.api);
        }
        for (size_t i = 0; i < sizeof(RESOURCES) / sizeof(RESOURCES[0]); i++) {
            kubechaos_serve_photo(&k->chaos, RESOURCES[i]);
        }
        kubescene_open_source(&k->scene);
        assert_true(kubescene_complete(&k->scene));
        check(k);
        kubescene_close_source(&k->scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_object_is_lost_or_invented_whatever_the_server_does,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_on_stale_lists_comes_to_the_same, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
