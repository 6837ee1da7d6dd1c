#include "support/translated.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/report.h"
#include "model/store.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/objects.h"

struct translate_config translated_config(void)
{
    return (struct translate_config){.controller_class = "sealway.io/ingress-controller"};
}

static void stop_unless(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "translated: %s\n", what);
        abort();
    }
}

void translated_make(struct translated *t, const struct translate_config *cfg, const char *yaml)
{
    struct table_builder *b;

    memset(t, 0, sizeof(*t));
    verdicts_init(&t->v);
    unserved_init(&t->unserved);
    t->store = objects_store(yaml);
    t->registry = registry_new(0, 0);
    stop_unless(t->registry != NULL, "no registry");
    b = table_builder_new(t->registry);
    stop_unless(b && translate(cfg, t->store, b,
                               &(struct translate_outcome){&t->v, &t->unserved, NULL}) == 0,
                "translate failed");
    t->table = table_builder_freeze(b, 1);
    stop_unless(t->table != NULL, "freeze failed");
    table_builder_free(b);
    verdicts_sort(&t->v);
}

void translated_free(struct translated *t)
{
    table_unref(t->table);
    stop_unless(table_free_if_unused(t->table), "the table is still held");
    registry_free(t->registry);
    store_free(t->store);
    verdicts_fini(&t->v);
    unserved_fini(&t->unserved);
}

struct report *translated_report(const struct translated *t)
{
    struct verdicts none;
    const struct report_source from = {.generation = table_generation(t->table),
                                       .published = {.tv_sec = 1704067200},
                                       .files = &none,
                                       .routes = &t->v,
                                       .unserved = &t->unserved};
    struct report *r;

    verdicts_init(&none);
    r = report_new(&from);
    stop_unless(r != NULL, "no report");
    return r;
}

static void add(struct translated *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct translated *t, const char *fmt, ...)
{
    size_t len = strlen(t->text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(t->text + len, sizeof(t->text) - len, fmt, args);
    va_end(args);
}

static const struct route *find(const struct translated *t, const char *host)
{
    enum table_match match;

    return *host ? table_lookup(t->table, host, strlen(host), &match) : table_catch_all(t->table);
}

const char *translated_route(struct translated *t, const char *host)
{
    const struct route *r = find(t, host);
    const struct pool *pool;
    char text[NETADDR_TEXT_MAX];

    if (!r) {
        return "-";
    }
    pool = table_pool(t->table, r);
    t->text[0] = '\0';
    add(t, "%s/%s -> %s:%s [", r->state->ns, r->state->ingress, pool->service, pool->port);
    for (uint32_t i = 0; i < pool->n_endpoints; i++) {
        const struct endpoint *e = &pool->endpoints[i];

        add(t, "%s%s%s", i ? " " : "", netaddr_format(endpoint_addr(e), text),
            endpoint_is_terminating(e) ? "?" : "");
    }
    add(t, "]");
    return t->text;
}

const char *translated_verdicts(struct translated *t)
{
    t->text[0] = '\0';
    for (size_t i = 0; i < t->v.n; i++) {
        const struct verdict *v = &t->v.items[i];

        add(t, "%s%s %s/%s %s", i ? "; " : "", verdict_severity_name(v->severity), v->ns, v->name,
            v->reason);
    }
    return t->text;
}

const struct verdict *translated_verdict(const struct translated *t, const char *reason)
{
    for (size_t i = 0; i < t->v.n; i++) {
        if (strcmp(t->v.items[i].reason, reason) == 0) {
            return &t->v.items[i];
        }
    }
    return NULL;
}
