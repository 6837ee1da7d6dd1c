#include "manifest/manifestdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "manifest/manifestindex.h"
#include "manifest/manifesttree.h"
#include "manifest/manifestwatch.h"
#include "model/store.h"
#include "model/verdict.h"

#define MAX_WAITS 10 /* rounds to wait for a file that is being written all the time */

/** A file that was seen, with what it last held. */
struct known_file {
    struct manifestcontent content;
    unsigned waits; /* rounds since it was found in motion */
    unsigned round; /* in which it was seen last */
    UT_hash_handle hh;
    char path[];
};

struct manifestdir {
    char *root;
    struct manifestwatch watch;
    struct manifestindex index;
    struct known_file *files; /* uthash by path */
    struct verdicts verdicts; /* about the tree */
    unsigned round;
    unsigned holds;  /* rounds in which the store was left alone because something was in motion */
    bool changed;    /* the store differs from what the last good sync left */
    bool synced;     /* once at least */
    bool root_known; /* the last sync found the root */
    dev_t root_dev;
    ino_t root_ino;
};

/** A copy without slashes at the end, so that paths join as people write them. */
static char *root_of(const char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }
    return strndup(path, len);
}

/** Look at the root for the sake of an early word; what is found is not used. */
static int try_root(struct manifestdir *m, struct err *e)
{
    struct manifesttree tree;
    int rc = manifesttree_walk(m->root, &m->watch, &tree, e);

    manifestwatch_abandon(&m->watch);
    manifesttree_fini(&tree);
    return rc;
}

struct manifestdir *manifestdir_open(const char *path, struct store *store, struct err *e)
{
    struct manifestdir *m = calloc(1, sizeof(*m));
    int rc;

    if (!m) {
        err_set(e, "out of memory");
        return NULL;
    }
    verdicts_init(&m->verdicts);
    manifestindex_init(&m->index, store);
    rc = manifestwatch_init(&m->watch);
    if (rc != 0) {
        err_set(e, "cannot watch directory %s: inotify: %s", path, strerror(-rc));
        goto fail;
    }
    m->root = root_of(path);
    if (!m->root) {
        err_set(e, "out of memory");
        goto fail;
    }
    rc = try_root(m, e);
    if (rc != 0) {
        goto fail;
    }
    return m;
fail:
    manifestdir_close(m);
    return NULL;
}

static void forget(struct manifestdir *m, struct known_file *f)
{
    manifestindex_detach(&m->index, &f->content);
    manifestfile_fini(&f->content);
    HASH_DEL(m->files, f);
    free(f);
}

void manifestdir_close(struct manifestdir *m)
{
    struct known_file *f, *next;

    if (!m) {
        return;
    }
    HASH_ITER (hh, m->files, f, next) {
        forget(m, f);
    }
    manifestindex_fini(&m->index);
    manifestwatch_fini(&m->watch);
    verdicts_fini(&m->verdicts);
    free(m->root);
    free(m);
}

int manifestdir_fd(const struct manifestdir *m)
{
    return m->watch.fd;
}

bool manifestdir_drain(struct manifestdir *m)
{
    return manifestwatch_drain(&m->watch);
}

bool manifestdir_is_stale(const struct manifestdir *m)
{
    struct stat st;

    if (stat(m->root, &st) != 0) {
        return m->root_known;
    }
    return !m->root_known || st.st_dev != m->root_dev || st.st_ino != m->root_ino;
}

void manifestdir_reread(struct manifestdir *m)
{
    struct known_file *f, *next;

    HASH_ITER (hh, m->files, f, next) {
        f->content.id = (struct manifestid){0};
    }
}

static struct known_file *find_file(const struct manifestdir *m, const char *path)
{
    struct known_file *f;

    HASH_FIND_STR(m->files, path, f);
    return f;
}

static struct known_file *add_file(struct manifestdir *m, const char *path)
{
    size_t size = strlen(path) + 1;
    struct known_file *f = calloc(1, sizeof(*f) + size);

    if (!f) {
        return NULL;
    }
    manifestfile_init(&f->content);
    memcpy(f->path, path, size);
    HASH_ADD_STR(m->files, path, f);
    if (!f->hh.tbl) {
        free(f);
        return NULL;
    }
    return f;
}

struct last_version {
    const struct manifestindex *index;
    const char *path;
};

static struct objmeta *find_last(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
    const struct last_version *l = ctx;

    return manifestindex_find(l->index, &(struct manifestindex_id){kind, ns, name}, l->path);
}

/** Put a new content in the place of the old one.  On failure nothing has changed. */
static int install(struct manifestdir *m, struct known_file *f, struct manifestcontent *made)
{
    int rc = manifestindex_prepare(&m->index, made);

    if (rc != 0) {
        manifestfile_fini(made);
        return rc;
    }
    manifestindex_detach(&m->index, &f->content);
    manifestindex_attach(&m->index, made);
    manifestfile_fini(&f->content);
    f->content = *made;
    return 0;
}

static int read_file(struct manifestdir *m, struct known_file *f,
                     const struct manifesttree_entry *entry, struct manifestdir_change *change)
{
    struct last_version last = {.index = &m->index, .path = f->path};
    const struct manifestfile_request want = {
        .path = f->path,
        .id = &entry->id,
        .last = &f->content,
        .find_last = find_last,
        .find_ctx = &last,
        .force = !m->synced || f->waits >= MAX_WAITS,
    };
    struct manifestcontent made;
    int rc = manifestfile_load(&want, &made);

    if (rc == -EAGAIN) {
        f->waits++;
        change->retry = true;
        return 0;
    }
    if (rc == 0) {
        rc = install(m, f, &made);
    }
    if (rc != 0) {
        return rc;
    }
    f->waits = 0;
    change->files_read++;
    if (f->content.in_motion) {
        f->content.id = (struct manifestid){0};
        change->retry = true;
    }
    return 0;
}

static int sync_file(struct manifestdir *m, const struct manifesttree_entry *entry,
                     struct manifestdir_change *change)
{
    struct known_file *f = find_file(m, entry->path);

    if (!f) {
        f = add_file(m, entry->path);
    }
    if (!f) {
        return -ENOMEM;
    }
    f->round = m->round;
    if (manifestfile_same_id(&f->content.id, &entry->id)) {
        f->waits = 0;
        return 0;
    }
    return read_file(m, f, entry, change);
}

/** Drop the files that are no longer there, as far as that can be told. */
static void drop_unseen(struct manifestdir *m, const struct manifesttree *tree)
{
    struct known_file *f, *next;

    HASH_ITER (hh, m->files, f, next) {
        if (f->round != m->round && !manifesttree_is_blind(tree, f->path)) {
            forget(m, f);
        }
    }
}

/**
 * Take in what the walk found.  While a file is still being written the store is left alone as a
 * whole: an object may be moving from a file that is gone already into that one.
 */
static int sync_tree(struct manifestdir *m, const struct manifesttree *tree,
                     struct manifestdir_change *change)
{
    int rc = 0;

    m->round++;
    for (size_t i = 0; i < tree->n && rc == 0; i++) {
        rc = sync_file(m, &tree->entries[i], change);
    }
    if (rc != 0) {
        return rc;
    }
    if (change->retry && m->synced && m->holds < MAX_WAITS) {
        m->holds++;
        return 0;
    }
    m->holds = 0;
    drop_unseen(m, tree);
    return manifestindex_settle(&m->index, &m->changed);
}

/** Make what the walk found out about the tree the standing word. */
static void take_over(struct manifestdir *m, struct manifesttree *tree)
{
    struct verdicts old = m->verdicts;

    m->verdicts = tree->verdicts;
    tree->verdicts = old;
    m->root_known = true;
    m->root_dev = tree->dev;
    m->root_ino = tree->ino;
}

int manifestdir_sync(struct manifestdir *m, struct manifestdir_change *out, struct err *e)
{
    struct manifestdir_change change = {0};
    struct manifesttree tree;
    int rc;

    (void)manifestwatch_drain(&m->watch);
    rc = manifesttree_walk(m->root, &m->watch, &tree, e);
    if (rc != 0) {
        manifestwatch_abandon(&m->watch);
        m->root_known = false;
        return rc;
    }
    manifestwatch_finish(&m->watch);
    take_over(m, &tree);
    rc = sync_tree(m, &tree, &change);
    manifesttree_fini(&tree);
    if (rc != 0) {
        err_set(e, "out of memory while reading %s", m->root);
        return rc;
    }
    change.changed = m->changed;
    m->changed = false;
    m->synced = true;
    *out = change;
    return 0;
}

void manifestdir_verdicts(const struct manifestdir *m, struct verdicts *v)
{
    struct known_file *f, *next;

    verdicts_append(v, &m->verdicts);
    HASH_ITER (hh, m->files, f, next) {
        verdicts_append(v, &f->content.verdicts);
        manifestindex_verdicts(&m->index, &f->content, v);
    }
}

/** Put the objects of a content into the store, but those that are there already. */
static int store_content(const struct manifestcontent *c, struct store *store, struct verdicts *v)
{
    int rc = 0;

    verdicts_append(v, &c->verdicts);
    for (size_t i = 0; i < c->n && rc == 0; i++) {
        struct objmeta *o = c->objs[i].meta;
        const struct objmeta *first = store_find(store, o->kind, o->ns, o->name);

        if (first) {
            manifestindex_tell_duplicate(o, first, v);
        } else {
            rc = store_put(store, o);
        }
    }
    return rc;
}

/** Take what was read, unless reading failed. */
static int store_read(int rc, struct manifestcontent *c, struct store *store, struct verdicts *v)
{
    if (rc == 0) {
        rc = store_content(c, store, v);
        manifestfile_fini(c);
    }
    return rc;
}

static int read_file_once(const char *path, const struct manifestid *id, struct store *store,
                          struct verdicts *v)
{
    const struct manifestfile_request want = {.path = path, .id = id, .force = true};
    struct manifestcontent c;
    int rc = manifestfile_load(&want, &c);

    return store_read(rc, &c, store, v);
}

static int read_stream_once(const char *path, int fd, struct store *store, struct verdicts *v)
{
    struct manifestcontent c;
    int rc = manifestfile_load_stream(path, fd, &c);

    return store_read(rc, &c, store, v);
}

/** A pipe, as a shell's <(...) makes one. */
static int read_pipe_once(const char *path, struct store *store, struct verdicts *v)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc;

    if (fd < 0) {
        const struct manifestid id = {.error = errno};

        return read_file_once(path, &id, store, v);
    }
    rc = read_stream_once(path, fd, store, v);
    close(fd);
    return rc;
}

static int read_directory_once(const char *path, struct store *store, struct verdicts *v)
{
    char *root = root_of(path);
    struct manifesttree tree;
    struct err e;
    int rc;

    if (!root) {
        return -ENOMEM;
    }
    rc = manifesttree_walk(root, NULL, &tree, &e);
    if (rc != 0 && rc != -ENOMEM) {
        verdicts_add_at(v, root, 0, VERDICT_ERROR, "DirectoryUnreadable", "%s", e.text);
        rc = 0;
    } else {
        verdicts_append(v, &tree.verdicts);
    }
    for (size_t i = 0; i < tree.n && rc == 0; i++) {
        rc = read_file_once(tree.entries[i].path, &tree.entries[i].id, store, v);
    }
    manifesttree_fini(&tree);
    free(root);
    return rc;
}

int manifestdir_read_once(const char *path, struct store *store, struct verdicts *v)
{
    struct manifestid id = {0};
    struct stat st;

    if (strcmp(path, "-") == 0) {
        return read_stream_once(path, STDIN_FILENO, store, v);
    }
    if (stat(path, &st) != 0) {
        id.error = errno;
        return read_file_once(path, &id, store, v);
    }
    if (S_ISDIR(st.st_mode)) {
        return read_directory_once(path, store, v);
    }
    if (S_ISFIFO(st.st_mode)) {
        return read_pipe_once(path, store, v);
    }
    manifestfile_identify(&st, &id);
    return read_file_once(path, &id, store, v);
}
