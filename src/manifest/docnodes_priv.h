/**
 * docnodes - the memory of parsed documents: cJSON nodes that know their line.
 *
 * Nodes come from slabs and texts from an arena, so a whole file is freed at once and the line of a
 * node is found by its address.  The trees are to be read only: cJSON_Delete() must not see them.
 */
#ifndef MANIFEST_DOCNODES_PRIV_H
#define MANIFEST_DOCNODES_PRIV_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "base/attr.h"

struct docnode {
    cJSON json; /* first: a pointer to the one is a pointer to the other */
    unsigned line;
    unsigned weight : 24; /* nodes below and itself */
    unsigned height : 8;  /* levels it takes: 0 for a scalar */
};

struct docslab;

struct docnodes {
    struct arena texts;
    struct docslab *slabs; /* in order of address once frozen */
    size_t n_slabs;
};

void docnodes_init(struct docnodes *d);

/** Free all; usable again afterwards. */
void docnodes_fini(struct docnodes *d);

/** A zeroed node of a cJSON type; NULL without memory. */
MUST_CHECK struct docnode *docnodes_new(struct docnodes *d, int type);

/** No node comes any more: make docnodes_line_of() work. */
void docnodes_freeze(struct docnodes *d);

/** The line of a node, in O(log n); 0 when it is none of these. */
unsigned docnodes_line_of(const struct docnodes *d, const cJSON *node);

#endif
