#include "tablenames_priv.h"

#include <stdalign.h>
#include <string.h>

#include "table_priv.h"

#define N_ARRAYS 6u /* allocations besides texts, each with room to align it */

void tablenames_count_lost(struct tablenames_size *size, const struct claim_lost *c)
{
    size->n_lost++;
    size->text_bytes +=
        strlen(c->ns) + strlen(c->ingress) + strlen(c->service) + strlen(c->port) + 4;
}

static struct arena arena_for(const struct tablenames_size *s)
{
    struct arena a;

    arena_init(
        &a, sizeof(struct table_names) + s->n_routes * sizeof(struct route) +
                s->n_slots * sizeof(struct table_slot) + 2 * s->n_pool_slots * sizeof(uint32_t) +
                2 * s->n_pools * sizeof(struct poollink) + s->n_lost * sizeof(struct claim_lost) +
                s->text_bytes + N_ARRAYS * alignof(max_align_t));
    return a;
}

/* Both indexes of the pools, of which there are none yet. */
static MUST_CHECK bool make_chains(struct table_names *n, const struct tablenames_size *size,
                                   struct arena *a)
{
    uint32_t *heads = arena_calloc(a, 2 * size->n_pool_slots, sizeof(*heads));
    struct poollink *links = arena_calloc(a, 2 * size->n_pools, sizeof(*links));

    if (heads == NULL || links == NULL) {
        return false;
    }
    n->by_service = (struct poolchain){heads, links};
    n->by_pool = (struct poolchain){heads + size->n_pool_slots, links + size->n_pools};
    n->n_pool_slots = (uint32_t)size->n_pool_slots;
    return true;
}

bool tablenames_new(const struct tablenames_size *size, const struct siphash_key *key,
                    struct tablenames *out)
{
    struct arena a = arena_for(size);
    struct table_names *n = arena_alloc(&a, sizeof(*n));

    if (n == NULL) {
        return false;
    }
    n->slots = arena_calloc(&a, size->n_slots, sizeof(*n->slots));
    n->routes = arena_calloc(&a, size->n_routes, sizeof(*n->routes));
    out->lost = arena_calloc(&a, size->n_lost, sizeof(*out->lost));
    if (n->slots == NULL || n->routes == NULL || out->lost == NULL || !make_chains(n, size, &a)) {
        arena_fini(&a);
        return false;
    }
    n->key = *key;
    n->n_slots = (uint32_t)size->n_slots;
    n->n_routes = (uint32_t)size->n_routes;
    n->tables = 1;
    n->arena = a;
    out->names = n;
    return true;
}

bool tablenames_add_lost(struct tablenames *t, struct route *r, const struct claim_lost *c)
{
    struct arena *a = &t->names->arena;
    struct claim_lost *lost = t->lost++;

    lost->ns = arena_strdup(a, c->ns);
    lost->ingress = arena_strdup(a, c->ingress);
    lost->service = arena_strdup(a, c->service);
    lost->port = arena_strdup(a, c->port);
    lost->why = c->why;
    if (r->n_lost++ == 0) {
        r->lost = lost;
    }
    return lost->ns != NULL && lost->ingress != NULL && lost->service != NULL && lost->port != NULL;
}
