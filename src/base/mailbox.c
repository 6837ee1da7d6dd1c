#include "base/mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *m)
{
    atomic_init(&m->slot, NULL);
    m->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return m->event_fd < 0 ? -errno : 0;
}

void mailbox_fini(struct mailbox *m)
{
    ASSERT(atomic_load_explicit(&m->slot, memory_order_relaxed) == NULL);
    if (m->event_fd >= 0) {
        (void)close(m->event_fd);
    }
    m->event_fd = -1;
}

void *mailbox_put(struct mailbox *m, void *item)
{
    void *displaced = atomic_exchange_explicit(&m->slot, item, memory_order_acq_rel);

    mailbox_ring(m);
    return displaced;
}

void *mailbox_take(struct mailbox *m)
{
    uint64_t rings;

    /* Silence first: a put after the exchange below rings again and is not lost. */
    (void)!read(m->event_fd, &rings, sizeof(rings)); /* EAGAIN: it was not rung */
    return atomic_exchange_explicit(&m->slot, NULL, memory_order_acq_rel);
}

void mailbox_ring(struct mailbox *m)
{
    const uint64_t one = 1;
    int saved_errno = errno; /* a signal handler may ring */

    (void)!write(m->event_fd, &one, sizeof(one)); /* EAGAIN: the counter is full, so it rings */
    errno = saved_errno;
}
