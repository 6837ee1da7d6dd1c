#include "paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "manifest/manifesttree.h"

/* One file below one path. */
struct named_file {
    dev_t dev;
    ino_t ino;
    size_t path;     /* index of the path that names it */
    size_t siblings; /* how many files that path names */
};

struct listing {
    struct named_file *files;
    size_t n, cap;
    bool *kept; /* by path */
};

static int reserve(struct listing *l, size_t more)
{
    size_t cap = l->n + more > 2 * l->cap ? l->n + more : 2 * l->cap;
    struct named_file *files;

    if (l->n + more <= l->cap) {
        return 0;
    }
    files = realloc(l->files, cap * sizeof(*files));
    if (files == NULL) {
        return -ENOMEM;
    }
    l->files = files;
    l->cap = cap;
    return 0;
}

/* Whether something below could not be told: only reading this very path says what. */
static bool has_gaps(const struct manifesttree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].id.error != 0) {
            return true;
        }
    }
    return t->verdicts.n > 0;
}

static int list_tree(struct listing *l, const char *path, size_t index)
{
    struct manifesttree tree;
    struct err e;
    int rc = manifesttree_walk(path, NULL, &tree, &e);

    if (rc == 0 && !has_gaps(&tree)) {
        rc = reserve(l, tree.n);
        for (size_t i = 0; i < tree.n && rc == 0; i++) {
            l->files[l->n++] = (struct named_file){.dev = tree.entries[i].id.dev,
                                                   .ino = tree.entries[i].id.ino,
                                                   .path = index,
                                                   .siblings = tree.n};
        }
    }
    manifesttree_fini(&tree);
    return rc == -ENOMEM ? rc : 0;
}

/* The files behind a path; none when there are none, or when that is not known. */
static int list_path(struct listing *l, const char *path, size_t index)
{
    struct stat st;

    if (strcmp(path, "-") == 0 || stat(path, &st) != 0) {
        return 0;
    }
    if (S_ISDIR(st.st_mode)) {
        return list_tree(l, path, index);
    }
    if (!S_ISREG(st.st_mode)) {
        return 0;
    }
    if (reserve(l, 1) != 0) {
        return -ENOMEM;
    }
    l->files[l->n++] =
        (struct named_file){.dev = st.st_dev, .ino = st.st_ino, .path = index, .siblings = 1};
    return 0;
}

static int compare(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* Those of one file together, first by the path that names most: only that can hold another's. */
static int compare_files(const void *a, const void *b)
{
    const struct named_file *x = a, *y = b;

    if (x->dev != y->dev) {
        return x->dev < y->dev ? -1 : 1;
    }
    if (x->ino != y->ino) {
        return x->ino < y->ino ? -1 : 1;
    }
    return x->siblings != y->siblings ? compare(y->siblings, x->siblings)
                                      : compare(x->path, y->path);
}

static int choose(struct listing *l, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t before = l->n;

        if (list_path(l, paths[i], i) != 0) {
            return -ENOMEM;
        }
        l->kept[i] = l->n == before;
    }
    if (l->n > 0) {
        qsort(l->files, l->n, sizeof(*l->files), compare_files);
    }
    for (size_t i = 0; i < l->n; i++) {
        const struct named_file *f = &l->files[i];

        if (i == 0 || f->dev != f[-1].dev || f->ino != f[-1].ino) {
            l->kept[f->path] = true;
        }
    }
    return 0;
}

int paths_distinct(const char *const *paths, size_t n, const char **kept_out, size_t *n_kept_out)
{
    struct listing l = {.kept = calloc(n, sizeof(*l.kept))};
    size_t n_kept = 0;
    int rc = l.kept != NULL ? choose(&l, paths, n) : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (l.kept[i]) {
            kept_out[n_kept++] = paths[i];
        }
    }
    if (rc == 0) {
        *n_kept_out = n_kept;
    }
    free(l.files);
    free(l.kept);
    return rc;
}
