/**
 * kubeauth_standin - kubeauth as a test wants it: what it tells, and what it heard.
 *
 * Defines the functions of kube/kubeauth.h, so for one file of a program only.  (Not in the support
 * library, where every program would find them in front of the real ones.)
 */
#ifndef UNIT_KUBEAUTH_STANDIN_H
#define UNIT_KUBEAUTH_STANDIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kube/kubeauth.h"

/** What the stand-in for kubeauth tells, and what it heard. */
struct kube_auth {
    enum kubeauth_state state;
    const char *error;
    struct kubeauth_now now;
    unsigned gets, refused, untrusted, reloads;
    uint64_t refused_at_ms;
    bool fails_to_start;
};
static struct kube_auth kube_auth;
static struct kubeauth *the_auth;

/** As it is before each test: READY, with the token "sesame". */
static inline void kube_auth_init(void)
{
    memset(&kube_auth, 0, sizeof(kube_auth));
    kube_auth.now.token = "sesame";
}

struct kubeauth {
    void (*on_change)(void *ctx);
    void *ctx;
};

struct kubeauth *kubeauth_new(const struct kubeaccess *access, struct event_base *base,
                              void (*on_change)(void *ctx), void *ctx, struct err *e)
{
    struct kubeauth *a = kube_auth.fails_to_start ? NULL : calloc(1, sizeof(*a));

    (void)access;
    (void)base;
    if (a == NULL) {
        err_set(e, "ca.crt: no such file");
        return NULL;
    }
    a->on_change = on_change;
    a->ctx = ctx;
    the_auth = a;
    return a;
}

void kubeauth_free(struct kubeauth *a)
{
    free(a);
    the_auth = NULL;
}

enum kubeauth_state kubeauth_get(struct kubeauth *a, uint64_t now_ms, struct kubeauth_now *out,
                                 struct err *e)
{
    (void)a;
    (void)now_ms;
    kube_auth.gets++;
    if (kube_auth.state == KUBEAUTH_FAILED) {
        err_set(e, "%s", kube_auth.error);
    } else if (kube_auth.state == KUBEAUTH_READY) {
        *out = kube_auth.now;
    }
    return kube_auth.state;
}

void kubeauth_refused(struct kubeauth *a, uint64_t began_ms)
{
    (void)a;
    kube_auth.refused++;
    kube_auth.refused_at_ms = began_ms;
}

void kubeauth_untrusted(struct kubeauth *a)
{
    (void)a;
    kube_auth.untrusted++;
}

void kubeauth_reload(struct kubeauth *a)
{
    (void)a;
    kube_auth.reloads++;
}

/** As kubeauth does when a plugin ended. */
static inline void kube_auth_change(void)
{
    the_auth->on_change(the_auth->ctx);
}

#endif
