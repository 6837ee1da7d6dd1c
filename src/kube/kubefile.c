#include "kubefile_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** Up to `max` + 1 bytes.  Returns their number or -errno. */
static ssize_t slurp(int fd, char *text, size_t max)
{
    size_t len = 0;
    ssize_t got = 1;

    while (got != 0 && len <= max) {
        got = read(fd, text + len, max + 1 - len);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)len;
}

static int refuse(int error, size_t max, struct err *e)
{
    if (error == EFBIG) {
        err_set(e, "it is larger than %zu KiB, which no such file is", max / 1024);
    } else if (error == EMEDIUMTYPE) {
        err_set(e, "it is no regular file");
    } else if (error == EILSEQ) {
        err_set(e, "it holds a NUL byte: it is no text");
    } else {
        err_set(e, "cannot read it: %s", strerror(error));
    }
    return -error;
}

/** The text of an open file.  A copy of its very size, so that a small token costs little. */
static int read_open(int fd, size_t max, char **out)
{
    struct stat st;
    char *scratch;
    ssize_t len;
    int rc = 0;

    if (fstat(fd, &st) != 0) {
        return -errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return -EMEDIUMTYPE;
    }
    scratch = malloc(max + 1);
    if (scratch == NULL) {
        return -ENOMEM;
    }
    len = slurp(fd, scratch, max);
    if (len < 0) {
        rc = (int)len;
    } else if ((size_t)len > max) {
        rc = -EFBIG;
    } else if (memchr(scratch, '\0', (size_t)len) != NULL) {
        rc = -EILSEQ;
    } else {
        *out = strndup(scratch, (size_t)len);
        rc = *out != NULL ? 0 : -ENOMEM;
    }
    explicit_bzero(scratch, len > 0 ? (size_t)len : 0);
    free(scratch);
    return rc;
}

int kubefile_read(const char *path, size_t max, char **out, struct err *e)
{
    /* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc;

    if (fd < 0) {
        return refuse(errno, max, e);
    }
    rc = read_open(fd, max, out);
    close(fd);
    return rc == 0 ? 0 : refuse(-rc, max, e);
}

char *kubefile_path(const char *beside, const char *name)
{
    const char *slash = strrchr(beside, '/');
    char *path = NULL;

    if (name[0] == '/' || slash == NULL) {
        return strdup(name);
    }
    path = malloc((size_t)(slash - beside) + 1 + strlen(name) + 1);
    if (path != NULL) {
        size_t dir = (size_t)(slash - beside) + 1;

        memcpy(path, beside, dir);
        memcpy(path + dir, name, strlen(name) + 1);
    }
    return path;
}
