/**
 * heap - what the allocator keeps of memory that was freed.
 *
 * Tables come and go for as long as the program runs, and the worker threads' arenas never see
 * what the controller's has free.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/** A block of at least this much stands apart from all others, and is given back when freed. */
#define HEAP_APART_BYTES ((size_t)256 * 1024)

/** Set that up.  Call it before the first thread starts. */
void heap_setup(void);

/** Give back whatever is free, of every thread.  Takes each arena's lock in turn, a few
 * milliseconds that others may have to wait: for when nobody is in a hurry.  Returns whether there
 * was anything. */
bool heap_trim(void);

#endif
