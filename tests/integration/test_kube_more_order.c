/* There is no order between kinds: whatever comes first, the table in the end is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/kubescene.h"
#include "support/kubetable.h"

#define KINDS  4u
#define ORDERS 24u

static struct kubescene scene;
static struct kubetable *table;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    kubetable_free(table);
    return 0;
}

/* Number `n` of all orders of KINDS things. */
static void make_order(unsigned n, unsigned order[KINDS])
{
    unsigned left[KINDS] = {0, 1, 2, 3};

    for (unsigned i = 0; i < KINDS; i++) {
        unsigned at = n % (KINDS - i);

        n /= KINDS - i;
        order[i] = left[at];
        memmove(&left[at], &left[at + 1], (KINDS - 1 - at) * sizeof(left[0]));
    }
}

static const struct {
    enum fakeapi_resource resource;
    enum object_kind kind;
    const char *ns, *name;
} things[KINDS] = {
    {FAKEAPI_INGRESSCLASSES, OBJECT_INGRESS_CLASS, "", "sealway"},
    {FAKEAPI_INGRESSES, OBJECT_INGRESS, "shop", "web"},
    {FAKEAPI_SERVICES, OBJECT_SERVICE, "shop", "web"},
    {FAKEAPI_ENDPOINTSLICES, OBJECT_ENDPOINT_SLICE, "shop", "web-1"},
};

static uint64_t put(struct kubescene *s, unsigned thing)
{
    switch (things[thing].resource) {
    case FAKEAPI_INGRESSCLASSES:
        return fakeapi_put_class(s->api, "sealway", "sealway.io/ingress-controller");
    case FAKEAPI_INGRESSES:
        return fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    case FAKEAPI_SERVICES:
        return fakeapi_put_service(s->api, "shop", "web");
    default:
        return fakeapi_put_slice(s->api, "shop", "web", "10.0.0.1 10.0.0.2");
    }
}

static void expect_it_is_routed(void)
{
    assert_string_equal(kubetable_route(table, scene.store, "www.example.com"),
                        "shop/web -> web:443 [10.0.0.1:8443 10.0.0.2:8443]");
}

static void come_in_order(struct kubescene *s, const unsigned order[KINDS])
{
    for (unsigned i = 0; i < KINDS; i++) {
        uint64_t version = put(s, order[i]);

        assert_true(kubescene_has(s, things[order[i]].kind, things[order[i]].ns,
                                  things[order[i]].name, version));
        if (i + 1 < KINDS) { /* what is not all there is not served, and harms nobody */
            assert_null(strstr(kubetable_route(table, s->store, "www.example.com"), "10.0.0.1"));
        }
    }
}

static void go_in_order(struct kubescene *s, const unsigned order[KINDS])
{
    for (unsigned i = 0; i < KINDS; i++) {
        unsigned t = order[i];

        fakeapi_delete(s->api, things[t].resource, things[t].ns, things[t].name);
        assert_true(kubescene_lacks(s, things[t].kind, things[t].ns, things[t].name));
    }
}

/* Row 41: by events, one after the other in every order, and away again in every order. */
static void events_of_all_kinds_make_the_same_table_in_any_order(void **state)
{
    struct kubescene *s = &scene;
    uint64_t empty, full = 0;
    unsigned order[KINDS];

    (void)state;
    table = kubetable_new();
    kubescene_start(s, NULL);
    assert_true(kubescene_complete(s));
    empty = kubetable_digest(table, s->store);
    for (unsigned n = 0; n < ORDERS; n++) {
        make_order(n, order);
        come_in_order(s, order);
        full = n > 0 ? full : kubetable_digest(table, s->store);
        assert_int_equal(kubetable_digest(table, s->store), full);
        expect_it_is_routed();
        go_in_order(s, order);
        assert_int_equal(kubetable_digest(table, s->store), empty);
    }
    assert_int_not_equal(full, empty);
}

/* Row 41: by lists, each of which comes that much later than the one before. */
static void lists_of_all_kinds_make_the_same_table_in_any_order(void **state)
{
    const struct kubescene_config cfg = {.closed = true};
    struct kubescene *s = &scene;
    unsigned order[KINDS];
    uint64_t full = 0;

    (void)state;
    table = kubetable_new();
    kubescene_start(s, &cfg);
    for (unsigned t = 0; t < KINDS; t++) {
        (void)put(s, t);
    }
    for (unsigned n = 0; n < ORDERS; n++) {
        make_order(n, order);
        fakeapi_unscript(s->api);
        for (unsigned i = 0; i < KINDS; i++) {
            const struct fakeapi_match lists = {.verb = FAKEAPI_LIST,
                                                .resource = things[order[i]].resource};
            const struct fakeapi_answer late = {.delay_ms = 1 + 4 * i};

            fakeapi_script(s->api, &lists, 1, &late);
        }
        kubescene_open_source(s);
        assert_true(kubescene_complete(s));
        full = n > 0 ? full : kubetable_digest(table, s->store);
        assert_int_equal(kubetable_digest(table, s->store), full);
        expect_it_is_routed();
        kubescene_close_source(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(events_of_all_kinds_make_the_same_table_in_any_order, teardown),
        cmocka_unit_test_teardown(lists_of_all_kinds_make_the_same_table_in_any_order, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
