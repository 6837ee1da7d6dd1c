#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/siphash.h"
#include "registry_fixture.h"
#include "route_fixture.h"
#include "support/failalloc.h"
#include "support/failsys.h"

static struct netaddr addr_of(const char *text)
{
    struct netaddr a;

    assert_int_equal(netaddr_parse(text, &a), 0);
    return a;
}

static struct netaddr nth_addr(unsigned i)
{
    return (struct netaddr){
        .family = AF_INET,
        .port = 443,
        .ip.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
    };
}

static struct endpoint_state *endpoint(const char *text)
{
    struct netaddr a = addr_of(text);
    struct endpoint_state *s = registry_endpoint(registry, &a);

    assert_non_null(s);
    return s;
}

static struct route_state *route(const struct route_key *key)
{
    struct route_state *s = registry_route(registry, key);

    assert_non_null(s);
    return s;
}

static const struct route_key a_key = {"shop.test", "shop", "web", "svc", "https"};

static void one_address_has_one_state(void **state)
{
    struct endpoint_state *s = endpoint("192.0.2.1:443");

    (void)state;
    assert_ptr_equal(endpoint("192.0.2.1:443"), s);
    assert_ptr_equal(endpoint("[::ffff:192.0.2.1]:443"), s);
    assert_int_equal(s->tables, 3);
    assert_true(endpoint("192.0.2.1:444") != s);
    assert_true(endpoint("192.0.2.2:443") != s);
    assert_true(endpoint("[2001:db8::1]:443") != s);
    assert_int_equal(registry_endpoint_active(s), 0);
    assert_int_equal(atomic_load(&s->skip_until_ms), 0);
}

static void one_identity_has_one_state(void **state)
{
    struct route_state *s = route(&a_key);
    struct route_key other;

    (void)state;
    assert_ptr_equal(route(&a_key), s);
    assert_int_equal(s->tables, 2);
    other = a_key;
    other.host = "www.shop.test";
    assert_true(route(&other) != s);
    other = a_key;
    other.ns = "shop2";
    assert_true(route(&other) != s);
    other = a_key;
    other.ingress = "web2";
    assert_true(route(&other) != s);
    other = a_key;
    other.service = "svc2";
    assert_true(route(&other) != s);
    other = a_key;
    other.port = "443";
    assert_true(route(&other) != s);
}

static void texts_do_not_run_into_each_other(void **state)
{
    const struct route_key keys[] = {
        {"ab", "c", "", "", ""}, {"a", "bc", "", "", ""}, {"abc", "", "", "", ""},
        {"", "", "", "", "abc"}, {"", "", "", "", ""},
    };
    struct route_state *states[ARRAY_LEN(keys)];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        states[i] = route(&keys[i]);
        for (size_t k = 0; k < i; k++) {
            assert_true(states[i] != states[k]);
        }
    }
    assert_string_equal(states[1]->host, "a");
    assert_string_equal(states[1]->ns, "bc");
    assert_string_equal(states[3]->port, "abc");
}

static void texts_are_copied(void **state)
{
    char host[] = "shop.test", ns[] = "shop", ingress[] = "web", service[] = "svc",
         port[] = "https";
    struct route_state *s = route(&(struct route_key){host, ns, ingress, service, port});

    (void)state;
    host[0] = ns[0] = ingress[0] = service[0] = port[0] = '#';
    assert_string_equal(s->host, "shop.test");
    assert_string_equal(s->ns, "shop");
    assert_string_equal(s->ingress, "web");
    assert_string_equal(s->service, "svc");
    assert_string_equal(s->port, "https");
}

static void each_registry_has_a_key_of_its_own(void **state)
{
    struct registry *other = registry_new(0, 0);

    (void)state;
    assert_non_null(other);
    assert_memory_not_equal(registry_key(registry), registry_key(other),
                            sizeof(struct siphash_key));
    registry_free(other);
    registry_free(NULL);
}

static void sweep_keeps_what_a_table_names(void **state)
{
    struct endpoint_state *e = endpoint("192.0.2.1:443");
    struct route_state *r = route(&a_key);

    (void)state;
    (void)endpoint("192.0.2.1:443");
    assert_int_equal(registry_sweep(registry), 0);
    registry_endpoint_release(registry, e);
    assert_int_equal(registry_sweep(registry), 0);
    registry_endpoint_release(registry, e);
    assert_int_equal(registry_sweep(registry), 1);
    registry_route_release(registry, r);
    assert_int_equal(registry_sweep(registry), 1);
    assert_int_equal(registry_sweep(registry), 0);
}

static void sweep_keeps_what_a_connection_runs_on(void **state)
{
    struct endpoint_state *e = endpoint("192.0.2.1:443");
    struct route_state *r = route(&a_key);

    (void)state;
    registry_endpoint_enter(e, 0);
    registry_route_enter(r, 0);
    registry_route_enter(r, 0);
    registry_endpoint_release(registry, e);
    registry_route_release(registry, r);
    assert_int_equal(registry_sweep(registry), 0);
    assert_ptr_equal(endpoint("192.0.2.1:443"), e); /* found again by the next table */
    registry_endpoint_release(registry, e);
    registry_endpoint_leave(e, 0);
    registry_route_leave(r, 0);
    assert_int_equal(registry_sweep(registry), 1);
    assert_string_equal(r->host, "shop.test");
    registry_route_leave(r, 0);
    assert_int_equal(registry_sweep(registry), 1);
}

/* Also where others share the page. */
static void each_worker_counts_for_itself_and_all_are_summed(void **state)
{
    struct endpoint_state *e = endpoint("192.0.2.1:443"), *f = endpoint("192.0.2.2:443");
    struct route_state *r = route(&a_key);

    (void)state;
    for (unsigned w = 0; w < FIXTURE_WORKERS; w++) {
        for (unsigned i = 0; i <= w; i++) {
            registry_endpoint_enter(e, w);
            registry_route_enter(r, w);
        }
        assert_int_equal(*registry_counter(e->active, w), w + 1);
        assert_int_equal(*registry_counter(r->active, w), w + 1);
    }
    assert_int_equal(registry_endpoint_active(e), 10);
    assert_int_equal(registry_route_active(r), 10);
    assert_int_equal(registry_endpoint_active(f), 0);
    for (unsigned w = 0; w < FIXTURE_WORKERS; w++) {
        registry_endpoint_release(registry, w == 0 ? e : endpoint("192.0.2.1:443"));
        assert_int_equal(registry_sweep(registry), 0); /* for any one of them it stays */
        for (unsigned i = 0; i <= w; i++) {
            registry_endpoint_leave(e, w);
            registry_route_leave(r, w);
        }
    }
    assert_int_equal(registry_sweep(registry), 1);
    assert_int_equal(registry_route_active(r), 0);
}

static void a_batch_is_as_many_single_look_ups(void **state)
{
    struct netaddr known = addr_of("192.0.2.1:443"), new = addr_of("192.0.2.2:443");
    const struct netaddr *addrs[REGISTRY_BATCH];
    struct endpoint_state *states[REGISTRY_BATCH];
    struct route_key keys[] = {a_key, {"", "shop", "web", "svc", "https"}, a_key};
    struct route_state *routes[ARRAY_LEN(keys)];
    struct endpoint_state *e = endpoint("192.0.2.1:443");

    (void)state;
    for (size_t i = 0; i < REGISTRY_BATCH; i++) {
        addrs[i] = i % 2 == 0 ? &known : &new;
    }
    assert_int_equal(registry_endpoints(registry, addrs, REGISTRY_BATCH, states), 0);
    assert_ptr_equal(states[0], e);
    assert_ptr_equal(states[1], states[3]);
    assert_int_equal(e->tables, 1 + REGISTRY_BATCH / 2);
    assert_int_equal(states[1]->tables, REGISTRY_BATCH / 2);
    assert_int_equal(registry_routes(registry, keys, ARRAY_LEN(keys), routes), 0);
    assert_ptr_equal(routes[0], routes[2]);
    assert_true(routes[0] != routes[1]);
    assert_string_equal(routes[1]->host, "");
    assert_ptr_equal(route(&a_key), routes[0]);
    assert_int_equal(registry_endpoints(registry, NULL, 0, NULL), 0);
    assert_int_equal(registry_routes(registry, NULL, 0, NULL), 0);
}

static void thousands_come_and_go(void **state)
{
    enum { STATES = 3000 };
    struct endpoint_state *states[STATES] = {NULL};
    uint64_t seed = 7;

    (void)state;
    for (int round = 0; round < 20; round++) {
        size_t released = 0;

        for (unsigned i = 0; i < STATES; i++) {
            struct netaddr a = nth_addr(i);

            if (states[i] == NULL && fixture_random(&seed) % 2 == 0) {
                states[i] = registry_endpoint(registry, &a);
                assert_non_null(states[i]);
                assert_int_equal(states[i]->tables, 1);
                assert_true(netaddr_equal(&states[i]->addr, &a));
            }
        }
        for (unsigned i = 0; i < STATES; i++) {
            if (states[i] != NULL && fixture_random(&seed) % 3 == 0) {
                registry_endpoint_release(registry, states[i]);
                states[i] = NULL;
                released++;
            }
        }
        assert_int_equal(registry_sweep(registry), released);
    }
}

/* Without memory a look-up fails and leaves every state and count as they were. */
static void look_up_new_ones(void *ctx)
{
    struct registry *r = registry_new(0, 0);
    struct netaddr known = nth_addr(0), addrs[20];
    const struct netaddr *batch[20];
    struct endpoint_state *states[20], *e;
    struct route_key keys[] = {a_key, {"b.test", "shop", "web", "svc", "https"}};
    struct route_state *routes[2];
    size_t taken = 0;

    (void)ctx;
    if (r == NULL) {
        return;
    }
    e = registry_endpoint(r, &known);
    for (unsigned i = 0; i < 20; i++) {
        addrs[i] = nth_addr(i);
        batch[i] = &addrs[i];
    }
    if (registry_endpoints(r, batch, 20, states) == 0) {
        taken += 20;
        for (size_t i = 0; i < 20; i++) {
            registry_endpoint_release(r, states[i]);
        }
    }
    if (e != NULL) {
        assert_int_equal(e->tables, 1);
        assert_true(registry_sweep(r) <= 19);
        assert_ptr_equal(registry_endpoint(r, &known), e);
    }
    if (registry_routes(r, keys, 2, routes) == 0) {
        taken += 2;
        assert_int_equal(routes[0]->tables, 1);
        registry_route_release(r, routes[0]);
        registry_route_release(r, routes[1]);
    }
    (void)registry_sweep(r);
    assert_true(taken > 0); /* one allocation fails, so not both */
    registry_free(r);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    assert_true(failalloc_torture(look_up_new_ones, NULL) >= 6);
    for (unsigned i = 0; i < 2; i++) { /* a page of endpoints, of routes */
        failsys_reset();
        failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, i, 1);
        look_up_new_ones(NULL);
    }
}

/*
 * The life of states under threads: a controller that publishes tables and sweeps, workers that run
 * connections on what they find and keep them far longer than the table.
 */
#define WORKERS   3
#define PUBLISHES 1500
#define HELD      16

struct worker {
    unsigned index;
    _Atomic(struct table *) slot; /* newest table, held for the worker */
    _Atomic bool *stop;
    _Atomic unsigned connections;
    pthread_t thread;
};

struct connection {
    struct endpoint_state *endpoint;
    struct route_state *route;
};

static struct connection open_connection(const struct worker *w, struct table *adopted)
{
    struct table *t = table_ref(adopted);
    const struct route *r = fixture_lookup(t, "shop.test");
    struct connection c = {endpoint_state(&table_pool(t, r)->endpoints[0]), r->state};

    registry_endpoint_enter(c.endpoint, w->index);
    registry_route_enter(c.route, w->index);
    table_unref(t);
    return c;
}

static void close_connection(const struct worker *w, struct connection *c)
{
    if (c->endpoint == NULL) {
        return;
    }
    atomic_store_explicit(&c->endpoint->skip_until_ms, strlen(c->route->ingress),
                          memory_order_relaxed);
    registry_endpoint_leave(c->endpoint, w->index);
    registry_route_leave(c->route, w->index);
    c->endpoint = NULL;
}

static void *work(void *ctx)
{
    struct worker *w = ctx;
    struct connection held[HELD] = {{NULL, NULL}};
    struct table *adopted = NULL, *t;
    unsigned n = 0;

    while (!atomic_load_explicit(w->stop, memory_order_acquire)) {
        t = atomic_exchange_explicit(&w->slot, NULL, memory_order_acq_rel);
        if (t != NULL) {
            table_unref(adopted);
            adopted = t;
        }
        if (adopted != NULL) {
            close_connection(w, &held[n % HELD]);
            held[n % HELD] = open_connection(w, adopted);
            atomic_store_explicit(&w->connections, ++n, memory_order_relaxed);
        }
        (void)sched_yield();
    }
    for (size_t i = 0; i < HELD; i++) {
        close_connection(w, &held[i]);
    }
    table_unref(adopted);
    table_unref(atomic_exchange_explicit(&w->slot, NULL, memory_order_acq_rel));
    return NULL;
}

static struct table *nth_table(unsigned i)
{
    char endpoint[32], ingress[32];
    struct wish wish = {.host = "shop.test", .ingress = ingress, .endpoint = endpoint};

    (void)snprintf(endpoint, sizeof(endpoint), "192.0.2.%u:443", i % 5);
    (void)snprintf(ingress, sizeof(ingress), "web-%u", i % 7);
    return fixture_table(registry, &wish, 1);
}

static void publish(struct worker *workers, struct table *t)
{
    for (size_t i = 0; i < WORKERS; i++) {
        table_unref(atomic_exchange_explicit(&workers[i].slot, table_ref(t), memory_order_acq_rel));
    }
}

static void wait_for_connections(struct worker *workers)
{
    for (size_t i = 0; i < WORKERS; i++) {
        while (atomic_load_explicit(&workers[i].connections, memory_order_relaxed) == 0) {
            (void)sched_yield();
        }
    }
}

/* Free what nobody holds any more; returns how many tables are left. */
static size_t free_unused(struct table **retired, size_t n)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        if (!table_free_if_unused(retired[i])) {
            retired[left++] = retired[i];
        }
    }
    (void)registry_sweep(registry);
    return left;
}

static void states_outlive_tables_under_threads(void **state)
{
    static struct table *retired[PUBLISHES];
    static struct worker workers[WORKERS];
    _Atomic bool stop = false;
    size_t left = 0;

    (void)state;
    for (size_t i = 0; i < WORKERS; i++) {
        workers[i].index = (unsigned)i;
        workers[i].stop = &stop;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < PUBLISHES; i++) {
        struct table *t = nth_table(i);

        assert_non_null(t);
        publish(workers, t);
        table_unref(t);
        retired[left++] = t;
        left = free_unused(retired, left);
        if (i == 0) {
            wait_for_connections(workers);
        }
    }
    atomic_store_explicit(&stop, true, memory_order_release);
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    }
    assert_int_equal(free_unused(retired, left), 0);
    assert_int_equal(registry_sweep(registry), 0); /* nothing was held back */
    for (unsigned i = 0; i < 5; i++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "192.0.2.%u:443", i);
        assert_int_equal(atomic_load(&endpoint(text)->skip_until_ms), 0); /* a new one */
    }
}

static void without_randomness_there_is_no_registry(void **state)
{
    (void)state;
    failsys_reset();
    failsys_fail(FAILSYS_GETRANDOM, ENOSYS, 0, 1);
    assert_null(registry_new(0, 0));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_address_has_one_state),
        TEST(one_identity_has_one_state),
        TEST(texts_do_not_run_into_each_other),
        TEST(texts_are_copied),
        TEST(each_registry_has_a_key_of_its_own),
        TEST(sweep_keeps_what_a_table_names),
        TEST(sweep_keeps_what_a_connection_runs_on),
        TEST(each_worker_counts_for_itself_and_all_are_summed),
        TEST(a_batch_is_as_many_single_look_ups),
        TEST(thousands_come_and_go),
        cmocka_unit_test(without_memory_nothing_changes),
        TEST(states_outlive_tables_under_threads),
        TEST(without_randomness_there_is_no_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
