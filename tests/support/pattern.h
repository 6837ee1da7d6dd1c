/**
 * pattern - a stream of bytes that both ends can make, so that the receiver checks every byte.
 *
 * The byte at an offset depends on the seed and the offset only: a lost, doubled or swapped byte
 * shows at once, wherever reads and writes were cut.
 */
#ifndef SUPPORT_PATTERN_H
#define SUPPORT_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/** The seeds of a connection's two directions: from the client, and from the server. */
#define UP   17
#define DOWN 42

/** Write bytes `offset` to `offset + n` of the stream `seed` to `out`. */
void pattern_fill(uint64_t seed, uint64_t offset, uint8_t *out, size_t n);

/** The index of the first byte of `in` that does not belong at `offset` of the stream, or `n`. */
size_t pattern_mismatch(uint64_t seed, uint64_t offset, const uint8_t *in, size_t n);

#endif
