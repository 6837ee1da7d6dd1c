#include "manifest/manifestwatch.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FILE_EVENTS (IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)
#define DIRECTORY_EVENTS                                                                           \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |       \
     IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)
#define DRAIN_READS 256 /* what still waits then rings again */
#define FIRST_CAP   16

int manifestwatch_init(struct manifestwatch *w)
{
    *w = (struct manifestwatch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    return w->fd < 0 ? -errno : 0;
}

void manifestwatch_fini(struct manifestwatch *w)
{
    if (w->fd >= 0) {
        close(w->fd);
    }
    free(w->held.wds);
    free(w->round.wds);
    *w = (struct manifestwatch){.fd = -1};
}

static int reserve(struct manifestwatch_set *s, size_t n)
{
    size_t cap = s->cap ? s->cap : FIRST_CAP;
    int *grown;

    while (cap < n) {
        cap *= 2;
    }
    if (cap == s->cap) {
        return 0;
    }
    grown = realloc(s->wds, cap * sizeof(*grown));
    if (!grown) {
        return -ENOMEM;
    }
    s->wds = grown;
    s->cap = cap;
    return 0;
}

static int watch(struct manifestwatch *w, const char *path, uint32_t events)
{
    int rc = reserve(&w->round, w->round.n + 1);
    int wd;

    if (rc != 0) {
        return rc;
    }
    wd = inotify_add_watch(w->fd, path, events);
    if (wd < 0) {
        return -errno;
    }
    w->round.wds[w->round.n++] = wd;
    return 0;
}

int manifestwatch_directory(struct manifestwatch *w, const char *path)
{
    return watch(w, path, DIRECTORY_EVENTS);
}

int manifestwatch_file(struct manifestwatch *w, const char *path)
{
    /* The same inode may be watched as a directory's entry: add to what is asked of it. */
    return watch(w, path, FILE_EVENTS | IN_MASK_ADD);
}

static int compare(const void *a, const void *b)
{
    const int *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

void manifestwatch_finish(struct manifestwatch *w)
{
    struct manifestwatch_set old = w->held;

    if (w->round.n > 1) {
        qsort(w->round.wds, w->round.n, sizeof(*w->round.wds), compare);
    }
    for (size_t i = 0; i < old.n; i++) {
        if (w->round.n == 0 ||
            !bsearch(&old.wds[i], w->round.wds, w->round.n, sizeof(*w->round.wds), compare)) {
            /* Of a directory that is gone the kernel has let go itself. */
            (void)inotify_rm_watch(w->fd, old.wds[i]);
        }
    }
    w->held = w->round;
    old.n = 0;
    w->round = old;
}

void manifestwatch_abandon(struct manifestwatch *w)
{
    /* Without memory some watches outlive their use, which costs a needless look now and then. */
    if (w->round.n > 0 && reserve(&w->held, w->held.n + w->round.n) == 0) {
        for (size_t i = 0; i < w->round.n; i++) {
            w->held.wds[w->held.n++] = w->round.wds[i];
        }
    }
    w->round.n = 0;
}

bool manifestwatch_drain(struct manifestwatch *w)
{
    _Alignas(struct inotify_event) char events[4096];
    bool rang = false;

    for (int i = 0; i < DRAIN_READS && read(w->fd, events, sizeof(events)) > 0; i++) {
        rang = true;
    }
    return rang;
}
