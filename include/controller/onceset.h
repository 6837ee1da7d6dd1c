/**
 * onceset - what was told already: a set of (address, number) pairs.
 */
#ifndef CONTROLLER_ONCESET_H
#define CONTROLLER_ONCESET_H

#include <stdbool.h>
#include <stdint.h>

struct onceset_entry;

struct onceset {
    struct onceset_entry *entries; /* uthash */
};

/** An empty set; allocates nothing. */
void onceset_init(struct onceset *s);
void onceset_fini(struct onceset *s);

/**
 * Put a pair in.  Returns whether it was new.  Without memory it is new each time: better said
 * twice than not at all.
 */
bool onceset_add(struct onceset *s, const void *about, uint64_t what);

#endif
