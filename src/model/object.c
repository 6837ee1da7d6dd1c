#include "model/object.h"

#include <stdalign.h>
#include <string.h>

#include "object_priv.h"

/* What stands before every object in its arena. */
struct head {
    alignas(max_align_t) struct arena arena; /* the head itself lives in it */
    size_t refs;
};

static const struct {
    const char *name;
    size_t size;
    size_t rest; /* what a plain one of these points to: objects come by the hundred thousand */
} kinds[OBJECT_KINDS] = {
    [OBJECT_INGRESS] = {"Ingress", sizeof(struct ingress), 272},
    [OBJECT_INGRESS_CLASS] = {"IngressClass", sizeof(struct ingress_class), 256},
    [OBJECT_SERVICE] = {"Service", sizeof(struct service), 256},
    [OBJECT_ENDPOINT_SLICE] = {"EndpointSlice", sizeof(struct endpoint_slice), 256},
    [OBJECT_ENDPOINTS] = {"Endpoints", sizeof(struct endpoints), 256},
};

static struct head *head_of(struct objmeta *o)
{
    return (struct head *)(void *)o - 1;
}

struct objmeta *object_new(enum object_kind kind)
{
    struct arena arena;
    struct head *head;
    struct objmeta *o;

    arena_init(&arena, sizeof(*head) + kinds[kind].size + kinds[kind].rest);
    head = arena_alloc(&arena, sizeof(*head) + kinds[kind].size);
    if (head == NULL) {
        arena_fini(&arena);
        return NULL;
    }
    arena.chunk_bytes = 2 * kinds[kind].rest; /* with uid and annotations it fills a second one */
    head->arena = arena;
    head->refs = 1;
    o = (struct objmeta *)(void *)(head + 1);
    o->kind = kind;
    return o;
}

struct arena *object_arena(struct objmeta *o)
{
    return &head_of(o)->arena;
}

struct objmeta *object_ref(struct objmeta *o)
{
    head_of(o)->refs++;
    return o;
}

void object_unref(struct objmeta *o)
{
    struct arena arena;

    if (o == NULL) {
        return;
    }
    ASSERT(head_of(o)->refs > 0);
    if (--head_of(o)->refs > 0) {
        return;
    }
    arena = head_of(o)->arena; /* moved out of the memory it is about to free */
    arena_fini(&arena);
}

const char *object_kind_name(enum object_kind kind)
{
    return kinds[kind].name;
}

const char *object_annotation(const struct objmeta *o, const char *key, unsigned *line_out)
{
    for (size_t i = 0; i < o->n_annotations; i++) {
        if (strcmp(o->annotations[i].key, key) == 0) {
            if (line_out != NULL) {
                *line_out = o->annotations[i].line;
            }
            return o->annotations[i].value;
        }
    }
    return NULL;
}
