/* Ten thousand tables, most of them amended, under constant traffic, in process: every worker ends
 * with the newest, every table is freed though connections made by the first one stand, no
 * connection fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fakes/mass_backend.h"
#include "fakes/name_backend.h"
#include "proxy/proxy.h"
#include "route/registry.h"
#include "route/table_builder.h"
#include "support/ask.h"
#include "support/crowd.h"
#include "support/form.h"
#include "support/hello_builder.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define TABLES  10000u
#define WORKERS 2u
#define CLIENTS 16u
#define HOST    "app.swap.test"

/* Connections that are made with the first table and stay. */
#define STAYERS   20u
#define LONG_HOST "long.swap.test"

/* Publishing outruns the clients by far; every so often it lets them make some connections.  In the
 * long form each worker takes up most of the tables. */
#define PACE_TABLES      (form_is_full() ? 1u : 5u)
#define PACE_CONNECTIONS 5u

/* One in so many is built whole, the others share what they can with the one before. */
#define WHOLE_TABLES 5u

struct stage {
    struct name_backend *backend;
    struct mass_backend *echo; /* of LONG_HOST */
    struct registry *registry;
    struct proxy *proxy;
    struct table *last;            /* published, and held for the next */
    struct table *retired[TABLES]; /* published, our reference given back, not yet freed */
    size_t n_retired;
    size_t freed, most_alive;
};

static int claim(struct table_builder *b, struct builder_pool *pool, const char *host)
{
    const struct claim c = {.host = host, .ns = "test", .ingress = host, .pool = pool};

    return table_builder_claim(b, &c);
}

/* A route to one endpoint. */
static void add_route(struct table_builder *b, const char *service, const char *host,
                      const struct netaddr *addr)
{
    bool is_new;
    struct builder_pool *pool = table_builder_pool(b, "test", service, "443", &is_new);

    assert_non_null(pool);
    assert_int_equal(table_builder_endpoint(b, pool, addr, false), 0);
    assert_int_equal(claim(b, pool, host), 0);
}

/* A table that routes HOST and LONG_HOST, and a host of its own that makes its digest one of its
 * kind. */
static struct table *build(struct stage *g, uint64_t generation)
{
    struct table_builder *b = table_builder_new(g->registry);
    struct netaddr addr = name_backend_addr(g->backend), echo = mass_backend_addr(g->echo);
    struct table *t;
    char host[64];

    assert_non_null(b);
    snprintf(host, sizeof(host), "h%" PRIu64 ".swap.test", generation);
    add_route(b, "app", HOST, &addr);
    add_route(b, "own", host, &addr);
    add_route(b, "long", LONG_HOST, &echo);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    t = table_builder_freeze(b, generation);
    table_builder_free(b);
    assert_non_null(t);
    return t;
}

/* A table like the last, where HOST's endpoint is on its way out or back, and another has moved. */
static struct table *amend(struct stage *g, uint64_t generation)
{
    struct table_builder *b = table_builder_new(g->registry);
    struct netaddr addr = name_backend_addr(g->backend), away = addr;
    bool is_new;
    struct builder_pool *app, *own;
    struct table *t = NULL;

    assert_non_null(b);
    app = table_builder_pool(b, "test", "app", "443", &is_new);
    own = table_builder_pool(b, "test", "own", "443", &is_new);
    assert_true(app != NULL && own != NULL);
    away.ip.bytes[2] = 1;
    away.ip.bytes[3] = (uint8_t)generation; /* nobody asks for it */
    assert_int_equal(table_builder_endpoint(b, app, &addr, generation % 2 == 0), 0);
    assert_int_equal(table_builder_endpoint(b, own, &away, false), 0);
    assert_int_equal(table_builder_amend(b, g->last, generation, &t), 0);
    table_builder_free(b);
    assert_non_null(t);
    return t;
}

static void free_unused(struct stage *g)
{
    size_t kept = 0;

    for (size_t i = 0; i < g->n_retired; i++) {
        if (table_free_if_unused(g->retired[i])) {
            g->freed++;
        } else {
            g->retired[kept++] = g->retired[i];
        }
    }
    g->n_retired = kept;
    g->most_alive = kept > g->most_alive ? kept : g->most_alive;
}

static void publish(struct stage *g, uint64_t generation)
{
    struct table *t = generation % WHOLE_TABLES == 1 ? build(g, generation) : amend(g, generation);

    proxy_publish(g->proxy, t);
    table_unref(g->last);
    g->last = t;
    free_unused(g);
    g->retired[g->n_retired++] = t;
}

static int stage_setup(void **state)
{
    struct stage *g = calloc(1, sizeof(*g));
    struct netaddr listen;
    struct err e = {.text = ""};

    if (g == NULL || netaddr_parse("127.0.0.1:0", &listen) != 0) {
        abort();
    }
    const struct proxy_config cfg = {
        .listen = &listen,
        .n_listen = 1,
        .workers = WORKERS,
        .max_connections = 1000,
        .policy = {.hello_timeout_ms = 20000,
                   .hello_max_bytes = LIMIT_HELLO_DEFAULT_BYTES,
                   .connect_timeout_ms = 20000,
                   .idle_timeout_ms = 60000,
                   .half_close_timeout_ms = 30000,
                   .half_close = true},
    };
    g->backend = name_backend_start("127.0.0.1", "app");
    g->echo = mass_backend_start("127.0.0.1", MASS_ECHO);
    g->registry = registry_new(WORKERS, 0);
    g->proxy = proxy_new(&cfg, &e);
    assert_non_null(g->registry);
    assert_non_null(g->proxy);
    assert_int_equal(proxy_start(g->proxy, &e), 0);
    *state = g;
    return 0;
}

static int stage_teardown(void **state)
{
    struct stage *g = *state;

    proxy_free(g->proxy);
    free_unused(g);
    (void)registry_sweep(g->registry); /* how many states there were is not the point */
    registry_free(g->registry);
    name_backend_stop(g->backend);
    mass_backend_stop(g->echo);
    free(g);
    return 0;
}

static bool all_adopted_the_last(void *ctx)
{
    const struct proxy *p = ctx;

    for (unsigned w = 0; w < proxy_workers(p); w++) {
        if (proxy_adopted_generation(p, w) != TABLES) {
            return false;
        }
    }
    return true;
}

static bool listens(void *ctx)
{
    struct netaddr addr = proxy_listen_addr(ctx, 0);

    return ask_reaches(&addr, HOST, "app");
}

static struct crowd *come_to_stay(const struct netaddr *to, struct hello_bytes *hello)
{
    struct crowd_config cfg = {.to = *to, .clients = STAYERS};
    struct crowd *stayers;

    hello_simple(hello, LONG_HOST, NULL);
    cfg.hello = hello->data;
    cfg.hello_len = hello->len;
    stayers = crowd_new(&cfg);
    assert_true(crowd_until_count(stayers, CROWD_OPEN, STAYERS, 5000));
    assert_int_equal(crowd_ping(stayers, 5000), STAYERS);
    return stayers;
}

static void ten_thousand_tables_pass_under_traffic_without_a_failure(void **state)
{
    struct stage *g = *state;
    struct netaddr addr = proxy_listen_addr(g->proxy, 0);
    struct traffic_report report;
    struct stats_totals stats;
    struct traffic *traffic;
    struct crowd *stayers;
    struct hello_bytes hello = {0};

    publish(g, 1);
    assert_true(wait_until(listens, g->proxy, 5000));
    stayers = come_to_stay(&addr, &hello);
    traffic = traffic_start(&addr, CLIENTS, HOST, "app");
    for (uint64_t generation = 2; generation <= TABLES; generation++) {
        publish(g, generation);
        if (generation % PACE_TABLES == 0) {
            assert_true(traffic_wait_for(traffic, PACE_CONNECTIONS));
        }
    }
    assert_true(wait_until(all_adopted_the_last, g->proxy, 5000));
    traffic_stop(traffic, &report);
    free_unused(g);
    assert_int_equal(g->n_retired, 1); /* the newest, which is routed by */
    assert_int_equal(crowd_ping(stayers, 5000), STAYERS);
    crowd_free(stayers);
    hello_bytes_free(&hello);
    proxy_stats(g->proxy, &stats);
    proxy_stop(g->proxy);
    proxy_free(g->proxy);
    g->proxy = NULL;
    table_unref(g->last);
    g->last = NULL;
    free_unused(g);
    print_message("             %u tables published, %" PRIu64 " adoptions by %u workers, "
                  "%zu alive at most, %" PRIu64 " connections\n",
                  TABLES, stats.tables_adopted, WORKERS, g->most_alive, report.asked);
    assert_string_equal(report.first, "");
    assert_int_equal(report.failed, 0);
    assert_in_range(stats.tables_adopted, form_is_full() ? TABLES : WORKERS,
                    (uint64_t)TABLES * WORKERS);
    assert_int_equal(g->freed, TABLES);
    assert_int_equal(g->n_retired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_tables_pass_under_traffic_without_a_failure,
                                        stage_setup, stage_teardown),
    };

    return cmocka_run_group_tests_name("swap", tests, NULL, NULL);
}
