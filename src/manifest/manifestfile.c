#include "manifest/manifestfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "manifest/manifesttext.h"

/* A file written this recently may not be finished; and a second write within the same tick of the
 * kernel's file clock, which is no longer than this, would leave no trace.  Nor is this longer than
 * the wait for quiet after a ring, so that a finished file is read at the first look. */
#define SETTLE_NS  10000000
#define READ_BYTES ((size_t)65536)
#define FILE_MAX   ((size_t)LIMIT_MANIFEST_FILE_BYTES)
/* Room for one read more than a file may have, which shows that it is too large. */
#define TEXT_MAX (FILE_MAX + 2 * READ_BYTES)

void manifestfile_init(struct manifestcontent *c)
{
    *c = (struct manifestcontent){0};
    verdicts_init(&c->verdicts);
}

void manifestfile_fini(struct manifestcontent *c)
{
    for (size_t i = 0; i < c->n; i++) {
        object_unref(c->objs[i].meta);
    }
    free(c->objs);
    verdicts_fini(&c->verdicts);
    manifestfile_init(c);
}

void manifestfile_identify(const struct stat *st, struct manifestid *out)
{
    *out = (struct manifestid){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
        .error = S_ISREG(st->st_mode) ? 0 : EMEDIUMTYPE,
    };
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool manifestfile_same_id(const struct manifestid *a, const struct manifestid *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->error == b->error &&
           same_time(&a->mtime, &b->mtime) && same_time(&a->ctime, &b->ctime);
}

static bool is_fresh(const struct manifestid *id)
{
    struct timespec now = clock_wall();
    int64_t age_ns =
        (int64_t)(now.tv_sec - id->mtime.tv_sec) * 1000000000 + (now.tv_nsec - id->mtime.tv_nsec);

    /* A time in the future says nothing. */
    return age_ns >= 0 && age_ns < SETTLE_NS;
}

/** Make a file that is broken as a whole keep what it last held; its verdict stands in `out`. */
static int keep_all(const struct manifestfile_request *want, struct manifestcontent *out)
{
    const struct manifestcontent *last = want->last;

    if (!last || last->n == 0) {
        return 0;
    }
    out->objs = calloc(last->n, sizeof(*out->objs));
    if (!out->objs) {
        return -ENOMEM;
    }
    out->cap = last->n;
    for (; out->n < last->n; out->n++) {
        out->objs[out->n] = (struct manifestobj){
            .meta = object_ref(last->objs[out->n].meta), .path = want->path, .order = out->n};
    }
    verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_NOTE, "LastGoodKept",
                    "its %zu objects as last read stay in service until it is mended", last->n);
    return 0;
}

static int refuse(const struct manifestfile_request *want, int error, struct manifestcontent *out)
{
    if (error == EMEDIUMTYPE) {
        verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_ERROR, "ManifestUnreadable",
                        "it is not a regular file; put a file in its place or rename it");
    } else if (error == EFBIG) {
        verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_ERROR, "ManifestTooLarge",
                        "it is larger than %u MiB; split it", LIMIT_MANIFEST_FILE_BYTES >> 20);
    } else if (error == ENOENT) {
        verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_ERROR, "ManifestUnreadable",
                        "there is no such file, or a symbolic link leads nowhere");
    } else if (error == EACCES) {
        verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_ERROR, "ManifestUnreadable",
                        "cannot read it: %s; let the user that Sealway runs as read it",
                        strerror(error));
    } else {
        verdicts_add_at(&out->verdicts, want->path, 0, VERDICT_ERROR, "ManifestUnreadable",
                        "cannot read it: %s; mend that, or take the file away", strerror(error));
    }
    return keep_all(want, out);
}

/** Read to the end.  Returns 0, -EFBIG over LIMIT_MANIFEST_FILE_BYTES, -errno. */
static int slurp(int fd, struct buf *text)
{
    ssize_t got = 1;
    int rc;

    while (got != 0) {
        rc = buf_reserve(text, READ_BYTES);
        if (rc != 0) {
            return rc == -ENOBUFS ? -EFBIG : rc;
        }
        got = read(fd, text->data + text->len, READ_BYTES);
        if (got < 0 && errno != EINTR) {
            return -errno;
        }
        text->len += got > 0 ? (size_t)got : 0;
        if (text->len > FILE_MAX) {
            return -EFBIG;
        }
    }
    return 0;
}

static int decode_or_keep(const struct manifestfile_request *want, const struct buf *text,
                          struct manifestcontent *out)
{
    int rc = manifesttext_decode(want, text->data ? (const char *)text->data : "", text->len, out);

    return rc == -EINVAL ? keep_all(want, out) : rc;
}

/** Read and decode an open regular file whose identity is in out->id. */
static int load_open(const struct manifestfile_request *want, int fd, struct manifestcontent *out)
{
    struct manifestid after;
    struct stat st;
    struct buf text;
    int rc;

    if ((size_t)out->id.size > FILE_MAX) {
        return refuse(want, EFBIG, out);
    }
    buf_init(&text, TEXT_MAX);
    rc = slurp(fd, &text);
    if (rc == 0 && fstat(fd, &st) != 0) {
        rc = -errno;
    }
    if (rc == 0) {
        manifestfile_identify(&st, &after);
        out->in_motion = out->in_motion || !manifestfile_same_id(&out->id, &after);
        rc = out->in_motion && !want->force ? -EAGAIN : decode_or_keep(want, &text, out);
    } else if (rc != -ENOMEM) {
        rc = refuse(want, -rc, out);
    }
    buf_fini(&text);
    return rc;
}

static int load(const struct manifestfile_request *want, int fd, struct manifestcontent *out)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return refuse(want, errno, out);
    }
    manifestfile_identify(&st, &out->id);
    if (out->id.error != 0) {
        return refuse(want, out->id.error, out);
    }
    out->in_motion = is_fresh(&out->id);
    if (out->in_motion && !want->force) {
        return -EAGAIN;
    }
    return load_open(want, fd, out);
}

/** The file cannot be opened: what is it, and is it worth another look? */
static int load_closed(const struct manifestfile_request *want, int error,
                       struct manifestcontent *out)
{
    if (error == ENOENT && !want->force) {
        return -EAGAIN;
    }
    if (error == ENOMEM) {
        return -ENOMEM;
    }
    /* Short of descriptors the file itself is not to blame, and will be read in time. */
    out->in_motion = error == EMFILE || error == ENFILE;
    out->id = *want->id;
    return refuse(want, error, out);
}

static int load_path(const struct manifestfile_request *want, struct manifestcontent *out)
{
    int fd, rc;

    if (want->id->error != 0) {
        return load_closed(want, want->id->error, out);
    }
    fd = open(want->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return load_closed(want, errno, out);
    }
    rc = load(want, fd, out);
    close(fd);
    return rc;
}

/** Hand over a finished content, or drop it. */
static int deliver(struct manifestcontent *made, int rc, struct manifestcontent *out)
{
    if (rc == 0) {
        *out = *made;
    } else {
        manifestfile_fini(made);
    }
    return rc;
}

int manifestfile_load(const struct manifestfile_request *want, struct manifestcontent *out)
{
    struct manifestcontent made;

    manifestfile_init(&made);
    return deliver(&made, load_path(want, &made), out);
}

int manifestfile_load_stream(const char *path, int fd, struct manifestcontent *out)
{
    const struct manifestfile_request want = {.path = path, .force = true};
    struct manifestcontent made;
    struct buf text;
    int rc;

    manifestfile_init(&made);
    buf_init(&text, TEXT_MAX);
    rc = slurp(fd, &text);
    if (rc == 0) {
        rc = decode_or_keep(&want, &text, &made);
    } else if (rc != -ENOMEM) {
        rc = refuse(&want, -rc, &made);
    }
    buf_fini(&text);
    return deliver(&made, rc, out);
}
