/**
 * translated - YAML in, routes and verdicts out: what the tests of translation look at.
 */
#ifndef SUPPORT_TRANSLATED_H
#define SUPPORT_TRANSLATED_H

#include <stdbool.h>
#include <stddef.h>

#include "controller/translate.h"
#include "controller/unserved.h"
#include "model/verdict.h"

struct registry;
struct report;
struct store;
struct table;

struct translated {
    struct registry *registry;
    struct store *store;
    struct table *table;
    struct verdicts v; /* sorted */
    struct unserved unserved;
    char text[4096]; /* of the last answer */
};

/** The options as they are without any: our controller class, nothing else. */
struct translate_config translated_config(void);

/** Translate objects.  Aborts when that fails. */
void translated_make(struct translated *t, const struct translate_config *cfg, const char *yaml);
void translated_free(struct translated *t);

/** The report of a running instance whose table this was since 2024-01-01T00:00:00Z; the caller's
 * reference. */
struct report *translated_report(const struct translated *t);

/**
 * Who serves a host, as "NS/INGRESS -> SERVICE:PORT [ADDRESS ADDRESS?]"; '?' behind one that is
 * terminating; "-" when nobody does.  A name of "" asks for the catch-all.
 */
const char *translated_route(struct translated *t, const char *host);

/** Every verdict as "severity NS/NAME Reason", separated by "; "; "" for none. */
const char *translated_verdicts(struct translated *t);

/** The first verdict with this reason, or NULL. */
const struct verdict *translated_verdict(const struct translated *t, const char *reason);

#endif
