/* Objects that are too large, and very many of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "support/form.h"
#include "support/kuberow.h"
#include "support/kubetable.h"

#define MIB    ((size_t)1024 * 1024)
#define SLICES form_pick(20000, 20000, 4000)

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* An Ingress with an annotation of so many bytes. */
#define LARGE_FORMAT                                                                               \
    "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\",\"metadata\":{\"name\":"        \
    "\"%s\",\"namespace\":\"shop\",\"annotations\":{\"example.com/large\":\"%s\"}},\"spec\":{"     \
    "\"ingressClassName\":\"sealway\",\"rules\":[{\"host\":\"large.example.com\",\"http\":{"       \
    "\"paths\":[{\"path\":\"/\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":"       \
    "\"web\",\"port\":{\"number\":443}}}}]}}]}}"

static char *make_filler(char c, size_t bytes)
{
    char *filler = malloc(bytes + 1);

    assert_non_null(filler);
    memset(filler, c, bytes);
    filler[bytes] = '\0';
    return filler;
}

static uint64_t put_large(struct kubescene *s, const char *name, size_t bytes)
{
    char *filler = make_filler('x', bytes);
    uint64_t version = fakeapi_putf(s->api, LARGE_FORMAT, name, filler);

    free(filler);
    return version;
}

/* ---- row 26 --------------------------------------------------------------------------------- */

/* Row 26: more than a cluster's own store takes (1.5 MiB), in an event and in a list. */
static void an_object_of_two_mebibytes_is_one_like_any_other(void **state)
{
    struct kubetable *t = kubetable_new();
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    version = put_large(s, "large", 2 * MIB);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "large", version));
    assert_string_not_equal(kubetable_route(t, s->store, "large.example.com"), "-");
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 0);

    kubescene_close_source(s);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "large", version));
    assert_string_not_equal(kubetable_route(t, s->store, "large.example.com"), "-");
    assert_int_equal(kuberow_errors(s), 0);
    kubetable_free(t);
}

static bool has_failed_twice(void *ctx)
{
    return kuberow_errors(ctx) == 2;
}

/* Row 26: it can be had neither by the watch nor by a list; the others are as they were. */
static void an_object_of_twenty_mebibytes_is_refused_until_it_has_gone(void **state)
{
    struct kubescene *s = &scene;
    uint64_t version;

    (void)state;
    kuberow_start(s, NULL);
    (void)put_large(s, "huge", 20 * MIB);
    assert_true(kuberow_asked(s, &kuberow_lists, 2, 60000));
    assert_true(kubescene_until(s, has_failed_twice, s, FAKEAPI_PATIENCE_MS));
    assert_null(store_find(s->store, OBJECT_INGRESS, "shop", "huge"));
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    assert_false(kuberow_is_live(s));
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kubescene_said(s, "an object is too large; what is known is kept"), 2);
    version = fakeapi_put_service(s->api, "shop", "other"); /* the other watches work */
    assert_true(kubescene_has(s, OBJECT_SERVICE, "shop", "other", version));

    fakeapi_delete(s->api, FAKEAPI_INGRESSES, "shop", "huge");
    version = fakeapi_put_ingress(s->api, "shop", "next", "next.example.com", "web");
    kubescene_pass(s, 61000);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "next", version));
    kuberow_await_watch(s, 2);
    kuberow_expect_same(s);
    assert_int_equal(kuberow_relists(s), 1);
}

/* The most memory this process ever had, KiB, since reset_peak(). */
static long peak_kib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    long kib = 0;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        (void)sscanf(line, "VmHWM: %ld", &kib);
    }
    fclose(f);
    return kib;
}

static void reset_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    assert_non_null(f);
    assert_true(fputs("5", f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* Put pieces of an event that does not end into the watch, each once the one before was taken, for
 * as long as somebody reads; returns how many were. */
static unsigned pour(struct kubescene *s, const char *piece, unsigned most)
{
    unsigned n = 0;

    fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, "{\"type\":\"ADDED\",\"object\":{\"x\":\"");
    while (n < most && kuberow_errors(s) == 0) {
        fakeapi_inject_text(s->api, FAKEAPI_INGRESSES, piece);
        kubescene_settle(s, 20);
        n++;
    }
    return n;
}

/* Row 26: what is taken of it before it is given up is bounded, and freed. */
static void an_event_without_end_costs_no_more_memory_than_the_largest_object(void **state)
{
    struct kubescene *s = &scene;
    char *piece = make_filler('y', MIB);
    long before;
    unsigned n;

    (void)state;
    kuberow_start(s, NULL);
    before = (reset_peak(), peak_kib());
    n = pour(s, piece, 64);
    free(piece);
    assert_in_range(n, LIMIT_KUBE_OBJECT_BYTES / MIB, LIMIT_KUBE_OBJECT_BYTES / MIB + 8);
    if (!FORM_SANITIZED) { /* a buffer that grows, the pieces on their way */
        assert_in_range(peak_kib() - before, 0, (long)(5 * LIMIT_KUBE_OBJECT_BYTES / 2 / 1024));
    }
    kuberow_await_watch(s, 2);
    assert_int_equal(kuberow_relists(s), 1);
    assert_int_equal(kuberow_errors(s), 1);
    assert_int_equal(kubescene_said(s, "an object is too large; what is known is kept"), 1);
    kuberow_expect_same(s);
}

static void put_many_slices(struct kubescene *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const unsigned range[2] = {1 + i, 1};

        fakeapi_put_slice_n(s->api, "shop", "web", 100 + i, range);
    }
}

struct slices {
    struct kubescene *scene;
    size_t n;
};

static bool are_slices(void *ctx)
{
    const struct slices *w = ctx;

    return store_count(w->scene->store, OBJECT_ENDPOINT_SLICE) == w->n;
}

/* Row 26: in one list, and by as many events. */
static void twenty_thousand_slices_are_taken_from_lists_and_events(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    struct kubescene *s = &scene;
    struct slices all = {s, SLICES};

    (void)state;
    kubescene_start(s, &cfg);
    put_many_slices(s, SLICES);
    kubescene_open_source(s);
    assert_true(kubescene_complete(s));
    assert_true(are_slices(&all));
    assert_int_equal(kubescene_figures(s, "endpointslices")->objects, SLICES);
    for (unsigned i = 0; i < SLICES; i++) {
        char name[32];

        snprintf(name, sizeof(name), "web-%u", 100 + i);
        fakeapi_delete(s->api, FAKEAPI_ENDPOINTSLICES, "shop", name);
    }
    all.n = 0;
    assert_true(kubescene_until(s, are_slices, &all, FAKEAPI_PATIENCE_MS));
    put_many_slices(s, SLICES);
    all.n = SLICES;
    assert_true(kubescene_until(s, are_slices, &all, FAKEAPI_PATIENCE_MS));
    assert_int_equal(kubescene_figures(s, "endpointslices")->events, 2 * SLICES);
    assert_int_equal(kubescene_figures(s, "endpointslices")->relists, 0);
    assert_int_equal(kubescene_figures(s, "endpointslices")->errors, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_object_of_two_mebibytes_is_one_like_any_other, teardown),
        cmocka_unit_test_teardown(an_object_of_twenty_mebibytes_is_refused_until_it_has_gone,
                                  teardown),
        cmocka_unit_test_teardown(an_event_without_end_costs_no_more_memory_than_the_largest_object,
                                  teardown),
        cmocka_unit_test_teardown(twenty_thousand_slices_are_taken_from_lists_and_events, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
