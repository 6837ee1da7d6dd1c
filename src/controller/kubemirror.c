#include "controller/kubemirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubestats.h"
#include "kubelist_priv.h"
#include "kubenotes_priv.h"
#include "kubesame_priv.h"
#include "model/decode.h"
#include "model/k8sname.h"
#include "model/store.h"
#include "model/verdict.h"

/** One object as it came.  The texts are the tree's. */
struct reading {
    bool foreign; /* nothing of this collection; the rest says nothing */
    enum kubelist_standing standing;
    const char *ns, *name; /* both "" when they cannot be told, or are no names */
    struct objmeta *o;     /* when NEW */
    struct verdicts v;
};

struct kubemirror {
    struct kubemirror_config cfg;
    char *ns; /* cfg.ns is this copy */
    struct kubenotes notes;
    struct kubelist list; /* the one under way */
    bool is_doubted;      /* of it: versions are no proof */
    bool changed;         /* for kubemirror_take_changed() */
    bool unrung;          /* the store or a verdict did, and cfg.changed was not called for it */
    bool was_heard;       /* the watch has rung once: it is synced */
};

/* ---- one object ----------------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : "";
}

/** Whose object it is, as decoding would have it, though the rest may be garbage. */
static void identify(const struct kubemirror *m, const cJSON *metadata, struct reading *r)
{
    const char *ns = text_of(metadata, "namespace");

    r->name = text_of(metadata, "name");
    if (m->cfg.kind == OBJECT_INGRESS_CLASS) {
        r->ns = "";
    } else {
        r->ns = ns[0] != '\0' ? ns : "default";
    }
    if (!k8sname_is_subdomain(r->name) || (r->ns[0] != '\0' && !k8sname_is_label(r->ns))) {
        r->ns = r->name = "";
    }
}

static bool is_foreign(const struct kubemirror *m, const cJSON *tree, const struct reading *r)
{
    return strcmp(text_of(tree, "kind"), object_kind_name(m->cfg.kind)) != 0 ||
           (m->ns && r->name[0] != '\0' && strcmp(r->ns, m->ns) != 0);
}

static bool is_known(const struct kubemirror *m, const cJSON *metadata, const struct reading *r)
{
    const struct objmeta *o = store_find(m->cfg.store, m->cfg.kind, r->ns, r->name);

    return o && o->resource_version[0] != '\0' &&
           strcmp(o->resource_version, text_of(metadata, "resourceVersion")) == 0 &&
           strcmp(o->uid, text_of(metadata, "uid")) == 0;
}

static int decode(const cJSON *tree, struct reading *r)
{
    static const struct decode_source api_server = {"", NULL, NULL};

    switch (decode_object(tree, &api_server, &r->v, &r->o)) {
    case DECODE_OK:
        r->standing = KUBELIST_NEW;
        return 0;
    case DECODE_REFUSED:
        r->standing = KUBELIST_REFUSED;
        verdicts_mark_refused(&r->v, 0);
        return 0;
    case DECODE_NOT_OURS:
        r->foreign = true;
        return 0;
    case DECODE_NO_MEMORY:
        break;
    }
    return -ENOMEM;
}

/** reading_fini() is due, also after a failure. */
static int reading_init(struct reading *r, const struct kubemirror *m, const cJSON *tree)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(tree, "metadata");

    *r = (struct reading){.standing = KUBELIST_KNOWN};
    verdicts_init(&r->v);
    identify(m, metadata, r);
    r->foreign = is_foreign(m, tree, r);
    return r->foreign || (!m->is_doubted && is_known(m, metadata, r)) ? 0 : decode(tree, r);
}

static void reading_fini(struct reading *r)
{
    verdicts_fini(&r->v);
    object_unref(r->o);
}

/* ---- store and notes ------------------------------------------------------------------------ */

static void touch(struct kubemirror *m)
{
    m->changed = m->unrung = true;
}

static int put_object(struct kubemirror *m, struct objmeta *o)
{
    const struct objmeta *old = store_find(m->cfg.store, o->kind, o->ns, o->name);
    bool was_there = old != NULL, is_same = old && kubesame_routes(old, o);
    /* `old` may be gone after it. */
    int rc = is_same ? store_restate(m->cfg.store, o) : store_put(m->cfg.store, o);

    if (rc != 0) {
        return rc;
    }
    if (!was_there) {
        atomic_fetch_add(&m->cfg.stats->objects, 1);
    }
    m->changed = m->changed || !is_same;
    m->unrung = true; /* the same to routes is not the same to who writes status */
    return 0;
}

static void take_object(struct kubemirror *m, const char *ns, const char *name)
{
    if (store_remove(m->cfg.store, m->cfg.kind, ns, name)) {
        atomic_fetch_sub(&m->cfg.stats->objects, 1);
        touch(m);
    }
}

/** Notes before the store: an object in the store whose verdicts were lost would look known. */
static int apply(struct kubemirror *m, struct reading *r)
{
    bool differs;
    int rc = kubenotes_put(&m->notes, r->ns, r->name, &r->v, &differs);

    if (rc != 0) {
        return rc;
    }
    if (differs) {
        touch(m);
    }
    if (r->standing == KUBELIST_NEW) {
        return put_object(m, r->o);
    }
    take_object(m, r->ns, r->name);
    return 0;
}

static int on_put(void *ctx, const cJSON *tree)
{
    struct kubemirror *m = ctx;
    struct reading r;
    int rc = reading_init(&r, m, tree);

    if (rc == 0 && !r.foreign && r.standing != KUBELIST_KNOWN) {
        rc = apply(m, &r);
    }
    reading_fini(&r);
    return rc;
}

static int on_take(void *ctx, const cJSON *tree)
{
    struct kubemirror *m = ctx;
    struct reading r = {0};

    identify(m, cJSON_GetObjectItemCaseSensitive(tree, "metadata"), &r);
    if (is_foreign(m, tree, &r)) {
        return 0;
    }
    if (kubenotes_drop(&m->notes, r.ns, r.name)) {
        touch(m);
    }
    take_object(m, r.ns, r.name);
    return 0;
}

/* ---- a list --------------------------------------------------------------------------------- */

static void on_list_drop(void *ctx)
{
    struct kubemirror *m = ctx;

    kubelist_fini(&m->list);
    m->is_doubted = false;
    kubenotes_list_drop(&m->notes);
}

static int on_list_begin(void *ctx, bool is_doubted)
{
    struct kubemirror *m = ctx;

    on_list_drop(m);
    m->is_doubted = is_doubted;
    return 0;
}

static int collect(struct kubemirror *m, struct reading *r)
{
    const struct kubelist_item item = {
        .standing = r->standing, .ns = r->ns, .name = r->name, .o = r->o};
    int rc = 0;

    if (r->standing == KUBELIST_KNOWN) {
        kubenotes_list_keep(&m->notes, r->ns, r->name);
    } else {
        rc = kubenotes_list_put(&m->notes, r->ns, r->name, &r->v);
    }
    return rc == 0 ? kubelist_add(&m->list, &item) : rc;
}

static int on_list_item(void *ctx, const cJSON *tree)
{
    struct kubemirror *m = ctx;
    struct reading r;
    int rc = reading_init(&r, m, tree);

    if (rc == 0 && !r.foreign) {
        rc = collect(m, &r);
    }
    reading_fini(&r);
    return rc;
}

/** Those of the store, as far as they are this mirror's, that the list has not. */
static size_t find_gone(const struct kubemirror *m, const struct objmeta **gone)
{
    const struct objmeta *o = NULL;
    size_t n = 0;

    while ((o = store_next(m->cfg.store, m->cfg.kind, o)) != NULL) {
        if ((!m->ns || strcmp(o->ns, m->ns) == 0) && !kubelist_has(&m->list, o->ns, o->name)) {
            gone[n++] = o;
        }
    }
    return n;
}

/** Whether it is the one in the store, decoded though it was known. */
static bool is_there_already(const struct kubemirror *m, const struct objmeta *o)
{
    const struct objmeta *old = store_find(m->cfg.store, o->kind, o->ns, o->name);

    return old && old->resource_version[0] != '\0' &&
           strcmp(old->resource_version, o->resource_version) == 0 && kubesame_routes(old, o);
}

static int put_items(struct kubemirror *m, uint64_t *differ)
{
    int rc = 0;

    for (size_t i = 0; i < m->list.n && rc == 0; i++) {
        const struct kubelist_item *item = &m->list.items[i];

        if (item->standing == KUBELIST_NEW && !is_there_already(m, item->o)) {
            rc = put_object(m, item->o);
            (*differ)++;
        }
    }
    return rc;
}

/**
 * What can fail comes first.  Should the store run out of memory half way, it holds old objects
 * beside new ones, each whole, and the next list finds those that are missing.
 */
static int take_over(struct kubemirror *m, uint64_t *differ)
{
    size_t most = store_count(m->cfg.store, m->cfg.kind), n;
    const struct objmeta **gone = calloc(most + 1, sizeof(const struct objmeta *));
    int rc;

    if (!gone) {
        return -ENOMEM;
    }
    n = find_gone(m, gone);
    if (kubenotes_list_end(&m->notes)) {
        touch(m);
    }
    rc = put_items(m, differ);
    for (size_t i = 0; i < n && rc == 0; i++) {
        take_object(m, gone[i]->ns, gone[i]->name);
        (*differ)++;
    }
    free(gone);
    return rc;
}

static int on_list_end(void *ctx, uint64_t *differ_out)
{
    struct kubemirror *m = ctx;
    uint64_t differ = 0;
    int rc;

    kubelist_settle(&m->list);
    rc = take_over(m, &differ);
    on_list_drop(m);
    if (rc == 0) {
        *differ_out = differ;
    }
    return rc;
}

/* ---- the mirror ----------------------------------------------------------------------------- */

/** The first time it is the news that all is listed, be it nothing. */
static void on_changed(void *ctx)
{
    struct kubemirror *m = ctx;

    if (m->unrung || !m->was_heard) {
        m->unrung = false;
        m->was_heard = true;
        m->cfg.changed(m->cfg.ctx);
    }
}

struct kubemirror *kubemirror_new(const struct kubemirror_config *cfg)
{
    struct kubemirror *m = calloc(1, sizeof(*m));

    if (!m) {
        return NULL;
    }
    m->cfg = *cfg;
    kubenotes_init(&m->notes);
    kubelist_init(&m->list);
    m->ns = cfg->ns ? strdup(cfg->ns) : NULL;
    m->cfg.ns = m->ns;
    if (cfg->ns && !m->ns) {
        kubemirror_free(m);
        return NULL;
    }
    return m;
}

void kubemirror_free(struct kubemirror *m)
{
    if (!m) {
        return;
    }
    on_list_drop(m);
    kubenotes_fini(&m->notes);
    free(m->ns);
    free(m);
}

struct kubewatch_sink kubemirror_sink(struct kubemirror *m)
{
    return (struct kubewatch_sink){
        .put = on_put,
        .take = on_take,
        .list_begin = on_list_begin,
        .list_item = on_list_item,
        .list_end = on_list_end,
        .list_drop = on_list_drop,
        .changed = on_changed,
        .ctx = m,
    };
}

bool kubemirror_take_changed(struct kubemirror *m)
{
    bool changed = m->changed;

    m->changed = false;
    return changed;
}

void kubemirror_verdicts(const struct kubemirror *m, struct verdicts *v)
{
    kubenotes_append(&m->notes, v);
}
