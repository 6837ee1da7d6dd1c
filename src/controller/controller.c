#include "controller/controller.h"

#include <errno.h>
#include <stdlib.h>

#include "controller/controlloop.h"
#include "controller/kubesource.h"
#include "controller/kubewriter.h"
#include "controller/manifestsource.h"
#include "controller/rounds.h"
#include "route/registry.h"

struct controller {
    struct controller_config cfg;
    struct kubesource_config kube;  /* what cfg.kube points to */
    struct kubewriter_config write; /* likewise */
    struct rounds rounds;
    struct controlloop loop;
};

static int open_source(struct controller *c, struct err *e)
{
    const struct source_host host = {
        .base = c->loop.base,
        .store = c->rounds.store,
        .notice = controlloop_notice,
        .ctx = &c->loop,
    };
    struct source *out = &c->rounds.source;

    return c->cfg.kube ? kubesource_open(out, c->cfg.kube, &host, e)
                       : manifestsource_open(out, c->cfg.manifests, &host, e);
}

static int open_writer(struct controller *c, struct err *e)
{
    if (!c->cfg.write) {
        return 0;
    }
    c->rounds.writer = kubewriter_new(c->cfg.write, c->loop.base, e);
    return c->rounds.writer ? 0 : -EINVAL;
}

static void take_config(struct controller *c, const struct controller_config *cfg)
{
    ASSERT(!cfg->manifests != !cfg->kube);
    c->cfg = *cfg;
    if (cfg->kube) {
        c->kube = *cfg->kube;
        c->cfg.kube = &c->kube;
    }
    if (cfg->write) {
        c->write = *cfg->write;
        c->cfg.write = &c->write;
    }
}

struct controller *controller_new(const struct controller_config *cfg, struct err *e)
{
    struct controller *c = calloc(1, sizeof(*c));

    if (!c) {
        err_set(e, "out of memory");
        return NULL;
    }
    take_config(c, cfg);
    if (rounds_init(&c->rounds, &c->cfg) != 0) {
        err_set(e, "out of memory");
        goto fail;
    }
    if (controlloop_init(&c->loop, &c->rounds, e) != 0 || open_source(c, e) != 0 ||
        open_writer(c, e) != 0 || rounds_read(&c->rounds, e) != 0) {
        goto fail;
    }
    c->loop.log_ring = cfg->log_ring;
    return c;
fail:
    controller_free(c);
    return NULL;
}

int controller_start(struct controller *c, struct err *e)
{
    int rc = rounds_begin(&c->rounds, e);

    return rc != 0 ? rc : controlloop_start(&c->loop, e);
}

void controller_reload(struct controller *c)
{
    controlloop_reload(&c->loop);
}

int controller_series_snapshot(struct controller *c, struct series_snapshot *out)
{
    return registry_series_snapshot(c->rounds.publisher.registry, out);
}

void controller_stats(const struct controller *c, struct controller_stats *out)
{
    controllerstats_read(&c->rounds.stats, out);
}

const struct kubesource_stats *controller_kube_stats(const struct controller *c)
{
    return c->cfg.kube ? kubesource_stats(c->rounds.source.self) : NULL;
}

const struct kubewriter_stats *controller_write_stats(const struct controller *c)
{
    return c->rounds.writer ? kubewriter_stats(c->rounds.writer) : NULL;
}

void controller_stop(struct controller *c)
{
    controlloop_stop(&c->loop);
}

void controller_free(struct controller *c)
{
    if (!c) {
        return;
    }
    controlloop_stop(&c->loop);
    rounds_fini(&c->rounds);
    controlloop_fini(&c->loop);
    free(c);
}
