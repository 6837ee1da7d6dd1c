/**
 * mirror_scene - a kubemirror with its store, fed as a kubewatch feeds it, for tests.
 *
 * JSON is written as for json_text_parse(), with ' for ".
 */
#ifndef SUPPORT_MIRROR_SCENE_H
#define SUPPORT_MIRROR_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "controller/kubemirror.h"
#include "kube/kubestats.h"
#include "model/store.h"

struct mirror_scene {
    struct store *store;
    struct kubemirror *m;
    struct kubewatch_sink sink;
    struct kubestats stats;
    unsigned rings; /* how often it said that something changed */
};

/** `ns` NULL: all namespaces. */
struct mirror_scene *mirror_scene_new(enum object_kind kind, const char *ns);
void mirror_scene_free(struct mirror_scene *s);

/** The callback that counts rings, of a scene. */
void mirror_scene_ring(void *ctx);

/** Give one object to one of the sink's functions; returns what that does. */
int mirror_scene_hand(struct mirror_scene *s, int (*to)(void *ctx, const cJSON *object),
                      const char *json);

/** An event that must be taken, and the bell behind it. */
void mirror_scene_put(struct mirror_scene *s, const char *json);
void mirror_scene_take(struct mirror_scene *s, const char *json);

/** A whole list, NULL-terminated, and the bell; returns how many objects differed. */
uint64_t mirror_scene_list(struct mirror_scene *s, const char *const *items);
#define MIRROR_LIST(s, ...)                                                                        \
    mirror_scene_list(s, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/** The object of that name in namespace "shop", or NULL. */
const struct objmeta *mirror_scene_find(const struct mirror_scene *s, enum object_kind kind,
                                        const char *name);

/** How many verdicts stand. */
size_t mirror_scene_verdicts(const struct mirror_scene *s);

#endif
