/**
 * kubetable - the tables that a store makes, for tests that compare them.
 */
#ifndef SUPPORT_KUBETABLE_H
#define SUPPORT_KUBETABLE_H

#include <stdint.h>

struct kubetable;
struct store;

struct kubetable *kubetable_new(void);

/** NULL is ignored. */
void kubetable_free(struct kubetable *t);

/** The digest of the table that these objects make; equal tables of one kubetable have equal ones.
 */
uint64_t kubetable_digest(struct kubetable *t, struct store *objects);

/** Who serves a host, as translated_route() has it; stays until the next call. */
const char *kubetable_route(struct kubetable *t, struct store *objects, const char *host);

#endif
