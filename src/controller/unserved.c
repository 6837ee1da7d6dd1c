#include "controller/unserved.h"

#include <stdlib.h>
#include <string.h>

#include "controller/serviceset.h"
#include "model/object.h"
#include "model/verdict.h"
#include "route/hostname.h"

#define TEXT_CHUNK_BYTES 1024
#define FIRST_ITEMS      16

void unserved_init(struct unserved *u)
{
    *u = (struct unserved){.lost = false};
    arena_init(&u->texts, TEXT_CHUNK_BYTES);
}

void unserved_fini(struct unserved *u)
{
    if (!u) {
        return;
    }
    arena_fini(&u->texts);
    free(u->hosts);
    free(u->pools);
    unserved_init(u);
}

const char *unserved_said(const struct verdicts *v, size_t before)
{
    return v->n > before && !v->lost ? v->items[v->n - 1].message : NULL;
}

/** `items` with room for one more than `n`, or NULL, `items` then being as they were. */
static void *with_room(void *items, size_t n, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : FIRST_ITEMS;
    void *grown;

    if (n < *cap) {
        return items;
    }
    grown = realloc(items, more * size);
    if (grown) {
        *cap = more;
    }
    return grown;
}

/** A host of `ingress` to fill; the texts of the one before are shared where they are the same. */
static struct unserved_host *new_host(struct unserved *u, const struct objmeta *ingress)
{
    struct unserved_host *grown = with_room(u->hosts, u->n_hosts, &u->cap_hosts, sizeof(*grown));
    struct unserved_host *h;

    if (!grown) {
        return NULL;
    }
    u->hosts = grown;
    h = &grown[u->n_hosts];
    if (u->n_hosts > 0 && strcmp(h[-1].ns, ingress->ns) == 0 &&
        strcmp(h[-1].ingress, ingress->name) == 0) {
        *h = h[-1];
        return h;
    }
    h->ns = arena_strdup(&u->texts, ingress->ns);
    h->ingress = arena_strdup(&u->texts, ingress->name);
    return h->ns && h->ingress ? h : NULL;
}

void unserved_add_host(struct unserved *u, const struct objmeta *ingress, const char *host,
                       enum unserved_why why, const char *said)
{
    struct unserved_host *h;

    if (!u) {
        return;
    }
    h = new_host(u, ingress);
    if (h) {
        h->host = arena_strdup(&u->texts, host);
        h->why = why;
        h->said = said;
    }
    if (h && h->host) {
        u->n_hosts++;
    } else {
        u->lost = true;
    }
}

/** The host of a rule as tables have it; false when no client can ask for it. */
static bool pattern_of(const struct ingress_rule *rule, char out[HOSTNAME_MAX + 1])
{
    size_t len;

    out[0] = '\0';
    return !*rule->host ||
           hostname_normalise_pattern(rule->host, strlen(rule->host), out, &len) == HOSTNAME_VALID;
}

void unserved_add_ingress(struct unserved *u, const struct ingress *ing, enum unserved_why why,
                          const char *said)
{
    char host[HOSTNAME_MAX + 1];

    if (!u) {
        return;
    }
    for (size_t i = 0; i < ing->n_rules; i++) {
        if (pattern_of(&ing->rules[i], host)) {
            unserved_add_host(u, &ing->meta, host, why, said);
        }
    }
    if (ing->default_backend.type != BACKEND_NONE || ing->default_refused) {
        unserved_add_host(u, &ing->meta, "", why, said);
    }
}

void unserved_add_pool(struct unserved *u, const struct unserved_pool *pool)
{
    struct unserved_pool *grown, *p;

    if (!u) {
        return;
    }
    grown = with_room(u->pools, u->n_pools, &u->cap_pools, sizeof(*grown));
    if (!grown) {
        u->lost = true;
        return;
    }
    u->pools = grown;
    p = &grown[u->n_pools];
    *p = (struct unserved_pool){
        .ns = arena_strdup(&u->texts, pool->ns),
        .service = arena_strdup(&u->texts, pool->service),
        .port = arena_strdup(&u->texts, pool->port),
        .said = pool->said,
    };
    if (p->ns && p->service && p->port) {
        u->n_pools++;
    } else {
        u->lost = true;
    }
}

void unserved_append(struct unserved *to, const struct unserved *from)
{
    for (size_t i = 0; i < from->n_hosts; i++) {
        const struct unserved_host *h = &from->hosts[i];
        const struct objmeta ingress = {.ns = h->ns, .name = h->ingress};

        unserved_add_host(to, &ingress, h->host, h->why, h->said);
    }
    for (size_t i = 0; i < from->n_pools; i++) {
        unserved_add_pool(to, &from->pools[i]);
    }
    to->lost = to->lost || from->lost;
}

/** Drop texts that nothing stands for any more, once they are the more; keep them where memory runs
 * out. */
static void compact(struct unserved *u, size_t n_dropped)
{
    struct unserved kept;

    u->n_dropped += n_dropped;
    if (u->n_dropped <= u->n_hosts + u->n_pools) {
        return;
    }
    unserved_init(&kept);
    unserved_append(&kept, u);
    if (kept.lost && !u->lost) {
        unserved_fini(&kept);
        return;
    }
    unserved_fini(u);
    *u = kept;
}

void unserved_drop(struct unserved *u, struct serviceset *ingresses, struct serviceset *services)
{
    size_t before = u->n_hosts + u->n_pools, n = 0;

    for (size_t i = 0; i < u->n_hosts; i++) {
        if (!serviceset_has(ingresses, u->hosts[i].ns, u->hosts[i].ingress)) {
            u->hosts[n++] = u->hosts[i];
        }
    }
    u->n_hosts = n;
    n = 0;
    for (size_t i = 0; i < u->n_pools; i++) {
        if (!serviceset_has(services, u->pools[i].ns, u->pools[i].service)) {
            u->pools[n++] = u->pools[i];
        }
    }
    u->n_pools = n;
    compact(u, before - u->n_hosts - u->n_pools);
}
