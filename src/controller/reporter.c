#include "controller/reporter.h"

#include <errno.h>
#include <string.h>

#include "controller/report.h"
#include "controller/serviceset.h"
#include "model/object.h"

void reporter_init(struct reporter *r, const struct controller_config *cfg)
{
    *r = (struct reporter){.cfg = cfg};
    verdicts_init(&r->objects);
    verdicts_init(&r->routes);
    unserved_init(&r->unserved);
    verdictlog_init(&r->objects_said);
    verdictlog_init(&r->routes_said);
}

void reporter_fini(struct reporter *r)
{
    verdicts_fini(&r->objects);
    verdicts_fini(&r->routes);
    unserved_fini(&r->unserved);
    verdictlog_fini(&r->objects_said);
    verdictlog_fini(&r->routes_said);
}

void reporter_take_objects(struct reporter *r, struct verdicts *v)
{
    verdicts_fini(&r->objects);
    r->objects = *v;
    verdicts_init(v);
    verdictlog_report(&r->objects_said, &r->objects);
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

static bool is_of_others(void *ctx, const struct verdict *one)
{
    struct retranslate_part *part = ctx;

    return strcmp(one->kind, object_kind_name(OBJECT_INGRESS)) != 0 ||
           !serviceset_has(&part->ingresses, one->ns, one->name);
}

void reporter_amend_routes(struct reporter *r, struct retranslate_part *part, struct verdicts *v,
                           struct unserved *u)
{
    bool has_room;

    if (part->ingresses.n == 0 && part->services.n == 0) {
        return; /* then nothing was said */
    }
    has_room = verdicts_reserve(&r->routes, v->n);
    unserved_drop(&r->unserved, &part->ingresses, &part->services);
    verdicts_filter(&r->routes, is_of_others, part);
    if (has_room) { /* all: what is not served points to what is said */
        unserved_append(&r->unserved, u);
        verdicts_move(&r->routes, v);
    } else {
        r->routes.lost = true;
        r->unserved.lost = true;
        verdicts_fini(v);
    }
    unserved_fini(u);
    verdictlog_report(&r->routes_said, &r->routes);
}

int reporter_send(struct reporter *r, uint64_t generation, const struct timespec *published)
{
    const struct report_source from = {.generation = generation,
                                       .published = *published,
                                       .files = &r->objects,
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
