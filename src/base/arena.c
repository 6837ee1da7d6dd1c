#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CHUNK_BYTES 64u
#define MAX_CHUNK_BYTES ((size_t)1024 * 1024)
#define ALIGNMENT       alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[]; /* its alignment is what callers are promised */
};

void arena_init(struct arena *a, size_t chunk_bytes)
{
    *a = (struct arena){
        .chunk_bytes = chunk_bytes > MIN_CHUNK_BYTES ? chunk_bytes : MIN_CHUNK_BYTES,
    };
}

void arena_fini(struct arena *a)
{
    struct arena_chunk *chunk, *next;

    if (a == NULL) {
        return;
    }
    for (chunk = a->chunks; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    a->chunks = NULL;
    a->reserved_bytes = 0;
}

static struct arena_chunk *new_chunk(struct arena *a, size_t size)
{
    struct arena_chunk *chunk;

    if (size > SIZE_MAX - sizeof(*chunk)) {
        return NULL;
    }
    chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = size;
    a->reserved_bytes += sizeof(*chunk) + size;
    return chunk;
}

/* What is larger than a chunk gets one of its own, behind the newest, whose rest stays in use. */
static void *alloc_large(struct arena *a, size_t bytes)
{
    struct arena_chunk *chunk = new_chunk(a, bytes);

    if (chunk == NULL) {
        return NULL;
    }
    chunk->used = bytes;
    if (a->chunks == NULL) {
        a->chunks = chunk;
    } else {
        chunk->next = a->chunks->next;
        a->chunks->next = chunk;
    }
    return chunk->data;
}

static struct arena_chunk *push_chunk(struct arena *a)
{
    struct arena_chunk *chunk = new_chunk(a, a->chunk_bytes);

    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = a->chunks;
    a->chunks = chunk;
    if (a->chunk_bytes <= MAX_CHUNK_BYTES / 2) {
        a->chunk_bytes *= 2;
    }
    return chunk;
}

/* `align` is a power of two, at most ALIGNMENT; text takes 1 and is packed. */
static void *take(struct arena *a, size_t bytes, size_t align)
{
    struct arena_chunk *chunk = a->chunks;
    size_t start;

    bytes = bytes > 0 ? bytes : 1;
    if (chunk != NULL) {
        start = (chunk->used + align - 1) & ~(align - 1);
        if (start <= chunk->size && bytes <= chunk->size - start) {
            chunk->used = start + bytes;
            return (char *)chunk->data + start;
        }
    }
    if (bytes > a->chunk_bytes) {
        return alloc_large(a, bytes);
    }
    chunk = push_chunk(a);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->used = bytes;
    return chunk->data;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    return take(a, bytes, ALIGNMENT);
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    return take(a, bytes, ALIGNMENT);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? take(a, len + 1, 1) : NULL;

    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}
