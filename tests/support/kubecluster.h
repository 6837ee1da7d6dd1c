/**
 * kubecluster - a made-up cluster that changes at random, and what it holds at every moment.
 *
 * Its objects go to a fake API server and are kept here as texts besides, so that a test can decode
 * them anew and compare.  A few of them are wrong: refused, or with verdicts.  The same seed makes
 * the same changes.
 */
#ifndef SUPPORT_KUBECLUSTER_H
#define SUPPORT_KUBECLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fakes/fake_apiserver.h"

struct store;
struct verdicts;

#define KUBECLUSTER_CLASSES   4u
#define KUBECLUSTER_INGRESSES 80u
#define KUBECLUSTER_SERVICES  50u
#define KUBECLUSTER_SLICES    660u /* most of the time more than one page of a list */
#define KUBECLUSTER_SLOTS                                                                          \
    (KUBECLUSTER_CLASSES + KUBECLUSTER_INGRESSES + KUBECLUSTER_SERVICES + KUBECLUSTER_SLICES)

/** An object that may exist: its place is its name, for ever. */
struct kubecluster_slot {
    enum fakeapi_resource resource;
    char ns[16], name[32]; /* ns "": none */
    uint64_t version;      /* 0: it does not exist */
    unsigned lives;        /* how often it was created; its uid */
    int64_t created_s;
    char *rest; /* the text behind the version */
};

struct kubecluster {
    struct fakeapi *api; /* borrowed */
    uint64_t chance;     /* state of the generator */
    unsigned home;       /* the number of the namespace whose object is being made */
    struct kubecluster_slot slots[KUBECLUSTER_SLOTS];
    struct kubecluster_slot *last; /* what changed last, if it exists */
};

/** Every object is created once. */
void kubecluster_init(struct kubecluster *c, struct fakeapi *api, uint64_t seed);
void kubecluster_fini(struct kubecluster *c);

/** The generator, for whoever wants chance from the same seed: a number below `n`. */
unsigned kubecluster_below(struct kubecluster *c, unsigned n);

/** Create, modify or delete one object. */
void kubecluster_change(struct kubecluster *c);

/** All objects, decoded from their texts into an empty store; what was wrong with them is appended
 * to `v`. */
void kubecluster_decode(const struct kubecluster *c, struct store *into, struct verdicts *v);

/** A list of a resource as it is now, as text, in one page.  Free it. */
char *kubecluster_list(const struct kubecluster *c, enum fakeapi_resource res);

#endif
