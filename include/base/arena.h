/**
 * arena - a bump allocator: many allocations, one free.
 *
 * What lives and dies together (one decoded object, one table) lives in one arena.  Memory is
 * zeroed and aligned for any type.  One thread allocates; when it is done anybody may read.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t chunk_bytes;         /* size of the next chunk; doubles up to a cap */
    size_t reserved_bytes;      /* sum of all chunks, headers included */
};

/** An empty arena whose first chunk will have `chunk_bytes`; allocates nothing. */
void arena_init(struct arena *a, size_t chunk_bytes);

/** Free everything that came from it; usable again afterwards.  NULL is ignored. */
void arena_fini(struct arena *a);

/** `bytes` zeroed bytes, or NULL without memory.  bytes == 0 gives a valid unique-enough pointer.
 */
MUST_CHECK void *arena_alloc(struct arena *a, size_t bytes);

/** `count` zeroed elements of `size` bytes; NULL without memory or when the product overflows. */
MUST_CHECK void *arena_calloc(struct arena *a, size_t count, size_t size);

/** A copy of `len` bytes of text with a terminator, or NULL. */
MUST_CHECK char *arena_strndup(struct arena *a, const char *text, size_t len);

/** A copy of a terminated text, or NULL. */
MUST_CHECK char *arena_strdup(struct arena *a, const char *text);

#endif
