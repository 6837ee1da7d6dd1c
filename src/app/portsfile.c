#include "app/portsfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/listeners.h"

static int complain(const char *path, int rc, struct err *e)
{
    const char *mend = "name a file in a directory that exists and that we may write to";

    if (rc == -ENOSPC || rc == -EDQUOT || rc == -EIO) {
        mend = "make room there, or name a file elsewhere";
    }
    err_set(e, "--ports-file %s: %s; %s", path, strerror(-rc), mend);
    return rc;
}

/* The file is written here and renamed.  Made anew: one that is there was left by a run that had
 * the same number and crashed, as every run in a container has. */
static int open_aside(const char *path, char aside[PATH_MAX])
{
    int fd;

    if (snprintf(aside, PATH_MAX, "%s.%ld", path, (long)getpid()) >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    if (unlink(aside) != 0 && errno != ENOENT) {
        return -errno;
    }
    fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return fd >= 0 ? fd : -errno;
}

/* A rename would put a file in the place of a device or a link. */
static int check_kind(const char *path, struct err *e)
{
    struct stat st;

    if (path[strlen(path) - 1] == '/' || (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))) {
        err_set(e, "--ports-file %s: it is a directory; name a file in it", path);
        return -EISDIR;
    }
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        err_set(e,
                "--ports-file %s: it is no regular file, and would be replaced by one; name "
                "another file",
                path);
        return -EINVAL;
    }
    return 0;
}

int portsfile_check(const char *path, struct err *e)
{
    char aside[PATH_MAX];
    int rc = check_kind(path, e);
    int fd;

    if (rc != 0) {
        return rc;
    }
    fd = open_aside(path, aside);
    if (fd < 0) {
        return complain(path, fd, e);
    }
    close(fd);
    (void)unlink(aside);
    return 0;
}

void portsfile_remove(const char *path)
{
    (void)unlink(path); /* portsfile_write() tells if that matters */
}

static int write_json(const struct listeners *l, const struct netaddr *admin, int fd)
{
    FILE *f = fdopen(fd, "w");
    char text[NETADDR_TEXT_MAX];
    int rc = 0;

    if (f == NULL) {
        rc = -errno;
        close(fd);
        return rc;
    }
    fputs("{\"listen\":[", f);
    for (size_t i = 0; i < l->n_bound; i++) {
        fprintf(f, "%s\"%s\"", i == 0 ? "" : ",", netaddr_format(&l->bound[i], text));
    }
    fprintf(f, "],\"admin\":\"%s\"}\n", netaddr_format(admin, text));
    if (ferror(f) != 0) {
        rc = -EIO;
    }
    if (fclose(f) != 0 && rc == 0) {
        rc = -errno;
    }
    return rc;
}

int portsfile_write(const struct listeners *l, const struct netaddr *admin, const char *path,
                    struct err *e)
{
    char aside[PATH_MAX];
    int rc = check_kind(path, e);
    int fd;

    if (rc != 0) {
        return rc;
    }
    fd = open_aside(path, aside);
    if (fd < 0) {
        return complain(path, fd, e);
    }
    rc = write_json(l, admin, fd);
    if (rc == 0 && rename(aside, path) != 0) {
        rc = -errno;
    }
    if (rc == 0) {
        return 0;
    }
    (void)unlink(aside); /* the failure that is told is the one above */
    return complain(path, rc, e);
}
