#include "manifest/manifesttree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "manifest/manifestwatch.h"

#define ARENA_CHUNK_BYTES 4096

struct walk {
    struct manifesttree *out;
    struct manifestwatch *watch;
    char path[PATH_MAX]; /* of what is being looked at */
    size_t len;
    struct {
        dev_t dev;
        ino_t ino;
    } above[LIMIT_MANIFEST_DEPTH + 1]; /* from the root down to the directory being read */
    unsigned depth;                    /* number of them */
    size_t dirs;
    bool watch_told, files_told;
};

void manifesttree_fini(struct manifesttree *t)
{
    free(t->entries);
    free(t->blind);
    verdicts_fini(&t->verdicts);
    arena_fini(&t->arena);
    *t = (struct manifesttree){0};
}

/** Room for one more element of `size` bytes.  Returns the array, or NULL without memory. */
static void *grown(void *array, size_t n, size_t *cap, size_t size)
{
    size_t bigger = *cap ? *cap * 2 : 16;
    void *more;

    if (n < *cap) {
        return array;
    }
    more = realloc(array, bigger * size);
    if (more) {
        *cap = bigger;
    }
    return more;
}

static int add_entry(struct walk *w, const struct manifestid *id)
{
    struct manifesttree *t = w->out;
    void *array = grown(t->entries, t->n, &t->cap, sizeof(*t->entries));
    char *path = array ? arena_strndup(&t->arena, w->path, w->len) : NULL;

    if (array) {
        t->entries = array;
    }
    if (!path) {
        return -ENOMEM;
    }
    t->entries[t->n++] = (struct manifesttree_entry){.path = path, .id = *id};
    return 0;
}

/** Nothing can be told of what is below the first `path_len` bytes of the path; 0: below any. */
static int add_blind(struct walk *w, size_t path_len)
{
    struct manifesttree *t = w->out;
    void *array = grown(t->blind, t->n_blind, &t->cap_blind, sizeof(*t->blind));
    char *path = array ? arena_strndup(&t->arena, w->path, path_len) : NULL;

    if (array) {
        t->blind = array;
    }
    if (!path) {
        return -ENOMEM;
    }
    t->blind[t->n_blind++] = path;
    return 0;
}

static int refuse_directory(struct walk *w, int error)
{
    verdicts_add_at(&w->out->verdicts, w->path, 0, VERDICT_ERROR, "DirectoryUnreadable",
                    "cannot read it: %s; %s%s", strerror(error),
                    error == EACCES ? "let the user that Sealway runs as read it"
                                    : "mend that, or take it away",
                    w->watch ? "; what was read of it before stays" : "");
    return add_blind(w, w->len);
}

/** A tree beyond all measure: what is known stays, nothing more is taken. */
static int refuse_more(struct walk *w)
{
    if (w->files_told) {
        return 0;
    }
    w->files_told = true;
    verdicts_add_at(&w->out->verdicts, w->path, 0, VERDICT_ERROR, "TooManyFiles",
                    "from here on nothing is read: there are more than %u files or directories",
                    LIMIT_MANIFEST_FILES);
    return add_blind(w, 0);
}

static bool is_manifest_name(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".json"};
    size_t len = strlen(name);

    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t n = strlen(endings[i]);

        if (len > n && strcmp(name + len - n, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

/** Append a name to the path.  Returns false when it does not fit. */
static bool push(struct walk *w, const char *name)
{
    size_t n = strlen(name);
    bool slash = w->len > 0 && w->path[w->len - 1] != '/';

    if (w->len + slash + n >= sizeof(w->path)) {
        return false;
    }
    if (slash) {
        w->path[w->len++] = '/';
    }
    memcpy(w->path + w->len, name, n + 1);
    w->len += n;
    return true;
}

static void pop(struct walk *w, size_t len)
{
    w->len = len;
    w->path[len] = '\0';
}

static bool is_above(const struct walk *w, const struct stat *st)
{
    for (unsigned i = 0; i < w->depth; i++) {
        if (w->above[i].dev == st->st_dev && w->above[i].ino == st->st_ino) {
            return true;
        }
    }
    return false;
}

static int watch_directory(struct walk *w)
{
    int rc = w->watch ? manifestwatch_directory(w->watch, w->path) : 0;

    if (rc == -ENOSPC && !w->watch_told) {
        w->watch_told = true;
        verdicts_add_at(&w->out->verdicts, w->path, 0, VERDICT_WARNING, "DirectoryNotWatched",
                        "the kernel allows no more watches, so changes are noticed late; raise "
                        "sysctl fs.inotify.max_user_watches");
    }
    /* Whatever else is wrong, reading the directory will say it better. */
    return rc == -ENOMEM ? rc : 0;
}

static int take_file(struct walk *w, const struct manifestid *id, bool through_link)
{
    if (w->out->n >= LIMIT_MANIFEST_FILES) {
        return refuse_more(w);
    }
    /* The link's target may be written where nobody looks.  It is only a better bell. */
    if (w->watch && through_link && manifestwatch_file(w->watch, w->path) == -ENOMEM) {
        return -ENOMEM;
    }
    return add_entry(w, id);
}

/* From here on in a ring: a directory holds directories.  LIMIT_MANIFEST_DEPTH ends it. */
static int walk_directory(struct walk *w);

static int take_directory(struct walk *w, const struct stat *st)
{
    if (is_above(w, st)) {
        return 0; /* a link back up: everything there is seen already */
    }
    if (w->depth > LIMIT_MANIFEST_DEPTH) {
        verdicts_add_at(&w->out->verdicts, w->path, 0, VERDICT_ERROR, "DirectoryTooDeep",
                        "nothing below it is read: it is nested more than %u deep",
                        LIMIT_MANIFEST_DEPTH);
        return 0;
    }
    if (++w->dirs > LIMIT_MANIFEST_FILES) {
        return refuse_more(w);
    }
    return walk_directory(w);
}

/** What a name leads to, when stat(2) says that it leads nowhere good. */
static int take_unreachable(struct walk *w, int error, bool through_link)
{
    const struct manifestid id = {.error = error};

    if (error == ENOENT && !through_link) {
        return 0; /* gone since the directory was read */
    }
    return take_file(w, &id, false);
}

static int take_name(struct walk *w, int dir_fd, const struct dirent *entry)
{
    bool is_manifest = is_manifest_name(entry->d_name);
    bool through_link = entry->d_type == DT_LNK;
    struct manifestid id;
    struct stat st;

    if (entry->d_type == DT_REG && !is_manifest) {
        return 0;
    }
    if (fstatat(dir_fd, entry->d_name, &st, 0) != 0) {
        return is_manifest ? take_unreachable(w, errno, through_link) : 0;
    }
    if (S_ISDIR(st.st_mode)) {
        return take_directory(w, &st);
    }
    if (!is_manifest) {
        return 0;
    }
    manifestfile_identify(&st, &id);
    return take_file(w, &id, through_link);
}

static int take_entry(struct walk *w, int dir_fd, const struct dirent *entry)
{
    size_t len = w->len;
    int rc;

    if (entry->d_name[0] == '.') {
        return 0;
    }
    if (!push(w, entry->d_name)) {
        return refuse_directory(w, ENAMETOOLONG);
    }
    rc = take_name(w, dir_fd, entry);
    pop(w, len);
    return rc;
}

/** Read an open directory to its end, one level deeper in the chain. */
static int walk_open(struct walk *w, DIR *dir)
{
    struct dirent *entry;
    struct stat st;
    int rc = 0;

    if (fstat(dirfd(dir), &st) != 0) {
        return refuse_directory(w, errno);
    }
    w->above[w->depth].dev = st.st_dev;
    w->above[w->depth].ino = st.st_ino;
    w->depth++;
    while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
        rc = take_entry(w, dirfd(dir), entry);
    }
    w->depth--;
    return rc == 0 && errno != 0 ? refuse_directory(w, errno) : rc;
}

static int walk_directory(struct walk *w)
{
    int rc = watch_directory(w);
    DIR *dir = rc == 0 ? opendir(w->path) : NULL;

    if (rc != 0) {
        return rc;
    }
    if (!dir) {
        return errno == ENOENT || errno == ENOTDIR ? 0 : refuse_directory(w, errno);
    }
    rc = walk_open(w, dir);
    closedir(dir);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct manifesttree_entry *x = a, *y = b;

    return strcmp(x->path, y->path);
}

/** The root is held to more: without it there is nothing at all. */
static int walk_root(struct walk *w)
{
    struct stat st;
    DIR *dir;
    int rc;

    rc = w->watch ? manifestwatch_directory(w->watch, w->path) : 0;
    if (rc != 0) {
        return rc;
    }
    dir = opendir(w->path);
    if (!dir) {
        return -errno;
    }
    if (fstat(dirfd(dir), &st) != 0) {
        rc = -errno;
    } else {
        w->out->dev = st.st_dev;
        w->out->ino = st.st_ino;
        rc = walk_open(w, dir);
    }
    closedir(dir);
    return rc;
}

static void describe_failure(struct err *e, const char *root, int error)
{
    if (error == ENOTDIR) {
        err_set(e, "%s is not a directory: name the directory that holds the manifests", root);
    } else if (error == ENOSPC) {
        err_set(e,
                "cannot watch directory %s: the kernel allows no more watches; raise sysctl "
                "fs.inotify.max_user_watches",
                root);
    } else {
        err_set(e, "cannot read directory %s: %s", root, strerror(error));
    }
}

int manifesttree_walk(const char *root, struct manifestwatch *watch, struct manifesttree *out,
                      struct err *e)
{
    struct walk w = {.out = out, .watch = watch};
    int rc;

    *out = (struct manifesttree){0};
    verdicts_init(&out->verdicts);
    arena_init(&out->arena, ARENA_CHUNK_BYTES);
    rc = push(&w, root) ? walk_root(&w) : -ENAMETOOLONG;
    if (rc != 0) {
        describe_failure(e, root, -rc);
        manifesttree_fini(out);
        return rc;
    }
    if (out->n > 1) {
        qsort(out->entries, out->n, sizeof(*out->entries), compare);
    }
    return 0;
}

bool manifesttree_is_blind(const struct manifesttree *t, const char *path)
{
    for (size_t i = 0; i < t->n_blind; i++) {
        size_t n = strlen(t->blind[i]);

        if (strncmp(path, t->blind[i], n) == 0 &&
            (n == 0 || path[n] == '/' || path[n - 1] == '/')) {
            return true;
        }
    }
    return false;
}
