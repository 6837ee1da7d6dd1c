/**
 * kubewatches - everything a kubesource watches: one mirror and one watch for each resource, and
 * for each namespace where only some are watched.
 */
#ifndef CONTROLLER_KUBEWATCHES_PRIV_H
#define CONTROLLER_KUBEWATCHES_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "controller/kubesource.h"
#include "kube/kubewatch.h"
#include "model/object.h"

struct kubeclient;
struct kubemirror;
struct store;
struct verdicts;

/** One collection. */
struct kubewatches_item {
    enum object_kind kind;
    const char *ns; /* NULL: all of them; borrowed */
    struct kubemirror *mirror;
    struct kubewatch *watch;
};

struct kubewatches_config {
    struct kubeclient *client; /* borrowed, as are the next two */
    struct store *store;
    struct kubesource_stats *stats; /* one for each kind */
    void (*changed)(void *ctx);     /* as that of a mirror */
    void (*stirred)(void *ctx);     /* as that of a watch */
    void *ctx;
    struct kubewatch_server server; /* likewise */
};

struct kubewatches {
    struct kubewatches_config cfg;
    struct kubewatches_item *items;
    size_t n;
};

/** "ingresses", ...: what the API server calls a kind. */
const char *kubewatches_resource(enum object_kind kind);

/** None yet; allocates nothing. */
void kubewatches_init(struct kubewatches *w, const struct kubewatches_config *cfg);

/** Ends all requests; before the client is freed.  A zeroed one is accepted. */
void kubewatches_fini(struct kubewatches *w);

/**
 * Watch the objects of `kind` in `ns` (NULL: everywhere), from the next turn on.  `is_optional` as
 * in kubewatch_config.  Nothing is done where that is watched already.  Returns 0 or -ENOMEM.
 */
MUST_CHECK int kubewatches_add(struct kubewatches *w, enum object_kind kind, const char *ns,
                               bool is_optional);

void kubewatches_turn(struct kubewatches *w, uint64_t now_ms);
uint64_t kubewatches_due_ms(const struct kubewatches *w);

/** List all anew at the next turn. */
void kubewatches_relist(struct kubewatches *w);

/** The server answers one of them: no other waits for it any longer. */
void kubewatches_hurry(struct kubewatches *w);

/** Whether each was listed once, and whether each is open now; those that need not be read and
 * cannot be are left out. */
bool kubewatches_are_synced(const struct kubewatches *w);
bool kubewatches_are_live(const struct kubewatches *w);

/** Whether a watch of that kind may not be read and need not be. */
bool kubewatches_is_refused(const struct kubewatches *w, enum object_kind kind);

/** As kubemirror_take_changed(), of any of them. */
bool kubewatches_take_changed(struct kubewatches *w);

/** Every verdict standing (appended). */
void kubewatches_verdicts(const struct kubewatches *w, struct verdicts *v);

#endif
