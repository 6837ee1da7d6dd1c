#include "controller/reporter.h"

#include <errno.h>

#include "controller/report.h"

void reporter_init(struct reporter *r, const struct controller_config *cfg)
{
    *r = (struct reporter){.cfg = cfg};
    verdicts_init(&r->files);
    verdicts_init(&r->routes);
    unserved_init(&r->unserved);
    verdictlog_init(&r->files_said);
    verdictlog_init(&r->routes_said);
}

void reporter_fini(struct reporter *r)
{
    verdicts_fini(&r->files);
    verdicts_fini(&r->routes);
    unserved_fini(&r->unserved);
    verdictlog_fini(&r->files_said);
    verdictlog_fini(&r->routes_said);
}

void reporter_take_files(struct reporter *r, struct verdicts *v)
{
    verdicts_fini(&r->files);
    r->files = *v;
    verdicts_init(v);
    verdictlog_report(&r->files_said, &r->files);
}

void reporter_take_routes(struct reporter *r, struct verdicts *v, struct unserved *u)
{
    verdicts_fini(&r->routes);
    unserved_fini(&r->unserved);
    r->routes = *v;
    r->unserved = *u;
    verdicts_init(v);
    unserved_init(u);
    verdictlog_report(&r->routes_said, &r->routes);
}

int reporter_send(struct reporter *r, uint64_t generation, const struct timespec *published)
{
    const struct report_source from = {.generation = generation,
                                       .published = *published,
                                       .files = &r->files,
                                       .routes = &r->routes,
                                       .unserved = &r->unserved};
    struct report *report;
    uint64_t digest;

    if (!r->cfg->report) {
        return 0;
    }
    digest = report_digest(&from);
    if (r->has_sent && digest == r->sent) {
        return 0;
    }
    report = report_new(&from);
    if (!report) {
        return -ENOMEM;
    }
    r->sent = digest;
    r->has_sent = true;
    r->cfg->report(r->cfg->ctx, report);
    return 0;
}
