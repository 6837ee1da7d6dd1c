/**
 * nearest - which known word a mistyped one was probably meant to be.
 *
 * Start with {.word = typed}, offer every word there is, read `best`.
 */
#ifndef APP_NEAREST_H
#define APP_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *word; /* what was typed */
    const char *best; /* the closest word offered so far; NULL while none is close enough */
    size_t distance;  /* of `best` */
};

/** Offer a word (borrowed); the first of several equally close ones stays. */
void nearest_offer(struct nearest *n, const char *candidate);

#endif
