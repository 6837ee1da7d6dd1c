/* SipHash-2-4 as in Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012). */
#include "base/siphash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define C_ROUNDS 2
#define D_ROUNDS 4

struct state {
    uint64_t v0, v1, v2, v3;
};

int siphash_key_random(struct siphash_key *key)
{
    struct siphash_key fresh;
    ssize_t n;

    /* Up to 256 bytes come whole; only waiting for the seed can be interrupted. */
    do {
        n = getrandom(&fresh, sizeof(fresh), 0);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(fresh)) {
        return n < 0 ? -errno : -EIO;
    }
    *key = fresh;
    return 0;
}

static inline uint64_t rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void mix(struct state *s, unsigned rounds)
{
    while (rounds-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v2 = rotl(s->v2, 32);
    }
}

static inline void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s, C_ROUNDS);
    s->v0 ^= word;
}

/* Up to 8 bytes as a little-endian number. */
static inline uint64_t load(const uint8_t *bytes, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, bytes, n);
    return le64toh(word);
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
    struct state s = {
        .v0 = key->k[0] ^ 0x736f6d6570736575u,
        .v1 = key->k[1] ^ 0x646f72616e646f6du,
        .v2 = key->k[0] ^ 0x6c7967656e657261u,
        .v3 = key->k[1] ^ 0x7465646279746573u,
    };
    uint64_t last = (uint64_t)len << 56; /* the length modulo 256 is the last byte */
    const uint8_t *bytes = data;
    size_t left = len;

    for (; left >= 8; left -= 8, bytes += 8) {
        absorb(&s, load(bytes, 8));
    }
    if (left > 0) {
        last |= load(bytes, left);
    }
    absorb(&s, last);
    s.v2 ^= 0xff;
    mix(&s, D_ROUNDS);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
