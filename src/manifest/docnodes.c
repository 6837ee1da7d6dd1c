#include "docnodes_priv.h"

#include <stdint.h>
#include <stdlib.h>

#define FIRST_SLAB_NODES 64u
#define MAX_SLAB_NODES   16384u
#define TEXT_CHUNK_BYTES 4096u

struct docslab {
    struct docnode *nodes;
    size_t used, cap;
};

void docnodes_init(struct docnodes *d)
{
    *d = (struct docnodes){.slabs = NULL};
    arena_init(&d->texts, TEXT_CHUNK_BYTES);
}

void docnodes_fini(struct docnodes *d)
{
    for (size_t i = 0; i < d->n_slabs; i++) {
        free(d->slabs[i].nodes);
    }
    free(d->slabs);
    arena_fini(&d->texts);
    docnodes_init(d);
}

static struct docslab *last_slab(const struct docnodes *d)
{
    return d->slabs != NULL ? &d->slabs[d->n_slabs - 1] : NULL;
}

static struct docslab *add_slab(struct docnodes *d)
{
    const struct docslab *last = last_slab(d);
    size_t cap = last == NULL ? FIRST_SLAB_NODES : last->cap * 2;
    struct docnode *nodes;
    struct docslab *slabs;

    cap = cap < MAX_SLAB_NODES ? cap : MAX_SLAB_NODES;
    nodes = calloc(cap, sizeof(*nodes));
    if (nodes == NULL) {
        return NULL;
    }
    slabs = realloc(d->slabs, (d->n_slabs + 1) * sizeof(*slabs));
    if (slabs == NULL) {
        free(nodes);
        return NULL;
    }
    d->slabs = slabs;
    d->slabs[d->n_slabs++] = (struct docslab){.nodes = nodes, .cap = cap};
    return last_slab(d);
}

struct docnode *docnodes_new(struct docnodes *d, int type)
{
    struct docslab *slab = last_slab(d);
    struct docnode *node;

    if (slab == NULL || slab->used == slab->cap) {
        slab = add_slab(d);
    }
    if (slab == NULL) {
        return NULL;
    }
    node = &slab->nodes[slab->used++];
    node->json.type = type;
    return node;
}

static int compare_slabs(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct docslab *)a)->nodes;
    uintptr_t y = (uintptr_t)((const struct docslab *)b)->nodes;

    return (x > y) - (x < y);
}

void docnodes_freeze(struct docnodes *d)
{
    if (d->n_slabs > 1) {
        qsort(d->slabs, d->n_slabs, sizeof(*d->slabs), compare_slabs);
    }
}

static int compare_address(const void *key, const void *slab)
{
    const struct docslab *s = slab;
    uintptr_t address = (uintptr_t)key;

    if (address < (uintptr_t)s->nodes) {
        return -1;
    }
    return address >= (uintptr_t)(s->nodes + s->used) ? 1 : 0;
}

unsigned docnodes_line_of(const struct docnodes *d, const cJSON *node)
{
    if (node == NULL || d->n_slabs == 0) {
        return 0;
    }
    if (bsearch(node, d->slabs, d->n_slabs, sizeof(*d->slabs), compare_address) == NULL) {
        return 0;
    }
    return ((const struct docnode *)(const void *)node)->line;
}
