/**
 * watched - a directory of manifests being watched, for the tests of the source.
 *
 * A test cannot go on without it, so what must work prints its cause and aborts.
 */
#ifndef SUPPORT_WATCHED_H
#define SUPPORT_WATCHED_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/manifestdir.h"
#include "model/verdict.h"
#include "support/objects.h"
#include "support/tempdir.h"

struct store;

/** A Service with one port, told apart by its number. */
#define ONE_PORT(name, port) SERVICE("shop", name, "ports: [{port: " port "}]")

struct watched {
    struct tempdir dir;
    struct store *store;
    struct manifestdir *m; /* NULL until opened */
    struct manifestdir_change change;
    struct verdicts v; /* as of the last look */
};

/** As cmocka wants them: *state is the struct watched, its directory empty and not opened yet. */
int watched_setup(void **state);
int watched_teardown(void **state);

/** Open the directory, or one inside it. */
void watched_open(struct watched *w);
void watched_open_inside(struct watched *w, const char *name);

/** One sync, which must work; the outcome is w->change. */
void watched_sync_once(struct watched *w);

/** Sync until nothing is in motion any more; w->change.changed tells of all rounds. */
void watched_sync(struct watched *w);

/** Whether the descriptor tells of a change within a second. */
bool watched_rings(const struct watched *w);

/** The port of a Service in the store; 0 when there is none. */
int watched_port(const struct watched *w, const char *name);

/** Take the standing verdicts.  Returns how many. */
size_t watched_verdicts(struct watched *w);

/** Likewise; returns the first of a reason, or NULL. */
const struct verdict *watched_verdict(struct watched *w, const char *reason);

void watched_link(struct watched *w, const char *target, const char *name);
void watched_rename(struct watched *w, const char *from, const char *to);
void watched_remove(struct watched *w, const char *name);

#endif
