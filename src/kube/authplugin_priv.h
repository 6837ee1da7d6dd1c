/**
 * authplugin - the credential that a plugin gave: when it must be asked again, and what meanwhile.
 *
 * It is asked when there is no credential yet, shortly before one expires, and when the server
 * refused one; a failure costs nothing while the credential at hand is still good.  However often
 * it fails, or what it gives is refused, it is not started more often than a backoff allows.
 */
#ifndef KUBE_AUTHPLUGIN_PRIV_H
#define KUBE_AUTHPLUGIN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "execcredential_priv.h"
#include "kube/backoff.h"
#include "kube/kubeauth.h"

struct event_base;
struct kubeexec;

struct authplugin {
    const struct kubeaccess_exec *exec;
    struct event_base *base;
    void (*on_change)(void *ctx);
    void *ctx;
    struct kubeexec *running;
    struct execcredential now; /* in use; all NULL: none yet */
    struct execcredential next;
    bool has_ended; /* the last run did, and authplugin_get() has not seen it yet: well when
                       `failure` is empty, and then `next` is what it gave */
    bool has, is_due, is_refused;
    bool is_proven;    /* the last run was good: the next one owes nothing to a backoff */
    uint64_t since_ms; /* when `now` was first handed out */
    int64_t renew_at, next_renew_at; /* wall clock, seconds: of `now` and `next` */
    uint64_t not_before_ms;
    struct backoff backoff;
    struct err failure;
    uint64_t
        tls_generation; /* counts the certificates and keys that differed from the one before */
};

/** Nothing is run before the first authplugin_get().  All arguments are borrowed. */
void authplugin_init(struct authplugin *p, const struct kubeaccess_exec *exec,
                     struct event_base *base);
void authplugin_fini(struct authplugin *p);

/** As kubeauth_get(); `p->now` is the credential when it is READY. */
enum kubeauth_state authplugin_get(struct authplugin *p, uint64_t now_ms, struct err *e);

/** A request that began then was refused. */
void authplugin_refused(struct authplugin *p, uint64_t began_ms);

/** Ask again, whatever there is. */
void authplugin_reload(struct authplugin *p);

#endif
