#include "controller/translate.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "controller/classfilter.h"
#include "controller/hostrule.h"
#include "controller/servicepool.h"
#include "controller/serviceset.h"
#include "controller/unserved.h"
#include "model/annotation.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/table_builder.h"

#define TAG_CHUNK_BYTES 4096

/** What a losing claim needs to be told with. */
struct claim_tag {
    const struct objmeta *about;
    unsigned line;
};

/** One run of translate(). */
struct translation {
    const struct translate_config *cfg;
    struct table_builder *builder;
    struct verdicts *verdicts;
    struct unserved *unserved; /* NULL when nobody wants it */
    struct classfilter classes;
    struct servicepool pools;
    struct hostrules rules; /* of the Ingress at hand */
    struct arena tags;
};

/** An Ingress that is ours. */
struct candidate {
    const struct ingress *ing;
    struct annotation_reading reading;
    bool has_host; /* one of its rules claims a host */
    bool has_catch_all;
};

/** A wish about to become a claim. */
struct wish {
    const char *host; /* normalised; "" for the catch-all */
    const struct ingress_backend *backend;
    unsigned line;
};

static int claim(struct translation *t, const struct candidate *c, const struct wish *w)
{
    const struct objmeta *meta = &c->ing->meta;
    const struct servicepool_request want = {
        .ingress = c->ing,
        .backend = w->backend,
        .service_upstream = c->reading.service_upstream,
    };
    struct claim_tag *tag = arena_alloc(&t->tags, sizeof(*tag));
    struct claim claim = {
        .host = w->host,
        .ns = meta->ns,
        .ingress = meta->name,
        .created_s = meta->created_s,
        .marked = c->reading.mark == MARK_YES,
        .tag = tag,
    };
    int rc;

    if (!tag) {
        return -ENOMEM;
    }
    *tag = (struct claim_tag){.about = meta, .line = w->line};
    rc = servicepool_resolve(&t->pools, &want, &claim.pool);
    return rc != 0 ? rc : table_builder_claim(t->builder, &claim);
}

static bool may_catch_all(const struct translate_config *cfg, const char *ns)
{
    for (size_t i = 0; i < cfg->n_catch_all; i++) {
        if (strcmp(cfg->catch_all[i], "*") == 0 || strcmp(cfg->catch_all[i], ns) == 0) {
            return true;
        }
    }
    return false;
}

/** A host came to nothing: for the reason said since `before`, or while decoding. */
static void tell_no_backend(const struct translation *t, const struct ingress *ing,
                            const char *host, size_t before)
{
    const char *said = unserved_said(t->verdicts, before);

    unserved_add_host(t->unserved, &ing->meta, host, said ? UNSERVED_NO_BACKEND : UNSERVED_INVALID,
                      said);
}

/** Claim what the `n` rules from `first` on, all of one host, come to. */
static int claim_group(struct translation *t, struct candidate *c, const struct hostrule *first,
                       size_t n)
{
    struct wish w = {.host = first->host, .line = first->rule->line};
    size_t before = t->verdicts->n;

    w.backend = hostrule_backend(first, n, c->ing, &t->pools);
    if (!w.backend) {
        tell_no_backend(t, c->ing, w.host, before);
        return 0;
    }
    if (*w.host) {
        c->has_host = true;
    } else {
        c->has_catch_all = true;
    }
    return claim(t, c, &w);
}

/** The default backend catches what no rule names, unless a rule without host does. */
static int claim_default(struct translation *t, const struct candidate *c)
{
    const struct ingress_backend *b = &c->ing->default_backend;
    const struct wish w = {.host = "", .backend = b, .line = b->line};
    size_t before = t->verdicts->n;

    if (c->has_catch_all) {
        return 0;
    }
    if (hostrule_is_servable(c->ing, b, "", t->verdicts)) {
        return claim(t, c, &w);
    }
    if (b->type != BACKEND_NONE || c->ing->default_refused) {
        tell_no_backend(t, c->ing, "", before);
    }
    return 0;
}

static void say_no_catch_all(const struct translation *t, const struct ingress *ing)
{
    unsigned line = ing->default_backend.line;

    if (t->rules.n > 0 && !*t->rules.items[0].host) {
        line = t->rules.items[0].rule->line;
    }
    verdicts_add(t->verdicts, &ing->meta, line, VERDICT_WARNING, "CatchAllNotAllowed",
                 "not served: it has no valid rule with a host, and namespace %s may not catch "
                 "unknown names; add a host, or start Sealway with --catch-all %s",
                 ing->meta.ns, ing->meta.ns);
}

/** A catch-all is not allowed; that is worth a verdict where nothing else is left. */
static void tell_no_catch_all(const struct translation *t, const struct candidate *c)
{
    const struct ingress *ing = c->ing;
    size_t before = t->verdicts->n;

    if (!c->has_host) {
        say_no_catch_all(t, ing);
    }
    unserved_add_host(t->unserved, &ing->meta, "", UNSERVED_CATCH_ALL,
                      unserved_said(t->verdicts, before));
}

static int translate_ingress(struct translation *t, const struct ingress *ing)
{
    bool allowed = may_catch_all(t->cfg, ing->meta.ns);
    struct candidate c = {.ing = ing};
    bool wants_catch_all = ing->default_backend.type != BACKEND_NONE;
    int rc;

    if (!classfilter_admits(&t->classes, ing, &c.reading, t->verdicts, t->unserved)) {
        return 0;
    }
    rc = hostrule_collect(&t->rules, ing, t->verdicts);
    for (size_t i = 0, n; rc == 0 && i < t->rules.n; i += n) {
        const struct hostrule *first = &t->rules.items[i];

        n = hostrule_group(&t->rules, i);
        wants_catch_all = wants_catch_all || !*first->host;
        if (*first->host || allowed) {
            rc = claim_group(t, &c, first, n);
        }
    }
    if (rc != 0) {
        return rc;
    }
    if (allowed) {
        return claim_default(t, &c);
    }
    if (wants_catch_all) {
        tell_no_catch_all(t, &c);
    }
    return 0;
}

static void on_lost(void *ctx, const struct claim *loser, const struct claim *winner,
                    enum claim_loss why)
{
    struct translation *t = ctx;
    const struct claim_tag *tag = loser->tag;
    enum verdict_severity severity = VERDICT_WARNING;
    const char *reason = "";
    char what[HOSTNAME_MAX + 8];

    switch (why) {
    case CLAIM_SAME_BACKEND:
        return;
    case CLAIM_OTHER_NAMESPACE:
        reason = "whose namespace has the oldest claim";
        break;
    case CLAIM_OLDER_IN_NAMESPACE:
        reason = "which is older";
        break;
    case CLAIM_NOT_MARKED:
        reason = "which is marked as passthrough, as this one is not";
        severity = VERDICT_NOTE;
        break;
    }
    verdicts_add(t->verdicts, tag->about, tag->line, severity, "HostAlreadyClaimed",
                 "%s is served by Ingress %s/%s, %s; take it out of one of the two",
                 hostrule_describe(loser->host, what), winner->ns, winner->ingress, reason);
}

/* A pool without route: what is said of it stands, and no table tells that it is there. */
static void note_unserved(void *ctx, const char *ns, const char *service)
{
    serviceset_add(ctx, ns, service);
}

static int translate_all(struct translation *t, const struct store *s)
{
    const struct objmeta *o = NULL;
    int rc = 0;

    while (rc == 0 && (o = store_next(s, OBJECT_INGRESS, o)) != NULL) {
        rc = translate_ingress(t, (const struct ingress *)o);
    }
    if (rc == 0) {
        rc = table_builder_settle(t->builder, on_lost, t);
    }
    if (rc == 0 && t->pools.worded) {
        table_builder_unserved(t->builder, note_unserved, t->pools.worded);
    }
    return rc;
}

static int translate_some(struct translation *t, const struct translate_part *part,
                          struct table **table)
{
    int rc = 0;

    for (size_t i = 0; i < part->n_ingresses && rc == 0; i++) {
        rc = translate_ingress(t, part->ingresses[i]);
    }
    if (rc == 0) {
        rc = table_builder_amend(t->builder, part->base, part->generation, table);
    }
    if (rc == 0) {
        table_builder_lost(t->builder, on_lost, t);
    }
    if (rc == 0 && t->pools.worded) {
        table_builder_unserved(t->builder, note_unserved, t->pools.worded);
    }
    return rc;
}

static void begin(struct translation *t, const struct store *s, const struct translate_outcome *out)
{
    const struct endpointfill env = {.cfg = t->cfg,
                                     .store = s,
                                     .builder = t->builder,
                                     .verdicts = out->verdicts,
                                     .unserved = out->unserved};

    t->verdicts = out->verdicts;
    t->unserved = out->unserved;
    classfilter_init(&t->classes, t->cfg, s);
    servicepool_init(&t->pools, &env, out->worded);
    arena_init(&t->tags, TAG_CHUNK_BYTES);
}

static void end(struct translation *t)
{
    arena_fini(&t->tags);
    servicepool_fini(&t->pools);
    hostrule_fini(&t->rules);
}

int translate(const struct translate_config *cfg, const struct store *s, struct table_builder *b,
              const struct translate_outcome *out)
{
    struct translation t = {.cfg = cfg, .builder = b};
    int rc;

    begin(&t, s, out);
    rc = translate_all(&t, s);
    end(&t);
    return rc;
}

int translate_amend(const struct translate_config *cfg, const struct store *s,
                    struct table_builder *b, const struct translate_part *part,
                    const struct translate_outcome *out, struct table **table)
{
    struct translation t = {.cfg = cfg, .builder = b};
    int rc;

    begin(&t, s, out);
    rc = translate_some(&t, part, table);
    end(&t);
    return rc;
}
