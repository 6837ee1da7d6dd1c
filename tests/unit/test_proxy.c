#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/logring.h"
#include "proxy/conn.h"
#include "proxy/proxy.h"
#include "route/registry.h"
#include "route/series.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/proxy_fixture.h"
#include "support/wait_until.h"

#define PATIENCE_MS 10000
#define WORKERS     2u

struct scene {
    struct proxy_fixture f;
    struct netaddr listen[2];
    struct proxy_config cfg;
    struct proxy *p; /* NULL while there is none */
    struct err e;
    struct logring *rings[WORKERS];
    unsigned n_rings;
    size_t fds_before;
    uint64_t want; /* of the condition waited for */
};

static struct logring *new_ring(void *ctx)
{
    struct scene *s = ctx;

    assert_true(s->n_rings < WORKERS);
    s->rings[s->n_rings] = logring_new(LIMIT_LOG_RING);
    return s->rings[s->n_rings++];
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    failsys_reset();
    s->fds_before = proxy_fixture_open_fds();
    proxy_fixture_init(&s->f);
    assert_int_equal(netaddr_parse("127.0.0.1:0", &s->listen[0]), 0);
    s->cfg = (struct proxy_config){.listen = s->listen,
                                   .n_listen = 1,
                                   .workers = WORKERS,
                                   .policy = s->f.policy,
                                   .max_connections = 1000,
                                   .max_connections_per_client = 500,
                                   .access_log = true,
                                   .new_log_ring = new_ring,
                                   .log_ctx = s};
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    if (s->p != NULL) {
        proxy_stop(s->p);
        assert_int_equal(proxy_active(s->p), 0);
        proxy_free(s->p);
    }
    for (unsigned i = 0; i < s->n_rings; i++) {
        logring_free(s->rings[i]);
    }
    proxy_fixture_fini(&s->f);
    assert_int_equal(proxy_fixture_open_fds(), s->fds_before);
    failsys_reset();
    free(s);
    return 0;
}

static void make(struct scene *s)
{
    err_clear(&s->e);
    s->p = proxy_new(&s->cfg, &s->e);
    if (s->p == NULL) {
        fail_msg("%s", s->e.text);
    }
}

static bool all_adopted(void *ctx)
{
    struct scene *s = ctx;

    for (unsigned i = 0; i < proxy_workers(s->p); i++) {
        if (proxy_adopted_generation(s->p, i) != s->want) {
            return false;
        }
    }
    return true;
}

static bool all_closed(void *ctx)
{
    struct scene *s = ctx;

    return proxy_active(s->p) == 0;
}

static void publish(struct scene *s, struct table *t)
{
    proxy_publish(s->p, t);
    s->want = table_generation(t);
    assert_true(wait_until(all_adopted, s, PATIENCE_MS));
}

static void start_serving(struct scene *s)
{
    make(s);
    assert_int_equal(proxy_start(s->p, &s->e), 0);
    publish(s, proxy_fixture_simple(&s->f));
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, PATIENCE_MS) == 1;
}

/* A client that has sent its hello to listener `index`. */
static int ask(struct scene *s, size_t index)
{
    struct netaddr to = proxy_listen_addr(s->p, index);
    int fd = proxy_fixture_dial(&to);

    assert_int_equal(write(fd, s->f.hello, s->f.hello_len), s->f.hello_len);
    return fd;
}

/* The backend's end of a connection whose hello has arrived. */
static int serve(struct scene *s)
{
    uint8_t got[sizeof(s->f.hello)];
    int fd;

    assert_true(readable(s->f.backend));
    fd = accept(s->f.backend, NULL, NULL);
    assert_true(fd >= 0);
    for (size_t len = 0; len < s->f.hello_len;) {
        ssize_t n;
        assert_true(readable(fd));
        n = read(fd, got, s->f.hello_len - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    return fd;
}

static bool ends_with_fin(int fd)
{
    uint8_t byte;

    return readable(fd) && read(fd, &byte, 1) == 0;
}

static void an_address_in_use_is_named_and_leaves_nothing(void **state)
{
    struct scene *s = *state;
    char text[NETADDR_TEXT_MAX];
    size_t fds;

    s->listen[0] = s->f.backend_addr;
    err_clear(&s->e);
    fds = proxy_fixture_open_fds();
    assert_null(proxy_new(&s->cfg, &s->e));
    assert_non_null(strstr(s->e.text, netaddr_format(&s->f.backend_addr, text)));
    assert_non_null(strstr(s->e.text, "in use"));
    assert_int_equal(proxy_fixture_open_fds(), fds);
}

static void two_of_us_cannot_have_one_address_even_before_either_listens(void **state)
{
    struct scene *s = *state;
    struct proxy *other;

    make(s);
    s->listen[0] = proxy_listen_addr(s->p, 0);
    other = proxy_new(&(struct proxy_config){.listen = s->listen,
                                             .n_listen = 1,
                                             .workers = 1,
                                             .policy = s->f.policy,
                                             .max_connections = 10},
                      &s->e);
    assert_null(other);
    assert_non_null(strstr(s->e.text, "in use"));
}

static void one_of_us_may_have_both_families_of_one_port(void **state)
{
    struct scene *s = *state;
    int client, server;

    assert_int_equal(netaddr_parse("[::]:0", &s->listen[0]), 0);
    s->p = proxy_new(&s->cfg, &s->e);
    if (s->p == NULL) {
        print_message("             skip %s: no IPv6 here\n", __func__);
        skip();
    }
    s->listen[0] = proxy_listen_addr(s->p, 0);
    proxy_free(s->p);
    assert_int_equal(netaddr_parse_ip("0.0.0.0", s->listen[0].port, &s->listen[1]), 0);
    s->cfg.n_listen = 2;
    s->cfg.new_log_ring = NULL;
    s->cfg.access_log = false;
    start_serving(s);
    assert_int_equal(netaddr_parse_ip("127.0.0.1", s->listen[0].port, &s->listen[1]), 0);
    client = proxy_fixture_dial(&s->listen[1]);
    assert_int_equal(write(client, s->f.hello, s->f.hello_len), s->f.hello_len);
    server = serve(s);
    close(client);
    close(server);
}

static void every_listener_has_its_port_and_serves(void **state)
{
    struct scene *s = *state;
    int fds[4];

    s->listen[1] = s->listen[0];
    s->cfg.n_listen = 2;
    start_serving(s);
    assert_int_not_equal(proxy_listen_addr(s->p, 0).port, 0);
    assert_int_not_equal(proxy_listen_addr(s->p, 0).port, proxy_listen_addr(s->p, 1).port);
    fds[0] = ask(s, 0);
    fds[1] = serve(s);
    fds[2] = ask(s, 1);
    fds[3] = serve(s);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        close(fds[i]);
    }
}

static void the_counters_of_all_workers_are_one_sum(void **state)
{
    struct scene *s = *state;
    struct listener_totals listener;
    struct route_totals routes;
    struct stats_totals sum;
    int clients[32];

    start_serving(s);
    assert_int_equal(proxy_workers(s->p), WORKERS);
    assert_int_equal(s->n_rings, WORKERS);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        int server;
        clients[i] = ask(s, 0);
        server = serve(s);
        assert_int_equal(proxy_active(s->p), i + 1);
        close(server);
        assert_true(ends_with_fin(clients[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        close(clients[i]);
    }
    assert_true(wait_until(all_closed, s, PATIENCE_MS));
    proxy_stop(s->p);
    proxy_stats(s->p, &sum);
    proxy_listener_stats(s->p, 0, &listener);
    proxy_unrouted(s->p, &routes);
    assert_int_equal(listener.accepted, ARRAY_LEN(clients));
    assert_int_equal(listener.hello[HELLO_OK], ARRAY_LEN(clients));
    assert_int_equal(listener.match[MATCH_EXACT], ARRAY_LEN(clients));
    assert_int_equal(routes.closed[END_SERVER_EOF], ARRAY_LEN(clients));
    assert_int_equal(routes.received_bytes, ARRAY_LEN(clients) * s->f.hello_len);
    assert_int_equal(sum.tables_adopted, WORKERS);
}

static void after_it_stops_accepting_what_runs_goes_on_until_the_end(void **state)
{
    struct scene *s = *state;
    struct route_totals sum;
    int client, server, late;
    uint8_t byte = 'x';

    start_serving(s);
    client = ask(s, 0);
    server = serve(s);
    proxy_stop_accepting(s->p);
    do {
        struct netaddr to = proxy_listen_addr(s->p, 0);
        struct pollfd p = {.events = POLLOUT};
        late = p.fd = proxy_fixture_dial(&to);
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        byte = conn_socket_error(late) == ECONNREFUSED ? 'y' : 'x';
        close(late);
    } while (byte == 'x'); /* until both workers have come to it */
    assert_int_equal(write(client, &byte, 1), 1);
    assert_true(readable(server));
    assert_int_equal(read(server, &byte, 1), 1);
    proxy_stop(s->p);
    assert_true(ends_with_fin(client));
    assert_true(ends_with_fin(server));
    proxy_unrouted(s->p, &sum);
    assert_int_equal(sum.closed[END_DRAIN], 1);
    close(client);
    close(server);
}

static void tables_come_and_go_under_traffic_and_none_is_lost(void **state)
{
    struct scene *s = *state;
    struct proxy_fixture *f = &s->f;
    int clients[8], servers[8];

    start_serving(s);
    for (unsigned round = 0; round < 60; round++) {
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            clients[i] = ask(s, 0);
        }
        /* The registry goes through states that connections raise and lower meanwhile. */
        publish(s, round % 2 == 0 ? proxy_fixture_table(f, "*.proxy.test", &f->backend_addr, 1)
                                  : proxy_fixture_simple(f));
        for (size_t i = 0; i + 1 < f->n_tables; i++) {
            table_unref(f->tables[i]);
            if (table_free_if_unused(f->tables[i])) {
                f->tables[i--] = f->tables[--f->n_tables];
            } else {
                (void)table_ref(f->tables[i]);
            }
        }
        (void)registry_sweep(f->registry);
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            servers[i] = serve(s); /* in any order */
        }
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            close(servers[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
            assert_true(ends_with_fin(clients[i]));
            close(clients[i]);
        }
    }
    assert_true(wait_until(all_closed, s, PATIENCE_MS));
}

static void one_that_was_never_started_is_stopped_and_freed_all_the_same(void **state)
{
    struct scene *s = *state;

    make(s);
    proxy_publish(s->p, proxy_fixture_simple(&s->f));
    proxy_free(NULL);
}

static void a_worker_that_does_not_start_takes_the_others_with_it(void **state)
{
    struct scene *s = *state;

    make(s);
    failsys_fail(FAILSYS_PTHREAD_CREATE, EAGAIN, WORKERS - 1, 1);
    assert_int_equal(proxy_start(s->p, &s->e), -EAGAIN);
    assert_non_null(strstr(s->e.text, "cannot start worker 1"));
    proxy_free(s->p); /* without proxy_stop(): none is running */
    s->p = NULL;
}

static void out_of_descriptors_is_an_error_at_start(void **state)
{
    struct scene *s = *state;
    size_t fds = proxy_fixture_open_fds();

    s->cfg.new_log_ring = NULL;
    for (unsigned skip = 0; skip < WORKERS; skip++) {
        err_clear(&s->e);
        failsys_fail(FAILSYS_EVENTFD, EMFILE, skip, 1);
        assert_null(proxy_new(&s->cfg, &s->e));
        assert_non_null(strstr(s->e.text, "descriptors"));
    }
    for (unsigned skip = 0; skip <= WORKERS; skip++) { /* the probe, then one each */
        err_clear(&s->e);
        failsys_fail(FAILSYS_SOCKET, EMFILE, skip, 1);
        assert_null(proxy_new(&s->cfg, &s->e));
        assert_non_null(strstr(s->e.text, strerror(EMFILE)));
    }
    assert_int_equal(proxy_fixture_open_fds(), fds);
}

static void make_and_free(void *ctx)
{
    struct scene *s = ctx;
    struct proxy *p;

    err_clear(&s->e);
    p = proxy_new(&s->cfg, &s->e);
    if (p == NULL) {
        assert_string_not_equal(s->e.text, "");
    }
    proxy_free(p);
}

static void without_memory_at_any_point_it_says_so_and_leaves_nothing(void **state)
{
    struct scene *s = *state;
    size_t fds = proxy_fixture_open_fds();

    s->cfg.new_log_ring = NULL;
    assert_true(failalloc_torture(make_and_free, s) > 10);
    for (unsigned skip = 0; skip < WORKERS + 1; skip++) { /* the cap and the workers */
        failsys_fail(FAILSYS_ALIGNED_ALLOC, ENOMEM, skip, 1);
        make_and_free(s);
    }
    assert_int_equal(proxy_fixture_open_fds(), fds);
}

static void count_adoption(void *ctx)
{
    atomic_fetch_add_explicit((_Atomic unsigned *)ctx, 1, memory_order_release);
}

static void each_worker_tells_what_it_adopted_and_when(void **state)
{
    struct scene *s = *state;
    _Atomic unsigned adoptions = 0;

    s->cfg.on_adopted = count_adoption;
    s->cfg.adopted_ctx = &adoptions;
    make(s);
    assert_int_equal(proxy_start(s->p, &s->e), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        uint64_t at_us = 99;
        assert_false(proxy_worker_listens(s->p, i));
        assert_int_equal(proxy_adopted(s->p, i, &at_us), 0);
        assert_int_equal(at_us, 0);
    }
    for (unsigned generation = 1; generation <= 3; generation++) {
        uint64_t before = clock_now_us();
        publish(s, proxy_fixture_simple(&s->f));
        for (unsigned i = 0; i < WORKERS; i++) {
            uint64_t at_us;
            assert_int_equal(proxy_adopted(s->p, i, &at_us), generation);
            assert_in_range(at_us, before, clock_now_us());
            assert_true(proxy_worker_listens(s->p, i));
            assert_true(clock_now_ms() - proxy_worker_turned_ms(s->p, i) < PATIENCE_MS);
        }
    }
    proxy_stop(s->p);
    assert_int_equal(adoptions, 3 * WORKERS);
}

static void what_routes_counted_is_in_their_registry(void **state)
{
    struct scene *s = *state;
    struct series_snapshot snapshot;
    struct route_totals unrouted, route;
    int clients[32];

    s->cfg.per_route_stats = true;
    start_serving(s);
    assert_int_equal(proxy_listeners(s->p), 1);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = ask(s, 0);
        close(serve(s));
        assert_true(ends_with_fin(clients[i]));
        close(clients[i]);
    }
    assert_true(wait_until(all_closed, s, PATIENCE_MS));
    proxy_stop(s->p);
    assert_int_equal(registry_series_snapshot(s->f.registry, &snapshot), 0);
    assert_int_equal(snapshot.n_series, 1);
    assert_int_equal(snapshot.n_cells, STATS_N_ROUTE_CELLS);
    memcpy(&route, snapshot.series[0].cells, sizeof(route)); /* summed over both workers */
    series_snapshot_fini(&snapshot);
    assert_int_equal(route.closed[END_SERVER_EOF], ARRAY_LEN(clients));
    assert_int_equal(route.received_bytes, ARRAY_LEN(clients) * s->f.hello_len);
    proxy_unrouted(s->p, &unrouted);
    assert_int_equal(unrouted.closed[END_SERVER_EOF], 0);
    assert_int_equal(unrouted.received_bytes, 0);
}

static void *fail_malloc(size_t n)
{
    return malloc(n);
}

static void *fail_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

/* Libevent complains on stderr. */
static void ignore(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(an_address_in_use_is_named_and_leaves_nothing),
        IN_SCENE(two_of_us_cannot_have_one_address_even_before_either_listens),
        IN_SCENE(one_of_us_may_have_both_families_of_one_port),
        IN_SCENE(every_listener_has_its_port_and_serves),
        IN_SCENE(the_counters_of_all_workers_are_one_sum),
        IN_SCENE(each_worker_tells_what_it_adopted_and_when),
        IN_SCENE(what_routes_counted_is_in_their_registry),
        IN_SCENE(after_it_stops_accepting_what_runs_goes_on_until_the_end),
        IN_SCENE(tables_come_and_go_under_traffic_and_none_is_lost),
        IN_SCENE(one_that_was_never_started_is_stopped_and_freed_all_the_same),
        IN_SCENE(a_worker_that_does_not_start_takes_the_others_with_it),
        IN_SCENE(out_of_descriptors_is_an_error_at_start),
        IN_SCENE(without_memory_at_any_point_it_says_so_and_leaves_nothing),
    };

    event_set_mem_functions(fail_malloc, fail_realloc, free);
    event_set_log_callback(ignore);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
