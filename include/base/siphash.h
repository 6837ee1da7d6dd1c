/**
 * siphash - SipHash-2-4: a keyed hash that an attacker cannot aim at one bucket.
 *
 * For hash tables whose keys come from outside.  With a fixed key also a stable 64-bit digest; it
 * is no cryptographic signature.
 */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct siphash_key {
    uint64_t k[2]; /* little-endian halves of the 16 key bytes */
};

/** Fill `key` from the kernel's random pool, waiting at boot until it is seeded.  0 or -errno. */
MUST_CHECK int siphash_key_random(struct siphash_key *key);

/** The hash of `len` bytes (`data` may be NULL when len is 0).  Thread: any. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
