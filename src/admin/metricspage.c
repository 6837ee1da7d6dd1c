#include "admin/metricspage.h"

#include <errno.h>
#include <stdlib.h>

#include "acceptheader_priv.h"
#include "base/limits.h"

struct source {
    metricspage_source_fn write;
    void *ctx;
};

struct metricspage {
    struct source sources[LIMIT_METRICS_SOURCES];
    size_t n_sources;
};

struct metricspage *metricspage_new(void)
{
    return calloc(1, sizeof(struct metricspage));
}

void metricspage_free(struct metricspage *m)
{
    free(m);
}

int metricspage_add(struct metricspage *m, metricspage_source_fn write, void *ctx)
{
    if (m->n_sources == LIMIT_METRICS_SOURCES) {
        return -ENOSPC;
    }
    m->sources[m->n_sources++] = (struct source){write, ctx};
    return 0;
}

int metricspage_serve(void *m, const struct adminserver_request *rq,
                      struct adminserver_reply *reply)
{
    static const char *const types[] = {
        [PROM_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
        [PROM_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
    };
    const struct metricspage *page = m;
    enum prom_format format = acceptheader_choose(rq->accept);
    struct prom p;

    reply->content_type = types[format];
    prom_begin(&p, &reply->body, format);
    for (size_t i = 0; i < page->n_sources; i++) {
        page->sources[i].write(page->sources[i].ctx, &p);
    }
    return prom_end(&p);
}
