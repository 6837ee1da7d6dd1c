#include "app/monitor.h"

#include <errno.h>
#include <string.h>

#include "app/adminport.h"
#include "app/options.h"
#include "app/readiness.h"
#include "controller/report.h"
#include "proxy/proxy.h"
#include "route/table.h"

void monitor_init(struct monitor *m)
{
    *m = (struct monitor){.view = VIEW_NONE, .adopted.event_fd = -1};
    applies_init(&m->applies);
}

void monitor_fini(struct monitor *m)
{
    adminport_close(m->admin);
    watchdog_fini(&m->watchdog);
    if (m->on_adopted != NULL) {
        event_free(m->on_adopted);
    }
    mailbox_fini(&m->adopted);
    view_fini(&m->view);
    applies_fini(&m->applies);
}

int monitor_open(struct monitor *m, const struct netaddr *admin, struct err *e)
{
    const struct netaddr usual = adminport_default();

    return adminport_open(admin->family == AF_UNSPEC ? &usual : admin, &m->admin, e);
}

/* What every worker routes by by now, and since when. */
static void on_adopted(evutil_socket_t fd, short what, void *ctx)
{
    struct monitor *m = ctx;
    const struct proxy *proxy = m->metrics.proxy;
    uint64_t generation = UINT64_MAX, since_us = 0;

    (void)fd;
    (void)what;
    (void)mailbox_take(&m->adopted);
    for (unsigned i = 0; i < proxy_workers(proxy); i++) {
        uint64_t at_us;
        uint64_t its = proxy_adopted(proxy, i, &at_us);

        generation = its < generation ? its : generation;
        since_us = at_us > since_us ? at_us : since_us;
    }
    applies_done(&m->applies, generation, since_us);
}

static int watch_adoptions(struct monitor *m, struct event_base *base)
{
    int rc = mailbox_init(&m->adopted);

    if (rc != 0) {
        return rc;
    }
    m->on_adopted = event_new(base, m->adopted.event_fd, EV_READ | EV_PERSIST, on_adopted, m);
    return m->on_adopted != NULL && event_add(m->on_adopted, NULL) == 0 ? 0 : -ENOMEM;
}

static int watch(struct monitor *m, const struct monitor_config *cfg)
{
    int rc = view_init(&m->view, cfg->base);

    if (rc == 0) {
        rc = watch_adoptions(m, cfg->base);
    }
    if (rc == 0) {
        rc = watchdog_init(&m->watchdog, cfg->base, cfg->proxy, cfg->controller);
    }
    return rc;
}

int monitor_start(struct monitor *m, const struct monitor_config *cfg, struct err *e)
{
    int rc = watch(m, cfg);

    if (rc != 0) {
        err_set(e, "cannot watch the threads: %s", strerror(-rc));
        return rc;
    }
    m->metrics = (struct metrics){.build = cfg->build,
                                  .proxy = cfg->proxy,
                                  .controller = cfg->controller,
                                  .view = &m->view,
                                  .applies = &m->applies,
                                  .logs = cfg->logs,
                                  .is_draining = cfg->is_draining,
                                  .ctx = cfg->ctx};
    const struct adminport_config port = {.base = cfg->base,
                                          .metrics = m->metrics,
                                          .policy = &cfg->options->policy,
                                          .watchdog = &m->watchdog,
                                          .open = cfg->options->admin_open};

    return adminport_serve(m->admin, &port, e);
}

struct netaddr monitor_addr(const struct monitor *m)
{
    return adminport_addr(m->admin);
}

void monitor_table(struct monitor *m, struct table *t, uint64_t noticed_us)
{
    applies_begin(&m->applies, table_generation(t), noticed_us);
    view_put_table(&m->view, table_ref(t));
}

void monitor_report(struct monitor *m, struct report *r)
{
    view_put_report(&m->view, r);
}

void monitor_adopted(struct monitor *m)
{
    mailbox_ring(&m->adopted);
}

void monitor_forget_controller(struct monitor *m)
{
    watchdog_forget_controller(&m->watchdog);
}

bool monitor_is_ready(struct monitor *m)
{
    struct err why;

    return readiness_workers(&m->metrics, &why);
}
