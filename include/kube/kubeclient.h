/**
 * kubeclient - requests to the API server: libcurl's multi interface on an event base.
 *
 * HTTP/1.1 over TLS 1.2 or newer; a watch keeps a connection of its own, other requests share what
 * is idle.  No redirect is followed, no proxy is taken from the environment unless the access names
 * none and HTTPS_PROXY does.  A dead peer is found by keepalive and TCP_USER_TIMEOUT (45 s), a slow
 * one by the deadlines here, which run on clock_now_ms(): whoever owns the loop calls
 * kubeclient_turn() when kubeclient_due_ms() has come.  The process ignores or blocks SIGPIPE.
 * Thread: that of the event base.
 */
#ifndef KUBE_KUBECLIENT_H
#define KUBE_KUBECLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "kube/kubestatus.h"

struct event_base;
struct kubeaccess;
struct kubeclient;
struct kuberequest;

#define KUBECLIENT_CONNECT_MS 10000u /* TCP and TLS together */
#define KUBECLIENT_SLOW_MS    30000u /* an answer that has begun (no watch) must go on within */
#define KUBECLIENT_LIST_MS    70000u /* deadlines of a whole request; the server's own is 60 s */
#define KUBECLIENT_WRITE_MS   15000u
#define KUBECLIENT_PROBE_MS   15000u

struct kubeclient_config {
    struct event_base *base;
    const struct kubeaccess *access;
    const char *agent; /* User-Agent: "sealway/0.1.0 (linux/amd64)" */
    /* Called from the loop after requests went out or ended: kubeclient_due_ms() may be earlier
     * than it was, and so may what is due to those who own them.  May be NULL. */
    void (*on_moved)(void *ctx);
    void *ctx;
};

/** How a request ended. */
struct kuberesult {
    enum kuberesult_how {
        KUBERESULT_OK,      /* a 2xx answer, whole */
        KUBERESULT_REFUSED, /* another answer: `status` has it */
        KUBERESULT_FAILED,  /* no answer, or cut short: status.code 0 and status.message say why */
    } how;
    struct kubestatus status;
    bool began; /* the head of a 2xx answer had come */
};

struct kuberequest_config {
    const char *method; /* "GET", "POST", "PUT", "PATCH" */
    const char *path; /* with the query, as "/api/v1/services?limit=500"; copied, as is the body */
    const char *body, *content_type; /* NULL: none */
    size_t body_len;
    uint64_t deadline_ms; /* from now; 0: none (a watch, which its reflector closes) */
    bool is_watch;        /* own connection, no low-speed limit, no compression */
    /**
     * The rest is called from the loop, never from within kubeclient_start().  `on_head`: a 2xx
     * answer's headers are complete.  `on_bytes`: its body, decompressed, in pieces; other than 0
     * ends the request, which then is FAILED with nothing said.  `on_done`: once, last; the request
     * is gone afterwards.  Each may start and cancel requests, this one too.  `on_head` may be
     * NULL.
     */
    void (*on_head)(void *ctx);
    int (*on_bytes)(void *ctx, const void *bytes, size_t len);
    void (*on_done)(void *ctx, const struct kuberesult *r);
    void *ctx;
};

/** NULL with `e` filled: a file named by the access cannot be read, memory, libcurl. */
MUST_CHECK struct kubeclient *kubeclient_new(const struct kubeclient_config *cfg, struct err *e);

/** Ends every request without a word (no on_done).  Not from within a callback.  NULL is ignored.
 */
void kubeclient_free(struct kubeclient *c);

/** Begin.  NULL without memory.  With a credential plugin the request waits for its outcome. */
MUST_CHECK struct kuberequest *kubeclient_start(struct kubeclient *c,
                                                const struct kuberequest_config *cfg);

/** End it without on_done. */
void kuberequest_cancel(struct kuberequest *r);

/**
 * Look at the deadlines (on_done follows from the loop, so this may be called anywhere); and when
 * to do so next (UINT64_MAX: no request has one).
 */
void kubeclient_turn(struct kubeclient *c, uint64_t now_ms);
uint64_t kubeclient_due_ms(const struct kubeclient *c);

/** Read credentials again (SIGHUP). */
void kubeclient_reload(struct kubeclient *c);

#endif
