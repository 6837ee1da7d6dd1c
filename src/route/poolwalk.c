#include "route/poolwalk.h"

#include <string.h>

#include "base/siphash.h"
#include "poolwalk_priv.h"
#include "table_priv.h"

static struct siphash_key key_below(const struct siphash_key *key, const char *text)
{
    return (struct siphash_key){{siphash(key, text, strlen(text)), key->k[1]}};
}

static struct siphash_key key_of_service(const struct siphash_key *key, const char *ns,
                                         const char *service)
{
    const struct siphash_key of_ns = key_below(key, ns);

    return key_below(&of_ns, service);
}

struct poolwalk_hash poolwalk_hash(const struct siphash_key *key, const char *ns,
                                   const char *service, const char *port)
{
    const struct siphash_key of_service = key_of_service(key, ns, service);

    return (struct poolwalk_hash){
        .service = (uint32_t)of_service.k[0],
        .pool = (uint32_t)siphash(&of_service, port, strlen(port)),
    };
}

/* ---- chains --------------------------------------------------------------------------------- */

/* What points to the first of a chain. */
static uint32_t *head_of(const struct table_names *n, const struct poolchain *c, uint32_t hash)
{
    return &c->heads[(uint64_t)hash * n->n_pool_slots >> 32];
}

static void chain(const struct poolchain *c, uint32_t *head, uint32_t place)
{
    c->links[place] = (struct poollink){.next = *head};
    if (*head != 0) {
        c->links[*head - 1].prev = place + 1;
    }
    *head = place + 1;
}

/* Let the neighbours of a link, or else the head, point to these; each 1 + a place, or 0. */
static void join(const struct poolchain *c, uint32_t *head, const struct poollink *l,
                 const struct poollink *to)
{
    if (l->prev != 0) {
        c->links[l->prev - 1].next = to->next;
    } else {
        *head = to->next;
    }
    if (l->next != 0) {
        c->links[l->next - 1].prev = to->prev;
    }
}

static void unchain(const struct poolchain *c, uint32_t *head, uint32_t place)
{
    const struct poollink l = c->links[place];

    join(c, head, &l, &l);
}

static void rechain(const struct poolchain *c, uint32_t *head, uint32_t from, uint32_t to)
{
    c->links[to] = c->links[from];
    join(c, head, &c->links[to], &(struct poollink){to + 1, to + 1});
}

void poolwalk_add(struct table_names *n, struct poolwalk_hash hash, uint32_t place)
{
    chain(&n->by_service, head_of(n, &n->by_service, hash.service), place);
    chain(&n->by_pool, head_of(n, &n->by_pool, hash.pool), place);
}

void poolwalk_move(struct table_names *n, struct poolwalk_hash hash, uint32_t from, uint32_t to)
{
    rechain(&n->by_service, head_of(n, &n->by_service, hash.service), from, to);
    rechain(&n->by_pool, head_of(n, &n->by_pool, hash.pool), from, to);
}

void poolwalk_remove(struct table_names *n, struct poolwalk_hash hash, uint32_t place)
{
    unchain(&n->by_service, head_of(n, &n->by_service, hash.service), place);
    unchain(&n->by_pool, head_of(n, &n->by_pool, hash.pool), place);
}

/* ---- searches ------------------------------------------------------------------------------- */

static bool is_of(const struct pool *p, const char *ns, const char *service)
{
    return strcmp(p->service, service) == 0 && strcmp(p->ns, ns) == 0;
}

bool poolwalk_find(const struct table *t, const char *ns, const char *service, const char *port,
                   uint32_t *place_out)
{
    const struct table_names *n = t->names;
    uint32_t at = *head_of(n, &n->by_pool, poolwalk_hash(&t->key, ns, service, port).pool);

    for (; at != 0; at = n->by_pool.links[at - 1].next) {
        const struct pool *p = table_pool_at(t, at - 1);

        if (strcmp(p->port, port) == 0 && is_of(p, ns, service)) {
            *place_out = at - 1;
            return true;
        }
    }
    return false;
}

void poolwalk_begin(struct poolwalk *w, const struct table *t, const char *ns, const char *service)
{
    const struct siphash_key key = key_of_service(&t->key, ns, service);

    *w = (struct poolwalk){.table = t, .ns = ns, .service = service};
    w->at = *head_of(t->names, &t->names->by_service, (uint32_t)key.k[0]);
}

/* Another Service may be in the chain, by the chance of its hash. */
const struct pool *poolwalk_next(struct poolwalk *w)
{
    const struct pool *p = NULL;
    bool found = false;

    while (!found && w->at != 0) {
        p = table_pool_at(w->table, w->at - 1);
        found = is_of(p, w->ns, w->service);
        w->at = w->table->names->by_service.links[w->at - 1].next;
    }
    return found ? p : NULL;
}
