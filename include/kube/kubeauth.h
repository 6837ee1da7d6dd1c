/**
 * kubeauth - the credentials at this moment.
 *
 * Reads token, CA and client certificate files again when they may have changed (the kubelet renews
 * a pod's token and CA by swapping a link), and runs a credential plugin without a shell and
 * without waiting for it.  Thread: that of its event base.  Secrets stand in memory that is
 * overwritten before it is freed.
 */
#ifndef KUBE_KUBEAUTH_H
#define KUBE_KUBEAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "kube/kubeaccess.h"

struct event_base;
struct kubeauth;

#define KUBEAUTH_TOKEN_MS    50000u /* a token file is read again when last read so long ago */
#define KUBEAUTH_PEM_MS      60000u /* likewise CA and client certificate */
#define KUBEAUTH_EXEC_MS     30000u /* a plugin that takes longer is killed */
#define KUBEAUTH_EXEC_BYTES  1048576u
#define KUBEAUTH_TOKEN_BYTES 16384u

/** Borrowed until the next call of kubeauth_get(), _refused() or _untrusted(). */
struct kubeauth_now {
    const char *token;       /* NULL: none */
    const char *ca;          /* PEM; NULL: the system's */
    const char *cert, *key;  /* PEM; NULL: none */
    uint64_t tls_generation; /* another than last time: open connections must not be used for new
                                requests */
};

enum kubeauth_state {
    KUBEAUTH_READY,
    KUBEAUTH_PENDING, /* a plugin runs; on_change tells */
    KUBEAUTH_FAILED,  /* `e` says why; try again later: it is looked at anew */
};

/**
 * `access` is borrowed.  `on_change` is called from the loop whenever a plugin ended, well or not;
 * it may call kubeauth_get().  Reads every file once: what is missing or no PEM at start is told
 * (returns NULL with `e` filled, which names file and key).
 */
MUST_CHECK struct kubeauth *kubeauth_new(const struct kubeaccess *access, struct event_base *base,
                                         void (*on_change)(void *ctx), void *ctx, struct err *e);

/** Also ends a plugin that runs.  NULL is ignored. */
void kubeauth_free(struct kubeauth *a);

/**
 * The credentials for a request that begins now.  A file that cannot be read, is empty or is no PEM
 * costs nothing while there is an older good one.
 */
enum kubeauth_state kubeauth_get(struct kubeauth *a, uint64_t now_ms, struct kubeauth_now *out,
                                 struct err *e);

/** The server answered 401 to a request that began at `began_ms`: what was read before is stale. */
void kubeauth_refused(struct kubeauth *a, uint64_t began_ms);

/** The server's certificate did not verify: read the CA again at once. */
void kubeauth_untrusted(struct kubeauth *a);

/** SIGHUP: read everything again. */
void kubeauth_reload(struct kubeauth *a);

#endif
