#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../src/route/tablelayout_priv.h"
#include "poolrow.h"
#include "registry_fixture.h"
#include "support/failalloc.h"

static const struct pool texts = {.ns = "shop", .service = "svc", .port = "443"};

/* A builder's pool with these endpoints, up to a NULL; a leading '-' marks a terminating one. */
static struct builder_pool *built(struct table_builder *b, const char *service,
                                  const char *const addrs[])
{
    bool is_new;
    struct builder_pool *pool = table_builder_pool(b, "shop", service, "443", &is_new);

    assert_non_null(pool);
    for (; *addrs != NULL; addrs++) {
        bool terminating = **addrs == '-';
        struct netaddr a;

        assert_int_equal(netaddr_parse(*addrs + terminating, &a), 0);
        assert_int_equal(table_builder_endpoint(b, pool, &a, terminating), 0);
    }
    return pool;
}

#define BUILT(b, service, ...) built(b, service, (const char *const[]){__VA_ARGS__, NULL})

static void assert_endpoint(const struct endpoint *e, const char *want, bool terminating)
{
    char text[NETADDR_TEXT_MAX];

    assert_string_equal(netaddr_format(endpoint_addr(e), text), want);
    assert_int_equal(endpoint_is_terminating(e), terminating);
}

static void pools_lie_one_behind_the_other_with_sorted_endpoints(void **state)
{
    struct table_builder *b = table_builder_new(registry);
    struct poolpage *p = poolpage_new(3, 4);

    (void)state;
    poolpage_add_built(p, BUILT(b, "a", "192.0.2.9:1", "-192.0.2.1:1", "192.0.2.5:1"), &texts);
    poolpage_add_built(p, BUILT(b, "b", NULL), &texts);
    poolpage_add_built(p, BUILT(b, "c", "192.0.2.2:1"), &texts);
    assert_int_equal(p->tables, 1);
    assert_int_equal(p->n_pools, 3);
    assert_int_equal(p->n_endpoints, 4);
    assert_ptr_equal(p->pools[0].ns, texts.ns);
    assert_ptr_equal(p->pools[0].service, texts.service);
    assert_ptr_equal(p->pools[0].port, texts.port);
    assert_int_equal(p->pools[0].n_endpoints, 3);
    assert_endpoint(&p->pools[0].endpoints[0], "192.0.2.1:1", true);
    assert_endpoint(&p->pools[0].endpoints[1], "192.0.2.5:1", false);
    assert_endpoint(&p->pools[0].endpoints[2], "192.0.2.9:1", false);
    assert_int_equal(p->pools[1].n_endpoints, 0);
    assert_ptr_equal(p->pools[2].endpoints, p->pools[0].endpoints + 3);
    assert_endpoint(p->pools[2].endpoints, "192.0.2.2:1", false);
    poolpage_release(p, registry);
    table_builder_free(b);
}

static void a_copied_pool_has_the_same_texts_and_endpoints_without_states(void **state)
{
    struct table_builder *b = table_builder_new(registry);
    struct poolpage *from = poolpage_new(1, 2), *to = poolpage_new(1, 2);

    (void)state;
    poolpage_add_built(from, BUILT(b, "a", "-192.0.2.1:1", "192.0.2.2:1"), &texts);
    assert_int_equal(poolpage_take_states(from, registry), 0);
    table_builder_free(b); /* which the addresses were borrowed of */
    poolpage_add_pool(to, &from->pools[0]);
    assert_ptr_equal(to->pools[0].ns, texts.ns);
    assert_ptr_equal(to->pools[0].service, texts.service);
    assert_ptr_equal(to->pools[0].port, texts.port);
    assert_true(to->pools[0].endpoints != from->pools[0].endpoints);
    assert_int_equal(to->n_states, 0);
    poolpage_release(from, registry);
    assert_int_equal(to->pools[0].n_endpoints, 2);
    assert_endpoint(&to->pools[0].endpoints[0], "192.0.2.1:1", true);
    assert_endpoint(&to->pools[0].endpoints[1], "192.0.2.2:1", false);
    poolpage_release(to, registry);
}

/* A page of one pool with so many endpoints; NULL without memory for that.  *rc_out says whether
 * their states were taken. */
static struct poolpage *try_page_of(unsigned n, int *rc_out)
{
    const struct poolrow row = {.n = 1, .fills = {{.n = n}}};
    struct table_builder *b = table_builder_new(registry);
    struct builder_pool *pool = b != NULL ? poolrow_pool(b, &row, 0) : NULL;
    struct poolpage *p = pool != NULL ? poolpage_new(1, n) : NULL;

    if (p != NULL) {
        poolpage_add_built(p, pool, &texts);
        *rc_out = poolpage_take_states(p, registry);
    }
    table_builder_free(b);
    return p;
}

static struct poolpage *page_of(unsigned n)
{
    int rc = -1;
    struct poolpage *p = try_page_of(n, &rc);

    assert_int_equal(rc, 0);
    return p;
}

static void every_endpoint_gets_its_state_however_many_batches_it_takes(void **state)
{
    const unsigned sizes[] = {0, 1, REGISTRY_BATCH, REGISTRY_BATCH + 1, 3 * REGISTRY_BATCH + 5};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct poolpage *p = page_of(sizes[s]);

        assert_int_equal(p->n_states, sizes[s]);
        for (unsigned i = 0; i < sizes[s]; i++) {
            const struct endpoint *e = &p->pools[0].endpoints[i];

            assert_true(netaddr_equal(&endpoint_state(e)->addr, endpoint_addr(e)));
            assert_int_equal(endpoint_state(e)->tables, 1);
        }
        assert_int_equal(registry_sweep(registry), 0);
        poolpage_release(p, registry);
        assert_int_equal(registry_sweep(registry), sizes[s]);
    }
}

static void a_page_goes_with_the_last_that_has_it(void **state)
{
    struct poolpage *p = page_of(2);

    (void)state;
    p->tables++;
    poolpage_release(p, registry);
    assert_int_equal(p->tables, 1);
    assert_int_equal(endpoint_state(&p->pools[0].endpoints[1])->tables, 1);
    poolpage_release(p, registry);
    assert_int_equal(registry_sweep(registry), 2);
    poolpage_release(NULL, registry);
}

static void two_pages_hold_a_state_twice(void **state)
{
    struct poolpage *p = page_of(1), *q = page_of(1);

    (void)state;
    assert_ptr_equal(endpoint_state(&p->pools[0].endpoints[0]),
                     endpoint_state(&q->pools[0].endpoints[0]));
    assert_int_equal(endpoint_state(&q->pools[0].endpoints[0])->tables, 2);
    poolpage_release(p, registry);
    assert_int_equal(endpoint_state(&q->pools[0].endpoints[0])->tables, 1);
    poolpage_release(q, registry);
}

static void a_page_has_the_size_of_its_contents(void **state)
{
    struct poolpage *none = poolpage_new(0, 0), *p = page_of(7);

    (void)state;
    assert_int_equal(poolpage_bytes(none), sizeof(struct poolpage));
    assert_int_equal(poolpage_bytes(p),
                     sizeof(struct poolpage) + sizeof(struct pool) + 7 * sizeof(struct endpoint));
    poolpage_release(none, registry);
    poolpage_release(p, registry);
}

/* A page whose states are not all there gives back those that are. */
static void take_in_want(void *ctx)
{
    int rc = -1;
    struct poolpage *p = try_page_of(2 * REGISTRY_BATCH, &rc);

    (void)ctx;
    if (p != NULL) {
        assert_true(rc < 0 ? p->n_states < 2 * REGISTRY_BATCH : p->n_states == 2 * REGISTRY_BATCH);
    }
    poolpage_release(p, registry);
    (void)registry_sweep(registry);
}

static void without_memory_no_state_stays_taken(void **state)
{
    const struct netaddr a = poolrow_addr(0, 1, 0);
    struct endpoint_state *s = registry_endpoint(registry, &a);

    (void)state;
    assert_true(failalloc_torture(take_in_want, NULL) > 2 * REGISTRY_BATCH);
    assert_int_equal(s->tables, 1);
    registry_endpoint_release(registry, s);
    assert_int_equal(registry_sweep(registry), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pools_lie_one_behind_the_other_with_sorted_endpoints),
        TEST(a_copied_pool_has_the_same_texts_and_endpoints_without_states),
        TEST(every_endpoint_gets_its_state_however_many_batches_it_takes),
        TEST(a_page_goes_with_the_last_that_has_it),
        TEST(two_pages_hold_a_state_twice),
        TEST(a_page_has_the_size_of_its_contents),
        TEST(without_memory_no_state_stays_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
