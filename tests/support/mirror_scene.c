#include "support/mirror_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "model/verdict.h"
#include "support/json_text.h"

void mirror_scene_ring(void *ctx)
{
    struct mirror_scene *s = ctx;

    s->rings++;
}

struct mirror_scene *mirror_scene_new(enum object_kind kind, const char *ns)
{
    struct mirror_scene *s = calloc(1, sizeof(*s));
    struct kubemirror_config cfg = {.kind = kind, .ns = ns, .changed = mirror_scene_ring, .ctx = s};

    assert_non_null(s);
    cfg.stats = &s->stats;
    cfg.store = s->store = store_new();
    assert_non_null(s->store);
    s->m = kubemirror_new(&cfg);
    assert_non_null(s->m);
    s->sink = kubemirror_sink(s->m);
    return s;
}

void mirror_scene_free(struct mirror_scene *s)
{
    kubemirror_free(s->m);
    store_free(s->store);
    free(s);
}

int mirror_scene_hand(struct mirror_scene *s, int (*to)(void *ctx, const cJSON *object),
                      const char *json)
{
    cJSON *tree = json_text_parse(json);
    int rc = to(s->sink.ctx, tree);

    cJSON_Delete(tree);
    return rc;
}

void mirror_scene_put(struct mirror_scene *s, const char *json)
{
    assert_int_equal(mirror_scene_hand(s, s->sink.put, json), 0);
    s->sink.changed(s->sink.ctx);
}

void mirror_scene_take(struct mirror_scene *s, const char *json)
{
    assert_int_equal(mirror_scene_hand(s, s->sink.take, json), 0);
    s->sink.changed(s->sink.ctx);
}

uint64_t mirror_scene_list(struct mirror_scene *s, const char *const *items)
{
    uint64_t differ = UINT64_MAX;

    assert_int_equal(s->sink.list_begin(s->sink.ctx, false), 0);
    for (; *items; items++) {
        assert_int_equal(mirror_scene_hand(s, s->sink.list_item, *items), 0);
    }
    assert_int_equal(s->sink.list_end(s->sink.ctx, &differ), 0);
    s->sink.changed(s->sink.ctx);
    return differ;
}

const struct objmeta *mirror_scene_find(const struct mirror_scene *s, enum object_kind kind,
                                        const char *name)
{
    return store_find(s->store, kind, "shop", name);
}

size_t mirror_scene_verdicts(const struct mirror_scene *s)
{
    struct verdicts v;
    size_t n;

    verdicts_init(&v);
    kubemirror_verdicts(s->m, &v);
    n = v.n;
    verdicts_fini(&v);
    return n;
}
