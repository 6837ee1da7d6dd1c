#include "tabledigest_priv.h"

#include <string.h>

#include "base/siphash.h"
#include "route/table_builder.h"
#include "table_priv.h"

enum record_kind { SIZES, POOL, ROUTE };

/*
 * The table is written out as one stream of bytes, hashed block by block, each block behind the
 * hash of the one before.  Texts end with their terminator and lists begin with their length, so no
 * two tables read alike.
 */
static uint64_t hash_block(struct tabledigest *d)
{
    uint64_t hash = siphash(&d->table->key, d->block, d->len);

    memcpy(d->block, &hash, sizeof(hash));
    d->len = sizeof(hash);
    return hash;
}

static void put(struct tabledigest *d, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    size_t some;

    while (n > 0) {
        if (d->len == sizeof(d->block)) {
            (void)hash_block(d);
        }
        some = n < sizeof(d->block) - d->len ? n : sizeof(d->block) - d->len;
        memcpy(d->block + d->len, from, some);
        d->len += some;
        from += some;
        n -= some;
    }
}

static void put_text(struct tabledigest *d, const char *text)
{
    put(d, text, strlen(text) + 1);
}

static void put_number(struct tabledigest *d, uint64_t number)
{
    put(d, &number, sizeof(number));
}

void tabledigest_init(struct tabledigest *d, const struct table *t)
{
    d->table = t;
    d->len = 0;
    put_number(d, SIZES);
    put_number(d, t->n_pools);
    put_number(d, t->n_routes);
}

void tabledigest_add_pool(struct tabledigest *d, const struct pool *p)
{
    put_number(d, POOL);
    put_text(d, p->ns);
    put_text(d, p->service);
    put_text(d, p->port);
    put_number(d, p->n_endpoints);
    for (uint32_t i = 0; i < p->n_endpoints; i++) {
        put(d, &p->endpoints[i].addr, sizeof(p->endpoints[i].addr));
        put(d, &p->endpoints[i].terminating, sizeof(p->endpoints[i].terminating));
    }
}

void tabledigest_add_route(struct tabledigest *d, const struct route *r, const struct claim *winner)
{
    put_number(d, ROUTE);
    put_text(d, r->host);
    put_text(d, winner->ns);
    put_text(d, winner->ingress);
    put_number(d, (uint64_t)(r->pool - d->table->pools));
    put_number(d, r->n_lost);
    for (uint32_t i = 0; i < r->n_lost; i++) {
        put_text(d, r->lost[i].ns);
        put_text(d, r->lost[i].ingress);
        put_text(d, r->lost[i].service);
        put_text(d, r->lost[i].port);
        put_number(d, (uint64_t)r->lost[i].why);
    }
}

uint64_t tabledigest_finish(struct tabledigest *d)
{
    return hash_block(d);
}
