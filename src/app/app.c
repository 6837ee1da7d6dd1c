#include "app/app.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <unistd.h>

#include "app/apiserver.h"
#include "app/cpus.h"
#include "app/fdlimit.h"
#include "app/listeners.h"
#include "app/mainloop.h"
#include "app/monitor.h"
#include "app/options.h"
#include "app/portsfile.h"
#include "app/sources.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/logwriter.h"
#include "controller/controller.h"
#include "proxy/proxy.h"
#include "route/table.h"

struct app {
    const struct options *options;
    const struct metrics_build *build;
    unsigned workers;
    struct netaddr default_listen;
    struct listeners listeners;
    struct apiserver api; /* zeroed with --manifests */
    struct logwriter *logs;
    struct proxy *proxy;
    bool proxy_running;
    struct controller *controller;
    bool controller_running;
    struct mainloop *loop;
    struct monitor monitor;
    struct err *e;
};

static enum app_status no_memory(struct app *a)
{
    err_set(a->e, "out of memory");
    return APP_FAILED;
}

static struct logring *new_log_ring(void *ctx)
{
    struct app *a = ctx;

    return logwriter_add_ring(a->logs);
}

static void publish(void *ctx, struct table *t, uint64_t noticed_us)
{
    struct app *a = ctx;

    monitor_table(&a->monitor, t, noticed_us);
    proxy_publish(a->proxy, t);
    table_unref(t);
}

static void report(void *ctx, struct report *r)
{
    struct app *a = ctx;

    monitor_report(&a->monitor, r);
}

/* On a worker's thread. */
static void on_adopted(void *ctx)
{
    struct app *a = ctx;

    monitor_adopted(&a->monitor);
}

static void stop_controller(struct app *a)
{
    if (a->controller_running) {
        monitor_forget_controller(&a->monitor);
        controller_stop(a->controller);
        a->controller_running = false;
    }
}

static bool is_ready(void *ctx)
{
    struct app *a = ctx;

    return monitor_is_ready(&a->monitor);
}

static bool is_draining(void *ctx)
{
    const struct app *a = ctx;

    return mainloop_is_draining(a->loop);
}

static void log_address(const char *msg, const struct netaddr *addr)
{
    struct log_line line;

    if (log_enabled(LOG_INFO)) {
        log_line_begin(&line, LOG_INFO, msg);
        log_line_addr(&line, "address", addr);
        log_line_send(&line);
    }
}

static int on_ready(void *ctx, struct err *e)
{
    const struct app *a = ctx;
    const char *file = a->options->ports_file;
    const struct netaddr admin = monitor_addr(&a->monitor);
    int rc = file == NULL ? 0 : portsfile_write(&a->listeners, &admin, file, e);

    if (rc != 0) {
        return rc;
    }
    log_info("ready");
    return 0;
}

static void reload(void *ctx)
{
    struct app *a = ctx;

    if (a->controller_running) {
        controller_reload(a->controller);
    }
}

/* The controller stops too: what drains needs no new table. */
static void stop_accepting(void *ctx)
{
    struct app *a = ctx;

    proxy_stop_accepting(a->proxy);
    stop_controller(a);
}

static bool is_accepting(void *ctx)
{
    const struct app *a = ctx;

    return proxy_is_listening(a->proxy);
}

static uint64_t active(void *ctx)
{
    const struct app *a = ctx;

    return proxy_active(a->proxy);
}

static int check_source(struct app *a)
{
    const struct options *o = a->options;

    return o->manifests != NULL ? sources_check_manifests(o->manifests, a->e)
                                : apiserver_find(&a->api, o, a->build->version, a->e);
}

static enum app_status check_paths(struct app *a)
{
    const char *file = a->options->ports_file;

    if (check_source(a) != 0 || (file != NULL && portsfile_check(file, a->e) != 0)) {
        return APP_USAGE;
    }
    return APP_OK;
}

static enum app_status open_logs(struct app *a)
{
    struct logring *own;

    a->logs = logwriter_start(STDOUT_FILENO, STDERR_FILENO);
    if (a->logs == NULL) {
        return no_memory(a);
    }
    own = logwriter_add_ring(a->logs);
    if (own == NULL) {
        return no_memory(a);
    }
    log_use_ring(own);
    return APP_OK;
}

static enum app_status remember_listeners(struct app *a, size_t n)
{
    struct netaddr bound[LIMIT_LISTENERS];

    for (size_t i = 0; i < n; i++) {
        bound[i] = proxy_listen_addr(a->proxy, i);
    }
    return listeners_init(&a->listeners, bound, n) == 0 ? APP_OK : no_memory(a);
}

static enum app_status open_proxy(struct app *a)
{
    const struct options *o = a->options;
    struct proxy_config cfg = {.listen = o->listen,
                               .n_listen = o->n_listen,
                               .workers = a->workers,
                               .policy = o->policy,
                               .max_connections_per_client = o->max_connections_per_client,
                               .access_log = o->access_log,
                               .new_log_ring = new_log_ring,
                               .log_ctx = a,
                               .on_adopted = on_adopted,
                               .adopted_ctx = a,
                               .per_route_stats = o->per_route_metrics};
    struct fdlimit_load load = {.workers = a->workers, .source = apiserver_descriptors(o)};
    uint64_t limit = fdlimit_raise();

    if (cfg.n_listen == 0) {
        a->default_listen = listeners_default();
        cfg.listen = &a->default_listen;
        cfg.n_listen = 1;
    }
    load.listeners = (unsigned)cfg.n_listen;
    fdlimit_grant_pipes(limit, o->max_connections, &load);
    cfg.pipes = load.pipes;
    if (fdlimit_settle(limit, &load, o->max_connections, &cfg.max_connections, a->e) != 0) {
        return APP_USAGE;
    }
    a->proxy = proxy_new(&cfg, a->e);
    return a->proxy != NULL ? remember_listeners(a, cfg.n_listen) : APP_USAGE;
}

static enum app_status open_controller(struct app *a)
{
    const bool files = a->options->manifests != NULL;
    struct controller_config cfg = {.manifests = a->options->manifests,
                                    .kube = files ? NULL : &a->api.config,
                                    .write = a->api.writes ? &a->api.write : NULL,
                                    .translate = options_translate(a->options),
                                    .publish = publish,
                                    .report = report,
                                    .ctx = a,
                                    .log_ring = logwriter_add_ring(a->logs)};

    if (cfg.log_ring == NULL) {
        return no_memory(a);
    }
    cfg.workers = a->workers;
    if (a->options->per_route_metrics) {
        cfg.route_cells = STATS_N_ROUTE_CELLS;
    }
    cfg.translate.from_api_server = !files;
    cfg.translate.is_own_listener = listeners_include;
    cfg.translate.own_listener_ctx = &a->listeners;
    a->controller = controller_new(&cfg, a->e);
    return a->controller != NULL ? APP_OK : APP_USAGE;
}

static enum app_status open_loop(struct app *a)
{
    struct mainloop_config cfg = {.drain_delay_ms = a->options->drain_delay_ms,
                                  .drain_timeout_ms = a->options->drain_timeout_ms,
                                  .is_ready = is_ready,
                                  .on_ready = on_ready,
                                  .reload = reload,
                                  .stop_accepting = stop_accepting,
                                  .is_accepting = is_accepting,
                                  .active = active,
                                  .ctx = a};

    a->loop = mainloop_new(&cfg, a->e);
    return a->loop != NULL ? APP_OK : APP_FAILED;
}

static enum app_status open_monitor(struct app *a)
{
    int rc = monitor_open(&a->monitor, &a->options->admin, a->e);

    return rc == 0 ? APP_OK : rc == -ENOMEM ? APP_FAILED : APP_USAGE;
}

static enum app_status start_monitor(struct app *a)
{
    const struct monitor_config cfg = {.base = mainloop_base(a->loop),
                                       .options = a->options,
                                       .build = a->build,
                                       .proxy = a->proxy,
                                       .controller = a->controller,
                                       .logs = a->logs,
                                       .is_draining = is_draining,
                                       .ctx = a};

    return monitor_start(&a->monitor, &cfg, a->e) == 0 ? APP_OK : APP_FAILED;
}

/* By now every address is bound and every mistake was told: what is still there is not the file of
 * another instance on the same addresses, but one that an earlier run left. */
static enum app_status remove_old_ports(struct app *a)
{
    if (a->options->ports_file != NULL) {
        portsfile_remove(a->options->ports_file);
    }
    return APP_OK;
}

/* Long before the first connection is accepted, where the API server cannot be reached. */
static enum app_status tell_addresses(struct app *a)
{
    const struct netaddr admin = monitor_addr(&a->monitor);

    for (size_t i = 0; i < a->listeners.n_bound; i++) {
        log_address("bound", &a->listeners.bound[i]);
    }
    log_address("admin port", &admin);
    return APP_OK;
}

static enum app_status start_threads(struct app *a)
{
    if (proxy_start(a->proxy, a->e) != 0) {
        return APP_FAILED;
    }
    a->proxy_running = true;
    if (controller_start(a->controller, a->e) != 0) {
        return APP_FAILED;
    }
    a->controller_running = true;
    return APP_OK;
}

static enum app_status run_loop(struct app *a)
{
    return mainloop_run(a->loop, a->e) == 0 ? APP_OK : APP_FAILED;
}

/* The order of start.  Paths come before the first thread.  Logs are next because workers and
 * controller are made with their rings; then the rest of what a user can have got wrong, and only
 * then whatever serves. */
static enum app_status run(struct app *a)
{
    static enum app_status (*const STEPS[])(struct app *) = {
        check_paths,    open_logs,       open_loop,     open_proxy,
        open_monitor,   open_controller, start_monitor, remove_old_ports,
        tell_addresses, start_threads,   run_loop};
    enum app_status status = APP_OK;

    for (size_t i = 0; i < ARRAY_LEN(STEPS) && status == APP_OK; i++) {
        status = STEPS[i](a);
    }
    return status;
}

/* The order of stop.  The controller ends before the workers, so that nothing is put into a mailbox
 * nobody empties; its tables are freed after them, when nobody holds one. */
static void close_all(struct app *a)
{
    stop_controller(a);
    if (a->proxy_running) {
        proxy_stop(a->proxy);
        log_info("stopped");
    }
    monitor_fini(&a->monitor);
    proxy_free(a->proxy);
    controller_free(a->controller);
    mainloop_free(a->loop);
    log_use_ring(NULL);
    if (a->logs != NULL) {
        logwriter_stop(a->logs);
    }
    listeners_fini(&a->listeners);
    apiserver_fini(&a->api);
    libevent_global_shutdown();
}

static unsigned settle_workers(const struct options *o)
{
    unsigned n = o->workers > 0 ? o->workers : cpus_usable();

    return n < LIMIT_WORKERS ? n : LIMIT_WORKERS;
}

enum app_status app_serve(const struct options *o, const struct metrics_build *build, struct err *e)
{
    struct app a = {.options = o, .build = build, .workers = settle_workers(o), .e = e};
    sigset_t before;
    enum app_status status;

    err_clear(e);
    heap_setup();
    monitor_init(&a.monitor);
    mainloop_block_signals(&before);
    log_configure(o->log_level, o->log_format);
    status = run(&a);
    close_all(&a);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}
