#include "support/watched.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/store.h"
#include "support/wait_until.h"

#define LIMIT_MS 10000

static void stop_unless(bool good, const char *what, const char *why)
{
    if (!good) {
        fprintf(stderr, "watched: %s: %s\n", what, why);
        abort();
    }
}

int watched_setup(void **state)
{
    struct watched *w = calloc(1, sizeof(*w));

    stop_unless(w != NULL, "setup", "out of memory");
    tempdir_make(&w->dir);
    w->store = store_new();
    stop_unless(w->store != NULL, "setup", "out of memory");
    verdicts_init(&w->v);
    *state = w;
    return 0;
}

int watched_teardown(void **state)
{
    struct watched *w = *state;

    manifestdir_close(w->m);
    store_free(w->store);
    verdicts_fini(&w->v);
    tempdir_remove(&w->dir);
    free(w);
    return 0;
}

static void open_path(struct watched *w, const char *path)
{
    struct err e = {0};

    w->m = manifestdir_open(path, w->store, &e);
    stop_unless(w->m != NULL, path, e.text);
}

void watched_open(struct watched *w)
{
    open_path(w, w->dir.path);
}

void watched_open_inside(struct watched *w, const char *name)
{
    char path[PATH_MAX];

    open_path(w, tempdir_path(&w->dir, name, path));
}

void watched_sync_once(struct watched *w)
{
    struct err e = {0};

    stop_unless(manifestdir_sync(w->m, &w->change, &e) == 0, "sync", e.text);
}

static bool is_settled(void *ctx)
{
    struct watched *w = ctx;
    bool changed = w->change.changed;

    watched_sync_once(w);
    w->change.changed = w->change.changed || changed;
    return !w->change.retry;
}

void watched_sync(struct watched *w)
{
    w->change.changed = false;
    stop_unless(wait_until(is_settled, w, LIMIT_MS), "sync", "something is in motion for ever");
}

bool watched_rings(const struct watched *w)
{
    struct pollfd p = {.fd = manifestdir_fd(w->m), .events = POLLIN};

    return poll(&p, 1, 1000) == 1;
}

int watched_port(const struct watched *w, const char *name)
{
    const struct objmeta *o = store_find(w->store, OBJECT_SERVICE, "shop", name);

    return o ? ((const struct service *)o)->ports[0].number : 0;
}

size_t watched_verdicts(struct watched *w)
{
    verdicts_fini(&w->v);
    manifestdir_verdicts(w->m, &w->v);
    verdicts_sort(&w->v);
    return w->v.n;
}

const struct verdict *watched_verdict(struct watched *w, const char *reason)
{
    (void)watched_verdicts(w);
    for (size_t i = 0; i < w->v.n; i++) {
        if (strcmp(w->v.items[i].reason, reason) == 0) {
            return &w->v.items[i];
        }
    }
    return NULL;
}

void watched_link(struct watched *w, const char *target, const char *name)
{
    char path[PATH_MAX];

    stop_unless(symlink(target, tempdir_path(&w->dir, name, path)) == 0, name, strerror(errno));
}

void watched_rename(struct watched *w, const char *from, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];

    stop_unless(rename(tempdir_path(&w->dir, from, a), tempdir_path(&w->dir, to, b)) == 0, from,
                strerror(errno));
}

void watched_remove(struct watched *w, const char *name)
{
    char path[PATH_MAX];

    stop_unless(unlink(tempdir_path(&w->dir, name, path)) == 0, name, strerror(errno));
}
