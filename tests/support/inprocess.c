#include "support/inprocess.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/logring.h"
#include "base/logwriter.h"
#include "controller/controller.h"
#include "controller/report.h"
#include "proxy/proxy.h"
#include "route/table.h"
#include "support/ask.h"

#define PAGE_MAX  (1u << 20)
#define LOG_BYTES 8192

static const struct metrics_build BUILD = {"1.2.3", "abcdef", "OpenSSL 3", "libevent 2"};

uint64_t inprocess_real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- what app.c does ---- */

static struct logring *new_log_ring(void *ctx)
{
    struct inprocess *p = ctx;

    return logwriter_add_ring(p->logs);
}

static void on_adopted(void *ctx)
{
    struct inprocess *p = ctx;

    monitor_adopted(&p->monitor);
}

static void publish(void *ctx, struct table *t, uint64_t noticed_us)
{
    struct inprocess *p = ctx;

    monitor_table(&p->monitor, t, noticed_us);
    proxy_publish(p->proxy, t);
    table_unref(t);
}

static void report(void *ctx, struct report *r)
{
    struct inprocess *p = ctx;

    monitor_report(&p->monitor, r);
}

static bool is_draining(void *ctx)
{
    const struct inprocess *p = ctx;

    return p->draining;
}

static void open_proxy(struct inprocess *p)
{
    struct netaddr any;
    struct proxy_config cfg = {.listen = &any,
                               .n_listen = 1,
                               .workers = INPROCESS_WORKERS,
                               .policy = p->options.policy,
                               .max_connections = 1000,
                               .access_log = true,
                               .new_log_ring = new_log_ring,
                               .log_ctx = p,
                               .on_adopted = on_adopted,
                               .adopted_ctx = p,
                               .per_route_stats = p->options.per_route_metrics};

    assert_int_equal(netaddr_parse("127.0.0.1:0", &any), 0);
    p->proxy = proxy_new(&cfg, &p->e);
    assert_non_null(p->proxy);
    p->listen = proxy_listen_addr(p->proxy, 0);
}

static void open_controller(struct inprocess *p)
{
    struct controller_config cfg = {.manifests = p->manifests.path,
                                    .translate = options_translate(&p->options),
                                    .publish = publish,
                                    .report = report,
                                    .ctx = p,
                                    .log_ring = logwriter_add_ring(p->logs)};

    cfg.workers = INPROCESS_WORKERS;
    if (p->options.per_route_metrics) {
        cfg.route_cells = STATS_N_ROUTE_CELLS;
    }
    p->controller = controller_new(&cfg, &p->e);
    assert_non_null(p->controller);
}

/* ---- life ---- */

int inprocess_setup(void **state)
{
    static char source[] = "--manifests=-"; /* not looked at: p->manifests is */
    struct inprocess *p = calloc(1, sizeof(*p));
    char *argv[] = {source};

    assert_non_null(p);
    tempdir_make(&p->manifests);
    assert_int_equal(options_parse(&p->options, OPTIONS_SERVE, 1, argv, &p->e), 0);
    assert_int_equal(netaddr_parse("127.0.0.1:0", &p->options.admin), 0);
    buf_init(&p->page, PAGE_MAX);
    monitor_init(&p->monitor);
    p->log = logring_new(LOG_BYTES);
    assert_non_null(p->log);
    log_use_ring(p->log);
    *state = p;
    return 0;
}

void inprocess_open(struct inprocess *p)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct monitor_config cfg = {
        .options = &p->options, .build = &BUILD, .is_draining = is_draining, .ctx = p};

    assert_true(nowhere >= 0);
    p->base = event_base_new();
    assert_non_null(p->base);
    p->logs = logwriter_start(nowhere, nowhere);
    assert_non_null(p->logs);
    open_proxy(p);
    assert_int_equal(monitor_open(&p->monitor, &p->options.admin, &p->e), 0);
    open_controller(p);
    cfg.base = p->base;
    cfg.proxy = p->proxy;
    cfg.controller = p->controller;
    cfg.logs = p->logs;
    assert_int_equal(monitor_start(&p->monitor, &cfg, &p->e), 0);
}

void inprocess_start(struct inprocess *p)
{
    assert_int_equal(proxy_start(p->proxy, &p->e), 0);
    p->running = true;
    assert_int_equal(controller_start(p->controller, &p->e), 0);
    INPROCESS_UNTIL(p, monitor_is_ready(&p->monitor) && p->monitor.view.report != NULL &&
                           p->monitor.applies.n_pending == 0);
}

int inprocess_setup_started(void **state)
{
    inprocess_setup(state);
    inprocess_open(*state);
    inprocess_start(*state);
    return 0;
}

int inprocess_teardown(void **state)
{
    struct inprocess *p = *state;

    if (p->controller != NULL) {
        controller_stop(p->controller);
    }
    if (p->running) {
        proxy_stop(p->proxy);
    }
    monitor_fini(&p->monitor);
    proxy_free(p->proxy);
    controller_free(p->controller);
    logwriter_stop(p->logs);
    if (p->base != NULL) {
        event_base_free(p->base);
    }
    log_use_ring(NULL);
    logring_free(p->log);
    buf_fini(&p->page);
    options_fini(&p->options);
    tempdir_remove(&p->manifests);
    free(p);
    return 0;
}

void inprocess_turn(struct inprocess *p)
{
    (void)event_base_loop(p->base, EVLOOP_NONBLOCK);
}

/* ---- what happened ---- */

bool inprocess_ask(struct inprocess *p, const char *name, const char *backend)
{
    bool reached = ask_reaches(&p->listen, name, backend);

    INPROCESS_UNTIL(p, proxy_active(p->proxy) == 0);
    return reached;
}

/* Put PORT in place of the digits behind every `before`. */
static void hide_ports(char *text, const char *before)
{
    static const char PORT[] = {'P', 'O', 'R', 'T'};

    for (char *at = strstr(text, before); at != NULL; at = strstr(at, before)) {
        size_t digits;

        at += strlen(before);
        digits = strspn(at, "0123456789");
        assert_true(digits >= sizeof(PORT));
        memcpy(at, PORT, sizeof(PORT));
        memmove(at + sizeof(PORT), at + digits, strlen(at + digits) + 1);
    }
}

const char *inprocess_metrics(struct inprocess *p, metricspage_source_fn write,
                              enum prom_format format)
{
    struct prom prom;

    p->page.len = 0;
    prom_begin(&prom, &p->page, format);
    write(&p->monitor.metrics, &prom);
    assert_int_equal(prom_end(&prom), 0);
    assert_int_equal(buf_append(&p->page, "", 1), 0);
    hide_ports((char *)p->page.data, "listener=\"127.0.0.1:");
    return (const char *)p->page.data;
}

void inprocess_metrics_in_want(struct inprocess *p, metricspage_source_fn write)
{
    struct prom prom;
    struct buf out;
    int rc;

    buf_init(&out, PAGE_MAX);
    prom_begin(&prom, &out, PROM_TEXT);
    write(&p->monitor.metrics, &prom);
    rc = prom_end(&prom);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&out);
}

struct lines {
    char *out;
    size_t len, room;
};

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct lines *l = ctx;

    (void)stream;
    assert_true(len < l->room - l->len);
    memcpy(l->out + l->len, line, len);
    l->len += len;
    return true;
}

const char *inprocess_log(struct inprocess *p)
{
    static char text[2 * LOG_BYTES];
    struct lines lines = {.out = text, .room = sizeof(text)};

    (void)logring_drain(p->log, take_line, &lines);
    text[lines.len] = '\0';
    return text;
}
