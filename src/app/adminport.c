#include "app/adminport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/adminserver.h"
#include "admin/adminsocket.h"
#include "admin/health.h"
#include "admin/metricspage.h"
#include "app/adminpages.h"
#include "app/listeners.h"
#include "app/readiness.h"
#include "app/watchdog.h"

#define DEFAULT_PORT 10254
#define PATHS        5

struct adminport {
    int fd; /* -1 once it is the server's */
    struct netaddr addr;
    struct metrics metrics;
    struct adminpages pages;
    struct health *health;
    struct metricspage *metrics_page;
    struct adminserver_path paths[PATHS];
    struct adminserver *server;
};

struct netaddr adminport_default(void)
{
    struct netaddr a = listeners_default();

    a.port = DEFAULT_PORT;
    return a;
}

int adminport_open(const struct netaddr *a, struct adminport **out, struct err *e)
{
    struct adminport *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        err_set(e, "admin port: out of memory");
        return -ENOMEM;
    }
    p->addr = *a;
    p->fd = adminsocket_open(&p->addr, e);
    if (p->fd < 0) {
        int rc = p->fd;

        free(p);
        return rc;
    }
    *out = p;
    return 0;
}

struct netaddr adminport_addr(const struct adminport *p)
{
    return p->addr;
}

static int add_probes(struct adminport *p, struct watchdog *w)
{
    const struct {
        enum health_kind kind;
        const char *name;
        health_probe_fn probe;
        void *ctx;
    } probes[] = {
        {HEALTH_LIVE, "workers", watchdog_workers_turn, w},
        {HEALTH_LIVE, "controller", watchdog_controller_turns, w},
        {HEALTH_READY, "objects", readiness_synced, &p->metrics},
        {HEALTH_READY, "workers", readiness_workers, &p->metrics},
        {HEALTH_READY, "not-draining", readiness_not_draining, &p->metrics},
    };
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(probes) && rc == 0; i++) {
        rc = health_add(p->health, probes[i].kind, probes[i].name, probes[i].probe, probes[i].ctx);
    }
    return rc;
}

static int add_sources(struct adminport *p)
{
    static const metricspage_source_fn SOURCES[] = {metricsproxy_write,     metricsroutes_write,
                                                    metricsendpoints_write, metricsconfig_write,
                                                    metricskube_write,      metricsprocess_write};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(SOURCES) && rc == 0; i++) {
        rc = metricspage_add(p->metrics_page, SOURCES[i], &p->metrics);
    }
    return rc;
}

static void set_paths(struct adminport *p)
{
    const struct adminserver_path paths[PATHS] = {
        {"/metrics", metricspage_serve, p->metrics_page, false},
        {"/healthz", health_serve_live, p->health, false},
        {"/readyz", health_serve_ready, p->health, false},
        {"/routes", adminpages_routes, &p->pages, true},
        {"/explain", adminpages_explain, &p->pages, true},
    };

    memcpy(p->paths, paths, sizeof(paths));
}

static int make_pages(struct adminport *p, const struct adminport_config *cfg)
{
    int rc;

    p->metrics = cfg->metrics;
    p->pages = (struct adminpages){.view = cfg->metrics.view, .policy = cfg->policy};
    p->health = health_new();
    p->metrics_page = metricspage_new();
    if (p->health == NULL || p->metrics_page == NULL) {
        return -ENOMEM;
    }
    p->metrics.health = p->health;
    rc = add_probes(p, cfg->watchdog);
    return rc == 0 ? add_sources(p) : rc;
}

int adminport_serve(struct adminport *p, const struct adminport_config *cfg, struct err *e)
{
    int rc = make_pages(p, cfg);

    if (rc != 0) {
        err_set(e, "admin port: %s", strerror(-rc));
        return rc;
    }
    set_paths(p);
    const struct adminserver_config server = {
        .base = cfg->base, .fd = p->fd, .paths = p->paths, .n_paths = PATHS, .open = cfg->open};
    rc = adminserver_new(&server, &p->server, e);
    if (rc == 0) {
        p->fd = -1;
    }
    return rc;
}

void adminport_close(struct adminport *p)
{
    if (p == NULL) {
        return;
    }
    adminserver_free(p->server);
    metricspage_free(p->metrics_page);
    health_free(p->health);
    if (p->fd >= 0) {
        close(p->fd);
    }
    free(p);
}
