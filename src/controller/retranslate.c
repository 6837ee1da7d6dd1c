#include "controller/retranslate.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/hostname.h"
#include "route/poolwalk.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

#define MAX_INGRESSES 1024u /* to translate again; more are as good as all */
#define SLOTS         (2 * (size_t)MAX_INGRESSES)

/* What finding them may cost: about as much as all Ingresses would.  A unit is a look-up. */
#define WORK_AT_LEAST     10000u
#define WORK_PER_INGRESS  2u
#define WALKED_PER_LOOKUP 16u /* places that a walk passes in that time */

/** An Ingress to be translated again. */
struct again {
    const struct ingress *before, *now; /* NULL: there was, or is, none */
};

struct retranslation {
    const struct translate_config *cfg;
    const struct store *store;
    const struct retranslate_base *base;
    struct retranslate_part *part;
    struct table_builder *builder, *trial;
    size_t work;      /* left */
    uint8_t *visited; /* a bit for each route of the base: its claimants are among them */
    size_t n, n_now;
    struct again again[MAX_INGRESSES];
    const struct ingress *now[MAX_INGRESSES]; /* those of them that are there */
    const struct ingress *slots[SLOTS];       /* the same, by address; NULL: empty */
};

/** Going on would cost so much more. */
static MUST_CHECK int charge(struct retranslation *r, size_t work)
{
    if (work > r->work) {
        return -EAGAIN;
    }
    r->work -= work;
    return 0;
}

void retranslate_part_fini(struct retranslate_part *p)
{
    serviceset_fini(&p->ingresses);
    serviceset_fini(&p->services);
}

/* ---- which Ingresses ------------------------------------------------------------------------ */

/** Where one is, or would be. */
static const struct ingress **slot_of(struct retranslation *r, const struct ingress *ing)
{
    size_t i = (size_t)(((uintptr_t)ing >> 4) * 0x9e3779b97f4a7c15u >> 32) % SLOTS;

    while (r->slots[i] && r->slots[i] != ing) {
        i = (i + 1) % SLOTS;
    }
    return &r->slots[i];
}

static int add(struct retranslation *r, const struct again *a)
{
    const struct objmeta *meta = a->now ? &a->now->meta : &a->before->meta;

    if (r->n == MAX_INGRESSES) {
        return -EAGAIN;
    }
    r->again[r->n++] = *a;
    if (a->now) {
        *slot_of(r, a->now) = a->now;
    }
    serviceset_add(&r->part->ingresses, meta->ns, meta->name);
    return 0;
}

/* One that has not changed itself, or was there from the start. */
static int add_ingress(void *ctx, const struct ingress *ing)
{
    struct retranslation *r = ctx;
    const struct again a = {ing, ing};

    return *slot_of(r, ing) ? 0 : add(r, &a);
}

static int add_named(struct retranslation *r, const char *ns, const char *name)
{
    const struct objmeta *o = store_find(r->store, OBJECT_INGRESS, ns, name);

    return o ? add_ingress(r, (const struct ingress *)o)
             : 0; /* gone: it was there from the start */
}

/* ---- what they have to do with -------------------------------------------------------------- */

static int add_claimants(struct retranslation *r, const struct route *route)
{
    int rc = charge(r, 1 + route->n_lost);

    if (rc == 0) {
        rc = add_named(r, route->state->ns, route->state->ingress);
    }
    for (uint32_t i = 0; i < route->n_lost && rc == 0; i++) {
        rc = add_named(r, route->lost[i].ns, route->lost[i].ingress);
    }
    return rc;
}

/** Whether this is the first call for a route. */
static bool visit(struct retranslation *r, const struct route *route)
{
    size_t n, i = (size_t)(route - table_routes(r->base->last.table, &n));
    uint8_t bit = (uint8_t)(1u << i % 8);
    bool is_first = (r->visited[i / 8] & bit) == 0;

    r->visited[i / 8] |= bit;
    return is_first;
}

static int free_host(struct retranslation *r, const char *host)
{
    const struct route *route = table_route_of(r->base->last.table, host);
    int rc = charge(r, 1);

    if (rc == 0 && route && visit(r, route)) {
        rc = table_builder_drop(r->builder, host);
        return rc == 0 ? add_claimants(r, route) : rc;
    }
    return rc;
}

static int free_hosts(struct retranslation *r, const struct ingress *ing)
{
    char host[HOSTNAME_MAX + 1];
    size_t len;
    int rc = ing->default_backend.type != BACKEND_NONE ? free_host(r, "") : 0;

    for (size_t i = 0; i < ing->n_rules && rc == 0; i++) {
        const char *written = ing->rules[i].host;

        host[0] = '\0'; /* a rule without one */
        if (!*written ||
            hostname_normalise_pattern(written, strlen(written), host, &len) == HOSTNAME_VALID) {
            rc = free_host(r, host);
        }
    }
    return rc;
}

/** All who name a Service, and what was said of its pools. */
static int add_service(struct retranslation *r, const char *ns, const char *name)
{
    int rc;

    if (serviceset_has(&r->part->services, ns, name)) {
        return 0;
    }
    serviceset_add(&r->part->services, ns, name);
    rc = charge(r, 1 + store_naming_work(r->store) / WALKED_PER_LOOKUP);
    return rc == 0 ? store_each_naming(r->store, ns, name, add_ingress, r) : rc;
}

/** Returns 0 with *out, or -EAGAIN. */
static int find_empty_pool(struct retranslation *r, const char *ns, const char *name, bool *out)
{
    struct poolwalk w;
    const struct pool *p;
    int rc = 0;

    *out = false;
    poolwalk_begin(&w, r->base->last.table, ns, name);
    while (rc == 0 && !*out && (p = poolwalk_next(&w)) != NULL) {
        *out = p->n_endpoints == 0;
        rc = charge(r, 1);
    }
    return rc;
}

/** A Service that one of them names; what is said of a pool without endpoints points to whoever
 * names it first. */
static int look_at(struct retranslation *r, const char *ns, const struct ingress_backend *b)
{
    bool has_empty;
    int rc = charge(r, 1);

    if (rc < 0 || b->type != BACKEND_SERVICE) {
        return rc;
    }
    if (serviceset_has(r->base->last.worded, ns, b->service)) {
        return -EAGAIN;
    }
    rc = find_empty_pool(r, ns, b->service, &has_empty);
    return rc == 0 && has_empty ? add_service(r, ns, b->service) : rc;
}

static int look_at_services(struct retranslation *r, const struct ingress *ing)
{
    int rc = look_at(r, ing->meta.ns, &ing->default_backend);

    for (size_t i = 0; i < ing->n_rules && rc == 0; i++) {
        for (size_t k = 0; k < ing->rules[i].n_paths && rc == 0; k++) {
            rc = look_at(r, ing->meta.ns, &ing->rules[i].paths[k].backend);
        }
    }
    return rc;
}

static int follow(struct retranslation *r, const struct ingress *ing)
{
    int rc = ing ? free_hosts(r, ing) : 0;

    return rc == 0 && ing ? look_at_services(r, ing) : rc;
}

/* ---- what goes ------------------------------------------------------------------------------ */

static int stop_at_first(void *ctx, const struct ingress *ing)
{
    (void)ctx;
    (void)ing;
    return 1;
}

/**
 * The last route to a pool is gone.  Whoever still names its Service, with a claim that lost, is
 * told what is wrong with it, and the table cannot tell whether anything was.  Without work left
 * the answer is that somebody does: that costs a whole translation once.
 */
static void on_left_out(void *ctx, const char *ns, const char *service)
{
    struct retranslation *r = ctx;
    struct serviceset *worded = r->base->last.worded;

    if (serviceset_has(worded, ns, service)) {
        return;
    }
    if (charge(r, 1 + store_naming_work(r->store) / WALKED_PER_LOOKUP) < 0 ||
        store_each_naming(r->store, ns, service, stop_at_first, NULL) != 0) {
        serviceset_add(worded, ns, service);
    }
}

/* ---- what has changed ----------------------------------------------------------------------- */

static int add_touched_ingresses(struct retranslation *r)
{
    struct store_touched_ingress t;
    int rc = 0;

    for (size_t i = 0; rc == 0 && store_touched_ingress(r->store, i, &t); i++) {
        const struct again a = {t.before, t.now};

        if (t.before || t.now) {
            rc = add(r, &a);
        }
    }
    return rc;
}

/** New endpoints, unless there are words: then all who name the Service are translated.  On trial
 * first, for what a builder has got cannot be taken back. */
static int refill_touched(struct retranslation *r, const struct store_touched_service *t)
{
    int rc = refill_one(r->cfg, r->store, t->now, &r->base->last, r->trial);

    if (rc == -EAGAIN) {
        return add_service(r, t->ns, t->name);
    }
    return rc == 0 ? refill_one(r->cfg, r->store, t->now, &r->base->last, r->builder) : rc;
}

static int add_touched_services(struct retranslation *r)
{
    struct store_touched_service t;
    int rc = 0;

    for (size_t i = 0; rc == 0 && store_touched_service(r->store, i, &t); i++) {
        if (serviceset_has(r->base->last.worded, t.ns, t.name)) {
            rc = -EAGAIN;
        } else if (t.changed) {
            rc = add_service(r, t.ns, t.name);
        } else if (t.now) {
            rc = refill_touched(r, &t);
        }
    }
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int collect(struct retranslation *r)
{
    int rc = add_touched_ingresses(r);

    if (rc == 0) {
        rc = add_touched_services(r);
    }
    for (size_t i = 0; i < r->n && rc == 0; i++) { /* which adds to them */
        const struct again a = r->again[i];

        rc = follow(r, a.before);
        if (rc == 0 && a.now != a.before) {
            rc = follow(r, a.now);
        }
        if (a.now) {
            r->now[r->n_now++] = a.now;
        }
    }
    /* A set without memory says of anything that it was added: then somebody was left out. */
    return rc == 0 && (r->part->ingresses.full || r->part->services.full) ? -ENOMEM : rc;
}

/** Whether all that was said is about Ingresses, and none of it was lost. */
static bool is_theirs(const struct translate_outcome *said)
{
    for (size_t i = 0; i < said->verdicts->n; i++) {
        if (strcmp(said->verdicts->items[i].kind, object_kind_name(OBJECT_INGRESS)) != 0) {
            return false;
        }
    }
    return !said->verdicts->lost && !said->unserved->lost;
}

static int translate_them(struct retranslation *r, const struct translate_outcome *said,
                          struct table **out)
{
    const struct translate_part part = {
        .ingresses = r->now,
        .n_ingresses = r->n_now,
        .base = r->base->last.table,
        .generation = r->base->generation,
    };
    struct table *t = NULL;
    int rc;

    table_builder_watch_left_out(r->builder, on_left_out, r);
    rc = translate_amend(r->cfg, r->store, r->builder, &part, said, &t);

    if (rc == 0 && !is_theirs(said)) {
        table_unref(t);
        ASSERT(!t || table_free_if_unused(t));
        return -EAGAIN;
    }
    *out = t;
    return rc;
}

static void destroy(struct retranslation *r)
{
    table_builder_free(r->builder);
    table_builder_free(r->trial);
    free(r->visited);
    free(r);
}

static struct retranslation *prepare(const struct retranslate_base *base, const struct store *s)
{
    struct retranslation *r = calloc(1, sizeof(*r));
    size_t n;

    if (!r) {
        return NULL;
    }
    (void)table_routes(base->last.table, &n);
    r->base = base;
    r->store = s;
    r->work = WORK_AT_LEAST + WORK_PER_INGRESS * store_count(s, OBJECT_INGRESS);
    r->visited = calloc(n / 8 + 1, 1);
    r->builder = table_builder_new(base->registry);
    r->trial = table_builder_new(base->registry);
    if (!r->visited || !r->builder || !r->trial) {
        destroy(r);
        return NULL;
    }
    return r;
}

int retranslate(const struct translate_config *cfg, const struct store *s,
                const struct retranslate_base *base, const struct translate_outcome *said,
                struct retranslate_result *out)
{
    struct retranslation *r;
    int rc;

    if (base->last.worded->full) {
        return -EAGAIN; /* it is all to be said again, whatever has changed */
    }
    r = prepare(base, s);
    if (!r) {
        return -ENOMEM;
    }
    r->cfg = cfg;
    r->part = out->part;
    rc = collect(r);
    if (rc == 0) {
        rc = translate_them(r, said, &out->table);
    }
    destroy(r);
    return rc;
}
