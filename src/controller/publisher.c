#include "controller/publisher.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "controller/refill.h"
#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

#define FIRST_RETIRED 8

int publisher_init(struct publisher *p, const struct controller_config *cfg)
{
    *p = (struct publisher){.cfg = cfg};
    p->registry = registry_new(cfg->workers, cfg->route_cells);
    if (!p->registry) {
        return -ENOMEM;
    }
    serviceset_init(&p->worded, registry_key(p->registry));
    return 0;
}

/** Give up the current table; there is room for it among the retired. */
static void retire(struct publisher *p)
{
    if (p->current) {
        table_unref(p->current);
        p->retired[p->n_retired++] = p->current;
        p->current = NULL;
    }
}

void publisher_fini(struct publisher *p)
{
    if (p->current) {
        table_unref(p->current);
        ASSERT(table_free_if_unused(p->current));
    }
    for (size_t i = 0; i < p->n_retired; i++) {
        ASSERT(table_free_if_unused(p->retired[i]));
    }
    free(p->retired);
    registry_free(p->registry);
    serviceset_fini(&p->worded);
    *p = (struct publisher){0};
}

static int reserve_retired(struct publisher *p)
{
    size_t cap = p->cap_retired ? p->cap_retired * 2 : FIRST_RETIRED;
    struct table **grown;

    if (p->n_retired < p->cap_retired) {
        return 0;
    }
    grown = realloc(p->retired, cap * sizeof(struct table *));
    if (!grown) {
        return -ENOMEM;
    }
    p->retired = grown;
    p->cap_retired = cap;
    return 0;
}

static void free_retired(struct publisher *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_retired; i++) {
        if (!table_free_if_unused(p->retired[i])) {
            p->retired[kept++] = p->retired[i];
        }
    }
    p->n_retired = kept;
}

static void replace_current(struct publisher *p, struct table *t, uint64_t noticed_us)
{
    retire(p);
    p->current = t;
    p->generation++;
    p->published = clock_wall();
    p->cfg->publish(p->cfg->ctx, table_ref(t), noticed_us);
    free_retired(p);
}

/** The whole store; *out is the table, or NULL when it would be the same as the current one. */
static int translate_whole(struct publisher *p, const struct store *s,
                           const struct translate_outcome *said, struct table **out)
{
    struct table_builder *b = table_builder_new(p->registry);
    int rc = b ? translate(&p->cfg->translate, s, b, said) : -ENOMEM;

    *out = NULL;
    if (rc == 0 && (!p->current || table_builder_digest(b) != table_digest(p->current))) {
        *out = table_builder_freeze(b, p->generation + 1);
        rc = *out ? 0 : -ENOMEM;
    }
    table_builder_free(b);
    return rc;
}

static int update_whole(struct publisher *p, const struct store *s, const struct publisher_round *r,
                        struct table **out)
{
    struct serviceset worded;
    const struct translate_outcome said = {
        .verdicts = r->verdicts, .unserved = r->unserved, .worded = &worded};
    int rc;

    serviceset_init(&worded, registry_key(p->registry));
    rc = translate_whole(p, s, &said, out);
    if (rc != 0) {
        serviceset_fini(&worded);
        return rc;
    }
    if (r->verdicts->lost || (r->unserved && r->unserved->lost)) {
        serviceset_fill(&worded); /* any change is the occasion to say it all again */
    }
    serviceset_fini(&p->worded);
    p->worded = worded;
    return 0;
}

/** Endpoints only; likewise, or -EAGAIN when more must be translated. */
static int update_endpoints(struct publisher *p, const struct store *s, struct table **out)
{
    const struct refill_base base = {p->current, &p->worded};
    struct table_builder *b = table_builder_new(p->registry);
    int rc = b ? refill(&p->cfg->translate, s, &base, b) : -ENOMEM;

    if (rc == 0) {
        rc = table_builder_amend(b, p->current, p->generation + 1, out);
    }
    table_builder_free(b);
    return rc;
}

/** What is said while it is not known whether it will stand. */
struct words {
    struct verdicts verdicts;
    struct unserved unserved;
    struct retranslate_part part;
};

static void words_init(struct words *w, const struct publisher *p)
{
    verdicts_init(&w->verdicts);
    unserved_init(&w->unserved);
    serviceset_init(&w->part.ingresses, registry_key(p->registry));
    serviceset_init(&w->part.services, registry_key(p->registry));
}

static void words_fini(struct words *w)
{
    verdicts_fini(&w->verdicts);
    unserved_fini(&w->unserved);
    retranslate_part_fini(&w->part);
}

/** They stand. */
static void words_deliver(struct words *w, struct publisher_round *r)
{
    *r->verdicts = w->verdicts;
    verdicts_init(&w->verdicts);
    if (r->unserved) {
        *r->unserved = w->unserved;
        unserved_init(&w->unserved);
    }
    unserved_fini(&w->unserved);
    r->part = w->part;
}

/** What has changed and whatever that has to do with; likewise. */
static int update_part(struct publisher *p, const struct store *s, struct publisher_round *r,
                       struct table **out)
{
    struct words w;
    const struct translate_outcome said = {
        .verdicts = &w.verdicts, .unserved = &w.unserved, .worded = &p->worded};
    const struct retranslate_base base = {p->registry, {p->current, &p->worded}, p->generation + 1};
    struct retranslate_result result = {.part = &w.part};
    int rc;

    words_init(&w, p);
    rc = retranslate(&p->cfg->translate, s, &base, &said, &result);
    if (rc != 0) {
        words_fini(&w);
        return rc;
    }
    words_deliver(&w, r);
    *out = result.table;
    return 0;
}

/** The quickest way that comes to what the whole would; -EAGAIN when that is the whole. */
static int update_changed(struct publisher *p, const struct store *s, struct publisher_round *r,
                          struct table **out)
{
    int rc = -EAGAIN;

    if (!p->current || store_changed(s) == STORE_ANY || store_changed(s) == STORE_SAME) {
        return -EAGAIN;
    }
    serviceset_init(&r->part.ingresses, registry_key(p->registry));
    serviceset_init(&r->part.services, registry_key(p->registry));
    if (store_changed(s) == STORE_ENDPOINTS) {
        rc = update_endpoints(p, s, out);
    }
    return rc == -EAGAIN ? update_part(p, s, r, out) : rc;
}

int publisher_update(struct publisher *p, const struct store *s, struct publisher_round *r)
{
    struct table *t = NULL;
    bool is_part;
    int rc = reserve_retired(p);

    if (rc != 0) {
        return rc;
    }
    rc = update_changed(p, s, r, &t);
    is_part = rc != -EAGAIN;
    if (!is_part) {
        rc = update_whole(p, s, r, &t);
    }
    if (rc != 0) {
        return rc;
    }
    if (t) {
        replace_current(p, t, r->noticed_us);
    }
    r->published = t != NULL;
    r->is_part = is_part;
    return 0;
}

void publisher_forget_words(struct publisher *p)
{
    serviceset_fill(&p->worded);
}

void publisher_sweep(struct publisher *p)
{
    free_retired(p);
    (void)registry_sweep(p->registry);
}
