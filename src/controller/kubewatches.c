#include "kubewatches_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/kubemirror.h"
#include "kube/kubewatch.h"

/* A slice that names no Service can never be found by one. */
#define OF_A_SERVICE "kubernetes.io/service-name"

static const struct kuberesource resources[OBJECT_KINDS] = {
    [OBJECT_INGRESS] = {"/apis/networking.k8s.io/v1", "networking.k8s.io/v1", "ingresses",
                        "Ingress"},
    [OBJECT_INGRESS_CLASS] = {"/apis/networking.k8s.io/v1", "networking.k8s.io/v1",
                              "ingressclasses", "IngressClass"},
    [OBJECT_SERVICE] = {"/api/v1", "v1", "services", "Service"},
    [OBJECT_ENDPOINT_SLICE] = {"/apis/discovery.k8s.io/v1", "discovery.k8s.io/v1", "endpointslices",
                               "EndpointSlice"},
    [OBJECT_ENDPOINTS] = {"/api/v1", "v1", "endpoints", "Endpoints"},
};

const char *kubewatches_resource(enum object_kind kind)
{
    return resources[kind].plural;
}

void kubewatches_init(struct kubewatches *w, const struct kubewatches_config *cfg)
{
    *w = (struct kubewatches){.cfg = *cfg};
}

static void free_item(struct kubewatches_item *item)
{
    kubewatch_free(item->watch); /* first: it hands objects to the mirror */
    kubemirror_free(item->mirror);
}

void kubewatches_fini(struct kubewatches *w)
{
    while (w->n > 0) {
        struct kubewatches_item item = w->items[--w->n];

        free_item(&item); /* may ask for what is due of the others */
    }
    free(w->items);
    *w = (struct kubewatches){0};
}

static bool is_there(const struct kubewatches *w, enum object_kind kind, const char *ns)
{
    for (size_t i = 0; i < w->n; i++) {
        const char *other = w->items[i].ns;

        if (w->items[i].kind == kind && (ns ? other && strcmp(ns, other) == 0 : !other)) {
            return true;
        }
    }
    return false;
}

static struct kubemirror *new_mirror(const struct kubewatches *w,
                                     const struct kubewatches_item *item)
{
    const struct kubemirror_config cfg = {
        .store = w->cfg.store,
        .kind = item->kind,
        .ns = item->ns,
        .stats = &w->cfg.stats[item->kind].figures,
        .changed = w->cfg.changed,
        .ctx = w->cfg.ctx,
    };

    return kubemirror_new(&cfg);
}

static struct kubewatch *new_watch(const struct kubewatches *w, const struct kubewatches_item *item,
                                   bool is_optional)
{
    const struct kubewatch_config cfg = {
        .client = w->cfg.client,
        .resource = &resources[item->kind],
        .ns = item->ns,
        .label_selector = item->kind == OBJECT_ENDPOINT_SLICE ? OF_A_SERVICE : NULL,
        .sink = kubemirror_sink(item->mirror),
        .stats = &w->cfg.stats[item->kind].figures,
        .server = w->cfg.server,
        .stirred = w->cfg.stirred,
        .ctx = w->cfg.ctx,
        .is_optional = is_optional,
    };

    return kubewatch_new(&cfg);
}

int kubewatches_add(struct kubewatches *w, enum object_kind kind, const char *ns, bool is_optional)
{
    struct kubewatches_item item = {.kind = kind, .ns = ns}, *items;

    if (is_there(w, kind, ns)) {
        return 0;
    }
    items = realloc(w->items, (w->n + 1) * sizeof(*items));
    if (!items) {
        return -ENOMEM;
    }
    w->items = items;
    item.mirror = new_mirror(w, &item);
    item.watch = item.mirror ? new_watch(w, &item, is_optional) : NULL;
    if (!item.watch) {
        free_item(&item);
        return -ENOMEM;
    }
    w->items[w->n++] = item;
    atomic_store(&w->cfg.stats[kind].watched, true);
    return 0;
}

void kubewatches_turn(struct kubewatches *w, uint64_t now_ms)
{
    for (size_t i = 0; i < w->n; i++) {
        kubewatch_turn(w->items[i].watch, now_ms);
    }
}

uint64_t kubewatches_due_ms(const struct kubewatches *w)
{
    uint64_t due_ms = UINT64_MAX;

    for (size_t i = 0; i < w->n; i++) {
        uint64_t one_ms = kubewatch_due_ms(w->items[i].watch);

        due_ms = one_ms < due_ms ? one_ms : due_ms;
    }
    return due_ms;
}

void kubewatches_relist(struct kubewatches *w)
{
    for (size_t i = 0; i < w->n; i++) {
        kubewatch_relist(w->items[i].watch);
    }
}

void kubewatches_hurry(struct kubewatches *w)
{
    for (size_t i = 0; i < w->n; i++) {
        kubewatch_hurry(w->items[i].watch);
    }
}

bool kubewatches_are_synced(const struct kubewatches *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!kubewatch_is_synced(w->items[i].watch)) {
            return false;
        }
    }
    return true;
}

bool kubewatches_are_live(const struct kubewatches *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct kubewatch *watch = w->items[i].watch;

        if (!kubewatch_is_live(watch) && !kubewatch_is_refused(watch)) {
            return false;
        }
    }
    return true;
}

bool kubewatches_is_refused(const struct kubewatches *w, enum object_kind kind)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->items[i].kind == kind && kubewatch_is_refused(w->items[i].watch)) {
            return true;
        }
    }
    return false;
}

bool kubewatches_take_changed(struct kubewatches *w)
{
    bool changed = false;

    for (size_t i = 0; i < w->n; i++) {
        changed = kubemirror_take_changed(w->items[i].mirror) || changed;
    }
    return changed;
}

void kubewatches_verdicts(const struct kubewatches *w, struct verdicts *v)
{
    for (size_t i = 0; i < w->n; i++) {
        kubemirror_verdicts(w->items[i].mirror, v);
    }
}
