#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "proxy/connbudget.h"
#include "proxy/listen.h"
#include "proxy/worker.h"
#include "route/table.h"
#include "support/failalloc.h"
#include "support/failsys.h"
#include "support/proxy_fixture.h"
#include "support/wait_until.h"

#define PATIENCE_MS 10000

/* One worker in its thread. */
struct scene {
    struct proxy_fixture f;
    struct worker_shared shared;
    struct worker *w;
    struct netaddr addr;
    struct logring *log;
    size_t fds_before;
    uint64_t want; /* of the condition waited for */
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    struct err e;
    int fd;

    assert_non_null(s);
    failsys_reset();
    s->fds_before = proxy_fixture_open_fds();
    proxy_fixture_init(&s->f);
    s->shared.budget = connbudget_new(1000, 1);
    assert_non_null(s->shared.budget);
    s->shared.policy = s->f.policy;
    s->log = logring_new(LIMIT_LOG_RING);
    s->w = worker_new(&s->shared, 0, 1);
    assert_non_null(s->w);
    s->w->log_ring = s->log;
    assert_int_equal(netaddr_parse("127.0.0.1:0", &s->addr), 0);
    assert_int_equal(listen_probe(&s->addr, &e), 0);
    fd = listen_bind(&s->addr, &e);
    assert_true(fd >= 0);
    worker_set_listener(s->w, 0, fd);
    worker_hold_listeners(s->w);
    *state = s;
    return 0;
}

static void stop(struct scene *s)
{
    worker_stop(s->w);
    worker_join(s->w);
}

static int teardown(void **state)
{
    struct scene *s = *state;

    stop(s);
    worker_free(s->w);
    assert_int_equal(connbudget_open(s->shared.budget), 0);
    connbudget_free(s->shared.budget);
    logring_free(s->log);
    proxy_fixture_fini(&s->f);
    assert_int_equal(proxy_fixture_open_fds(), s->fds_before);
    failsys_reset();
    free(s);
    return 0;
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_acquire);
}

static uint64_t adopted(const struct scene *s)
{
    uint64_t at_us;

    return worker_adopted(s->w, &at_us);
}

static bool adopted_it(void *ctx)
{
    struct scene *s = ctx;

    return adopted(s) == s->want;
}

static void publish(struct scene *s, struct table *t)
{
    worker_publish(s->w, table_ref(t));
    s->want = table_generation(t);
}

static void publish_and_wait(struct scene *s, struct table *t)
{
    publish(s, t);
    assert_true(wait_until(adopted_it, s, PATIENCE_MS));
}

static bool accepted_all(void *ctx)
{
    struct scene *s = ctx;

    return load(&s->w->counts[0].accepted) == s->want;
}

static void start_serving(struct scene *s)
{
    assert_int_equal(worker_start(s->w), 0);
    publish_and_wait(s, proxy_fixture_simple(&s->f));
}

/* Wait until `fd` can be read.  False when it took too long. */
static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, PATIENCE_MS) == 1;
}

static bool is_refused(const struct netaddr *to)
{
    int fd = proxy_fixture_dial(to);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    bool refused = poll(&p, 1, PATIENCE_MS) == 1 && conn_socket_error(fd) == ECONNREFUSED;

    close(fd);
    return refused;
}

/* A client that has sent its hello, and the backend's end of it once it was delivered. */
static int ask(struct scene *s)
{
    int fd = proxy_fixture_dial(&s->addr);

    assert_int_equal(write(fd, s->f.hello, s->f.hello_len), s->f.hello_len);
    return fd;
}

static int serve(struct scene *s)
{
    uint8_t got[sizeof(s->f.hello)];
    size_t len = 0;
    int fd;

    assert_true(readable(s->f.backend));
    fd = accept(s->f.backend, NULL, NULL);
    assert_true(fd >= 0);
    while (len < s->f.hello_len) {
        ssize_t n;
        assert_true(readable(fd));
        n = read(fd, got + len, s->f.hello_len - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    assert_memory_equal(got, s->f.hello, len);
    return fd;
}

static bool ends_with_fin(int fd)
{
    uint8_t byte;

    return readable(fd) && read(fd, &byte, 1) == 0;
}

static size_t log_lines(struct scene *s, const char *word);

static void it_listens_from_its_first_table_on(void **state)
{
    struct scene *s = *state;
    int client, server;

    assert_int_equal(worker_start(s->w), 0);
    assert_true(is_refused(&s->addr));
    assert_int_equal(adopted(s), 0);
    publish_and_wait(s, proxy_fixture_simple(&s->f)); /* listening comes before `adopted` */
    client = ask(s);
    server = serve(s);
    assert_int_equal(load(&s->w->stats.tables_adopted), 1);
    close(client);
    close(server);
}

static void the_latest_table_wins_and_the_others_are_given_back(void **state)
{
    struct scene *s = *state;
    struct proxy_fixture *f = &s->f;
    size_t n;

    assert_int_equal(worker_start(s->w), 0);
    for (n = 0; n < 20; n++) {
        publish(s, proxy_fixture_simple(f));
    }
    assert_true(wait_until(adopted_it, s, PATIENCE_MS));
    for (size_t i = 0; i + 1 < n; i++) {
        table_unref(f->tables[i]);
        assert_true(table_free_if_unused(f->tables[i]));
    }
    f->tables[0] = f->tables[n - 1];
    f->n_tables = 1;
    table_unref(f->tables[0]);
    assert_false(table_free_if_unused(f->tables[0]));
    (void)table_ref(f->tables[0]);
}

static void what_waits_when_accepting_stops_is_served_and_then_nobody_listens(void **state)
{
    struct scene *s = *state;
    int clients[16], servers[16];

    start_serving(s);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = ask(s);
    }
    worker_stop_accepting(s->w);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        servers[i] = serve(s);
    }
    s->want = ARRAY_LEN(clients);
    assert_true(accepted_all(s));
    while (!is_refused(&s->addr)) {
        /* the thread has not come to closing yet; accepting one more is fine */
    }
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_int_equal(write(servers[i], "still served", 12), 12);
    }
    /* Whose server is whose is not known: they were dialled in the order their hellos were read. */
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        assert_true(readable(clients[i]));
        close(clients[i]);
        close(servers[i]);
    }
}

static void after_stopping_to_accept_a_first_table_does_not_start_it_again(void **state)
{
    struct scene *s = *state;

    worker_stop_accepting(s->w);
    assert_int_equal(worker_start(s->w), 0);
    publish_and_wait(s, proxy_fixture_simple(&s->f));
    /* Table and command may have come in one look; then it listened for a moment. */
    while (!is_refused(&s->addr)) {
    }
    publish_and_wait(s, proxy_fixture_simple(&s->f));
    assert_true(is_refused(&s->addr));
    stop(s);
    assert_int_equal(log_lines(s, "cannot listen"), 0);
}

static void its_end_drains_what_runs_and_keeps_the_reasons_of_what_was_answered(void **state)
{
    struct scene *s = *state;
    int relayed, server, silent, refused;
    uint8_t answer[256];

    start_serving(s);
    relayed = ask(s);
    server = serve(s);
    silent = proxy_fixture_dial(&s->addr);
    refused = proxy_fixture_dial(&s->addr);
    assert_int_equal(write(refused, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    assert_true(readable(refused));
    assert_true(read(refused, answer, sizeof(answer)) > 0);
    s->want = 3;
    assert_true(wait_until(accepted_all, s, PATIENCE_MS));
    stop(s);
    assert_true(ends_with_fin(relayed));
    assert_true(ends_with_fin(server));
    assert_true(ends_with_fin(silent));
    assert_int_equal(load(&s->w->unrouted.closed[END_DRAIN]), 2);
    assert_int_equal(load(&s->w->unrouted.closed[END_HELLO_NOT_TLS]), 1);
    close(relayed);
    close(server);
    close(silent);
    close(refused);
}

static void once_joined_it_holds_no_table(void **state)
{
    struct scene *s = *state;
    struct proxy_fixture *f = &s->f;

    start_serving(s);
    worker_stop(s->w);
    publish(s, proxy_fixture_simple(f)); /* nobody will look any more, perhaps */
    worker_join(s->w);
    while (f->n_tables > 0) {
        table_unref(f->tables[--f->n_tables]);
        assert_true(table_free_if_unused(f->tables[f->n_tables]));
    }
}

static uint64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void its_thread_keeps_deadlines_never_early_and_wakes_for_a_nearer_one(void **state)
{
    struct scene *s = *state;
    int late, soon;
    uint64_t begin;

    s->shared.policy.hello_timeout_ms = 60000;
    start_serving(s);
    late = proxy_fixture_dial(&s->addr); /* the thread sleeps for a minute now */
    s->want = 1;
    assert_true(wait_until(accepted_all, s, PATIENCE_MS));
    soon = proxy_fixture_dial(&s->addr);
    begin = real_ms();
    assert_int_equal(write(soon, "GET / HTTP/1.0\r\n\r\n", 18), 18); /* lingers for a second */
    while (load(&s->w->unrouted.closed[END_HELLO_NOT_TLS]) == 0) {
        assert_true(real_ms() - begin < PATIENCE_MS);
        poll(NULL, 0, 1);
    }
    assert_true(real_ms() - begin >= LIMIT_LINGER_MS);
    close(soon);
    close(late);
}

static uint64_t cpu_ms(const struct scene *s)
{
    struct timespec used;
    clockid_t clock;

    assert_int_equal(pthread_getcpuclockid(s->w->thread, &clock), 0);
    clock_gettime(clock, &used);
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

static void with_nothing_to_do_it_sleeps(void **state)
{
    struct scene *s = *state;
    int client, server, silent;
    uint64_t used, begin;

    start_serving(s);
    client = ask(s);
    server = serve(s);
    silent = proxy_fixture_dial(&s->addr);
    assert_int_equal(shutdown(client, SHUT_WR), 0); /* a FIN that stays readable */
    assert_true(ends_with_fin(server));
    used = cpu_ms(s);
    begin = real_ms();
    assert_false(poll(&(struct pollfd){.fd = client, .events = POLLIN}, 1, 300) == 1);
    assert_true(cpu_ms(s) - used <= (real_ms() - begin) / 10);
    close(client);
    close(server);
    close(silent);
}

static bool find_word(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct {
        const char *word;
        size_t n;
    } *found = ctx;

    (void)stream;
    found->n += memmem(line, len, found->word, strlen(found->word)) != NULL;
    return true;
}

static size_t log_lines(struct scene *s, const char *word)
{
    struct {
        const char *word;
        size_t n;
    } found = {word, 0};

    (void)logring_drain(s->log, find_word, &found);
    return found.n;
}

static void one_that_cannot_listen_says_so_and_goes_on(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_LISTEN, EADDRINUSE, 0, 1);
    start_serving(s);
    publish_and_wait(s, proxy_fixture_simple(&s->f));
    assert_true(is_refused(&s->addr));
    assert_false(s->w->listening); /* so it is not ready, though it routes by the table */
    stop(s);
    assert_int_equal(log_lines(s, "cannot listen"), 1);
}

static void the_time_of_an_adoption_is_told_with_its_generation(void **state)
{
    struct scene *s = *state;
    uint64_t at_us = 99, before;

    assert_int_equal(worker_adopted(s->w, &at_us), 0);
    assert_int_equal(at_us, 0);
    assert_int_equal(worker_start(s->w), 0);
    for (unsigned i = 1; i <= 5; i++) {
        before = clock_now_us();
        publish_and_wait(s, proxy_fixture_simple(&s->f));
        assert_int_equal(worker_adopted(s->w, &at_us), i);
        assert_in_range(at_us, before, clock_now_us());
        assert_true(s->w->listening);
    }
}

static bool turned_again(void *ctx)
{
    struct scene *s = ctx;

    return atomic_load_explicit(&s->w->turned_ms, memory_order_relaxed) > s->want;
}

static void an_idle_worker_gives_a_sign_of_life_every_second(void **state)
{
    struct scene *s = *state;
    uint64_t made = s->w->turned_ms;

    assert_in_range(made, clock_now_ms() - 5000, clock_now_ms()); /* not dead before it begins */
    start_serving(s);
    s->want = made;
    assert_true(wait_until(turned_again, s, PATIENCE_MS));
    assert_true(s->w->turned_ms - made < PATIENCE_MS);
}

static void lines_held_back_are_told_at_the_latest_when_it_stops(void **state)
{
    struct scene *s = *state;
    const uint64_t begin = real_ms();

    connbudget_free(s->shared.budget);
    s->shared.budget = connbudget_new(0, 1);
    assert_non_null(s->shared.budget);
    s->shared.access_log = true;
    start_serving(s);
    while (load(&s->w->stats.lines_held_back[END_LIMIT]) == 0) {
        close(proxy_fixture_dial(&s->addr)); /* a slow machine needs more of them */
        assert_true(real_ms() - begin < PATIENCE_MS);
    }
    stop(s);
    assert_in_range(log_lines(s, "access lines held back"), 1, 1 + (real_ms() - begin) / 1000);
}

static void a_worker_that_cannot_be_made_leaves_nothing(void **state)
{
    static const struct {
        enum failsys_call call;
        unsigned skip;
    } points[] = {{FAILSYS_ALIGNED_ALLOC, 0}, {FAILSYS_ALIGNED_ALLOC, 1}, {FAILSYS_EVENTFD, 0},
                  {FAILSYS_EVENT_NEW, 0},     {FAILSYS_EVENT_NEW, 1},     {FAILSYS_EVENT_NEW, 2},
                  {FAILSYS_EVENT_ADD, 0},     {FAILSYS_EVENT_ADD, 1}};
    struct scene *s = *state;
    size_t fds = proxy_fixture_open_fds();

    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        failsys_fail(points[i].call, ENOMEM, points[i].skip, 1);
        assert_null(worker_new(&s->shared, 1, 2));
        assert_int_equal(proxy_fixture_open_fds(), fds);
    }
}

static void make_and_free(void *ctx)
{
    struct scene *s = ctx;

    worker_free(worker_new(&s->shared, 1, 2));
}

static void nor_does_one_without_memory_at_any_point(void **state)
{
    struct scene *s = *state;
    size_t fds = proxy_fixture_open_fds();

    assert_true(failalloc_torture(make_and_free, s) > 5);
    assert_int_equal(proxy_fixture_open_fds(), fds);
}

static void a_thread_that_does_not_start_is_an_error_and_no_more(void **state)
{
    struct scene *s = *state;

    failsys_fail(FAILSYS_PTHREAD_CREATE, EAGAIN, 0, 1);
    assert_int_equal(worker_start(s->w), -EAGAIN);
    worker_free(NULL);
}

static void *fail_malloc(size_t n)
{
    return malloc(n);
}

static void *fail_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

/* It complains on stderr. */
static void ignore(int severity, const char *text)
{
    (void)severity;
    (void)text;
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(it_listens_from_its_first_table_on),
        IN_SCENE(the_latest_table_wins_and_the_others_are_given_back),
        IN_SCENE(what_waits_when_accepting_stops_is_served_and_then_nobody_listens),
        IN_SCENE(after_stopping_to_accept_a_first_table_does_not_start_it_again),
        IN_SCENE(its_end_drains_what_runs_and_keeps_the_reasons_of_what_was_answered),
        IN_SCENE(once_joined_it_holds_no_table),
        IN_SCENE(its_thread_keeps_deadlines_never_early_and_wakes_for_a_nearer_one),
        IN_SCENE(with_nothing_to_do_it_sleeps),
        IN_SCENE(one_that_cannot_listen_says_so_and_goes_on),
        IN_SCENE(the_time_of_an_adoption_is_told_with_its_generation),
        IN_SCENE(an_idle_worker_gives_a_sign_of_life_every_second),
        IN_SCENE(lines_held_back_are_told_at_the_latest_when_it_stops),
        IN_SCENE(a_worker_that_cannot_be_made_leaves_nothing),
        IN_SCENE(nor_does_one_without_memory_at_any_point),
        IN_SCENE(a_thread_that_does_not_start_is_an_error_and_no_more),
    };

    event_set_mem_functions(fail_malloc, fail_realloc, free);
    event_set_log_callback(ignore);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
