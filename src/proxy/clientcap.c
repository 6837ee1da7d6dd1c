#include "proxy/clientcap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/netaddr.h"
#include "base/siphash.h"

/* A table without memory is an entry not made, never an exit. */
#define uthash_malloc(n)  malloc(n)
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SHARDS 64u

/* Who counts as one client; no padding, so that it can be hashed whole. */
struct who {
    uint16_t family;
    uint8_t ip[8]; /* an IPv4 address, or the network half of an IPv6 one */
};

struct client {
    struct who who;
    uint32_t connections;
    UT_hash_handle hh;
};

struct shard {
    pthread_mutex_t lock;
    struct client *clients; /* those with at least one connection */
} __attribute__((aligned(64)));

struct clientcap {
    uint32_t max;
    struct siphash_key key;
    struct shard shards[SHARDS];
};

struct clientcap *clientcap_new(uint32_t max)
{
    struct clientcap *cap = aligned_alloc(64, sizeof(*cap));

    if (cap == NULL) {
        return NULL;
    }
    memset(cap, 0, sizeof(*cap));
    cap->max = max;
    if (siphash_key_random(&cap->key) != 0) {
        free(cap);
        return NULL;
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&cap->shards[i].lock, NULL);
    }
    return cap;
}

void clientcap_free(struct clientcap *cap)
{
    if (cap == NULL) {
        return;
    }
    for (unsigned i = 0; i < SHARDS; i++) {
        ASSERT(cap->shards[i].clients == NULL); /* every connection has left */
        pthread_mutex_destroy(&cap->shards[i].lock);
    }
    free(cap);
}

static struct who who_is(const struct netaddr *a)
{
    struct who who;

    memset(&who, 0, sizeof(who));
    who.family = a->family;
    memcpy(who.ip, a->ip.bytes, sizeof(who.ip));
    return who;
}

/* One keyed hash serves both: its low bits choose the shard, the rest the place in it. */
static uint64_t hash_of(const struct clientcap *cap, const struct who *who)
{
    return siphash(&cap->key, who, sizeof(*who));
}

static struct client *find(struct shard *s, const struct who *who, unsigned hash)
{
    struct client *client = NULL;

    HASH_FIND_BYHASHVALUE(hh, s->clients, who, sizeof(*who), hash, client);
    return client;
}

static struct client *add(struct shard *s, const struct who *who, unsigned hash)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        return NULL;
    }
    client->who = *who;
    HASH_ADD_BYHASHVALUE(hh, s->clients, who, sizeof(client->who), hash, client);
    if (client->hh.tbl == NULL) {
        free(client);
        return NULL;
    }
    return client;
}

bool clientcap_enter(struct clientcap *cap, const struct netaddr *addr)
{
    struct who who = who_is(addr);
    uint64_t hash = hash_of(cap, &who);
    struct shard *s = &cap->shards[hash % SHARDS];
    struct client *client;
    bool entered = false;

    pthread_mutex_lock(&s->lock);
    client = find(s, &who, (unsigned)(hash >> 32));
    if (client == NULL) {
        client = add(s, &who, (unsigned)(hash >> 32));
    }
    if (client != NULL && client->connections < cap->max) {
        client->connections++;
        entered = true;
    }
    pthread_mutex_unlock(&s->lock);
    return entered;
}

void clientcap_leave(struct clientcap *cap, const struct netaddr *addr)
{
    struct who who = who_is(addr);
    uint64_t hash = hash_of(cap, &who);
    struct shard *s = &cap->shards[hash % SHARDS];
    struct client *client;

    pthread_mutex_lock(&s->lock);
    client = find(s, &who, (unsigned)(hash >> 32));
    ASSERT(client != NULL);
    if (--client->connections == 0) {
        HASH_DEL(s->clients, client);
        free(client);
    }
    pthread_mutex_unlock(&s->lock);
}
