#include "support/tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WALK_FDS 16

static void must(int ok, const char *what, const char *path)
{
    if (!ok) {
        (void)fprintf(stderr, "tempdir: %s %s: %s\n", what, path, strerror(errno));
        abort();
    }
}

void tempdir_make(struct tempdir *d)
{
    const char *root = getenv("TMPDIR");
    int n = snprintf(d->path, sizeof(d->path), "%s/sealway-test.XXXXXX",
                     root != NULL && root[0] != '\0' ? root : "/tmp");

    must(n > 0 && (size_t)n < sizeof(d->path), "name", d->path);
    must(mkdtemp(d->path) != NULL, "mkdtemp", d->path);
}

const char *tempdir_path(const struct tempdir *d, const char *name, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/%s", d->path, name);

    must(n > 0 && n < PATH_MAX, "name", name);
    return out;
}

/* Make every directory that `path` names before one of its slashes after `from`. */
static void make_parents(char *path, size_t from)
{
    for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        must(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir", path);
        *slash = '/';
    }
}

void tempdir_mkdir(const struct tempdir *d, const char *name)
{
    char path[PATH_MAX];

    (void)tempdir_path(d, name, path);
    make_parents(path, strlen(d->path) + 1);
    must(mkdir(path, 0755) == 0 || errno == EEXIST, "mkdir", path);
}

void tempdir_write_bytes(const struct tempdir *d, const char *name, const void *bytes, size_t len)
{
    char path[PATH_MAX];
    const char *at = bytes;
    ssize_t n;
    int fd;

    (void)tempdir_path(d, name, path);
    make_parents(path, strlen(d->path) + 1);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    must(fd >= 0, "open", path);
    for (; len > 0; at += n, len -= (size_t)n) {
        n = write(fd, at, len);
        must(n > 0, "write", path);
    }
    must(close(fd) == 0, "close", path);
}

void tempdir_write(const struct tempdir *d, const char *name, const char *text)
{
    tempdir_write_bytes(d, name, text, strlen(text));
}

void tempdir_replace(const struct tempdir *d, const char *name, const char *text)
{
    char fresh[PATH_MAX], path[PATH_MAX];

    tempdir_write(d, ".tempdir-fresh", text);
    (void)tempdir_path(d, ".tempdir-fresh", fresh);
    (void)tempdir_path(d, name, path);
    make_parents(path, strlen(d->path) + 1);
    must(rename(fresh, path) == 0, "rename", path);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void tempdir_remove(struct tempdir *d)
{
    if (d->path[0] == '\0') {
        return;
    }
    must(nftw(d->path, remove_entry, WALK_FDS, FTW_DEPTH | FTW_PHYS) == 0, "remove", d->path);
    d->path[0] = '\0';
}
