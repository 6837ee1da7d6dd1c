#include "tabledigest_priv.h"

#include <stdint.h>
#include <string.h>

#include "base/siphash.h"
#include "route/registry.h"
#include "route/table.h"

#define BLOCK_BYTES 1024u /* what most routes and pools fit into */

enum record_kind { POOL, ROUTE };

/*
 * What is digested is written out as one stream of bytes, hashed block by block, each block behind
 * the hash of the one before.  Texts end with their terminator and lists begin with their length,
 * so no two records read alike.
 */
struct stream {
    const struct siphash_key *key;
    size_t len;
    uint8_t block[BLOCK_BYTES]; /* begins with the hash of the one before */
};

static uint64_t hash_block(struct stream *s)
{
    uint64_t hash = siphash(s->key, s->block, s->len);

    memcpy(s->block, &hash, sizeof(hash));
    s->len = sizeof(hash);
    return hash;
}

static void put(struct stream *s, const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    size_t some;

    while (n > 0) {
        if (s->len == sizeof(s->block)) {
            (void)hash_block(s);
        }
        some = n < sizeof(s->block) - s->len ? n : sizeof(s->block) - s->len;
        memcpy(s->block + s->len, from, some);
        s->len += some;
        from += some;
        n -= some;
    }
}

static void put_text(struct stream *s, const char *text)
{
    put(s, text, strlen(text) + 1);
}

static void put_number(struct stream *s, uint64_t number)
{
    put(s, &number, sizeof(number));
}

static void begin(struct stream *s, const struct siphash_key *key, enum record_kind kind)
{
    s->key = key;
    s->len = 0;
    put_number(s, (uint64_t)kind);
}

uint64_t tabledigest_of_route(const struct siphash_key *key, const struct route_key *winner,
                              const struct claim_lost *lost, uint32_t n_lost)
{
    struct stream s;

    begin(&s, key, ROUTE);
    put_text(&s, winner->host);
    put_text(&s, winner->ns);
    put_text(&s, winner->ingress);
    put_text(&s, winner->service);
    put_text(&s, winner->port);
    put_number(&s, n_lost);
    for (uint32_t i = 0; i < n_lost; i++) {
        put_text(&s, lost[i].ns);
        put_text(&s, lost[i].ingress);
        put_text(&s, lost[i].service);
        put_text(&s, lost[i].port);
        put_number(&s, (uint64_t)lost[i].why);
    }
    return hash_block(&s);
}

uint64_t tabledigest_of_pool(const struct siphash_key *key, const struct pool *p)
{
    struct stream s;

    begin(&s, key, POOL);
    put_text(&s, p->ns);
    put_text(&s, p->service);
    put_text(&s, p->port);
    put_number(&s, p->n_endpoints);
    for (uint32_t i = 0; i < p->n_endpoints; i++) {
        const bool terminating = endpoint_is_terminating(&p->endpoints[i]);

        put(&s, endpoint_addr(&p->endpoints[i]), sizeof(struct netaddr));
        put(&s, &terminating, sizeof(terminating));
    }
    return hash_block(&s);
}
