/**
 * kubeexec - run a credential plugin: a program, without a shell and without waiting for it.
 *
 * It gets an empty stdin, a process group, signal handling as at its birth, and no descriptor of
 * ours.  Its end is told by a pidfd (or, on a kernel without, by asking now and then), never by
 * SIGCHLD.  Children of ours that nobody waits for, as a container's init has them, are reaped with
 * the next start: a program that uses this has no others.  Thread: one, that of the event base.
 */
#ifndef KUBE_KUBEEXEC_PRIV_H
#define KUBE_KUBEEXEC_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "kube/kubeaccess.h"

struct event_base;
struct kubeexec;

/** How it ended.  `e` is NULL when it went well, and `text` what it printed: borrowed, overwritten
 * behind the call. */
struct kubeexec_end {
    const struct err *e;
    const char *text;
    size_t len;
};

struct kubeexec_config {
    const struct kubeaccess_exec *exec; /* borrowed while it runs */
    struct event_base *base;
    uint32_t timeout_ms; /* then it and its process group are killed */
    size_t max_bytes;    /* of what it prints; likewise */
    /** Called from the loop, once; the handle is gone. */
    void (*on_end)(void *ctx, const struct kubeexec_end *end);
    void *ctx;
};

/** Begin.  NULL with `e` when it cannot be run: it names the program and how to mend it. */
MUST_CHECK struct kubeexec *kubeexec_start(const struct kubeexec_config *cfg, struct err *e);

/** Kill it and its process group; on_end is not called.  NULL is ignored. */
void kubeexec_cancel(struct kubeexec *x);

#endif
