/**
 * translate - the objects in a store to the claims and pools of a table.
 *
 * What the README says under "What is routed", in code: which Ingress is ours, which hosts it
 * claims, which endpoints stand behind.  Pure but for the builder it fills: no clock, no I/O.  One
 * bad object is one verdict and never affects another's route.
 */
#ifndef CONTROLLER_TRANSLATE_H
#define CONTROLLER_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/netaddr.h"

struct ingress;
struct serviceset;
struct store;
struct table;
struct table_builder;
struct unserved;
struct verdicts;

enum translate_require { REQUIRE_AUTO, REQUIRE_ON, REQUIRE_OFF };

/** The options that decide what is served.  All texts borrowed. */
struct translate_config {
    const char *controller_class;       /* --controller-class */
    const char *const *ingress_classes; /* --ingress-class */
    size_t n_ingress_classes;
    bool ingress_class_only;
    bool ingress_without_class;
    enum translate_require require_annotation;
    const char *const *catch_all; /* namespaces; "*" for all */
    size_t n_catch_all;
    bool from_api_server; /* refuse loopback, link-local, ... endpoints */
    /** Whether an address is one of our own listeners (a loop); NULL when nothing listens. */
    bool (*is_own_listener)(void *ctx, const struct netaddr *a);
    void *own_listener_ctx;
};

/** What comes of a translation besides claims and pools; appended to. */
struct translate_outcome {
    struct verdicts *verdicts; /* what became of the objects */
    struct unserved *unserved; /* what was asked for and is not served, borrowing from those; NULL:
                                  not wanted */
    struct serviceset *worded; /* Services a change of whose endpoints may change the other two, as
                                  refill() needs them; NULL: not wanted */
};

/**
 * Fill and settle `b` from what the store holds.
 *
 * Returns 0, or -ENOMEM: the builder is then unusable and must be thrown away.
 */
MUST_CHECK int translate(const struct translate_config *cfg, const struct store *s,
                         struct table_builder *b, const struct translate_outcome *out);

/** A part of a store to translate, and the table that the rest of it came to. */
struct translate_part {
    const struct ingress *const *ingresses; /* with every other that claims a host of theirs */
    size_t n_ingresses;
    struct table *base;
    uint64_t generation;
};

/**
 * Amend `part->base` by the claims of these Ingresses; `b` may hold hosts that they lost, and
 * pools.
 *
 * Returns 0 with *table as table_builder_amend() has it, or -ENOMEM, `b` being of no use then.
 */
MUST_CHECK int translate_amend(const struct translate_config *cfg, const struct store *s,
                               struct table_builder *b, const struct translate_part *part,
                               const struct translate_outcome *out, struct table **table);

#endif
