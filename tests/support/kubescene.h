/**
 * kubescene - an API server with a script, and the source that watches it, in one thread's hands.
 *
 * The real kubesource on an event base that the test turns; everything of it runs while the test is
 * in one of the functions below, so a test looks at the store in between without a lock.  The clock
 * is the kernel's plus what kubescene_pass() added: deadlines, waits and watchdogs of minutes cost
 * no time.  Everything that takes part in it asks clock_now_ms().
 */
#ifndef SUPPORT_KUBESCENE_H
#define SUPPORT_KUBESCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include "controller/kubesource.h"
#include "fakes/fake_apiserver.h"
#include "kube/kubeaccess.h"
#include "model/object.h"
#include "model/store.h"
#include "support/certs.h"
#include "support/tempdir.h"

/** What differs from the usual; all 0: nothing. */
struct kubescene_config {
    struct fakeapi_config api;     /* `cert` is set by the scene, but with `plain` */
    bool plain;                    /* http instead of TLS */
    bool closed;                   /* the source is opened later, by kubescene_open_source() */
    const char *token;             /* in the file `token` of the directory; NULL: none is sent */
    const char *const *namespaces; /* as of kubesource_config; NULL-terminated, or NULL */
    enum kubesource_endpoints endpoints;
};

struct logring;

struct kubescene {
    struct tempdir dir; /* ca.pem, api.pem, token */
    struct certs *certs;
    struct fakeapi *api;
    struct kubeaccess access; /* texts are malloc()ed and freed with the scene */
    struct kubescene_config cfg;
    struct event_base *base;
    struct store *store;
    struct source source; /* ops NULL while closed */
    unsigned notices;     /* how often the source rang */
    unsigned changes;     /* how many syncs found a change */
    unsigned step_ms;     /* kubescene_pass() goes no further at once; may be changed */
    struct logring *ring;
    char *log; /* what was logged so far */
    size_t log_len;
    uint64_t *came_ms; /* of request number n + 1: when, by the test's clock */
    unsigned n_came;
};

/** Start the server and, unless `closed`, the source.  `cfg` may be NULL.  kubescene_stop() is due.
 */
void kubescene_start(struct kubescene *s, const struct kubescene_config *cfg);

/** Open the source, or close it and forget all objects. */
void kubescene_open_source(struct kubescene *s);
void kubescene_close_source(struct kubescene *s);

/** Free all; also what a failing test left. */
void kubescene_stop(struct kubescene *s);

/** Write the token file anew, as the kubelet does. */
void kubescene_write_token(struct kubescene *s, const char *token);

/** Turn the loop until `cond(ctx)`, syncing as the controller would; false: not within `limit_ms`
 * of the kernel's time. */
bool kubescene_until(struct kubescene *s, bool (*cond)(void *ctx), void *ctx, unsigned limit_ms);

/** Turn until everything was listed (20 s at most). */
bool kubescene_complete(struct kubescene *s);

/** Turn until an object is in the store, with that resourceVersion (0: any; number as the server's
 * functions return it); or until it is not in it. */
bool kubescene_has(struct kubescene *s, enum object_kind kind, const char *ns, const char *name,
                   uint64_t version);
bool kubescene_lacks(struct kubescene *s, enum object_kind kind, const char *ns, const char *name);

/** Turn until so many requests matched. */
bool kubescene_requests(struct kubescene *s, const struct fakeapi_match *m, unsigned n);

/** Turn until nothing came for `quiet_ms` of the kernel's time. */
void kubescene_settle(struct kubescene *s, unsigned quiet_ms);

/**
 * Let `ms` pass: the clock is moved on, in steps up to what is due next, and the loop turned at
 * each; what comes in meanwhile is handled.
 */
void kubescene_pass(struct kubescene *s, uint64_t ms);

/** Let `ms` pass at once, as if the thread had been held up, and do what is due then. */
void kubescene_leap(struct kubescene *s, uint64_t ms);

/** Let `ms` pass in a few leaps, for time in which little is to happen: quicker than
 * kubescene_pass(), and what is due within comes up to half a minute late. */
void kubescene_doze(struct kubescene *s, uint64_t ms);

/** When a request came, by clock_now_ms(); the server's own times are the kernel's. */
uint64_t kubescene_came_ms(const struct kubescene *s, const struct fakeapi_request *r);

/** The largest number of requests that match within any `ms` of that clock. */
unsigned kubescene_busiest(struct kubescene *s, const struct fakeapi_match *m, uint64_t ms);

/** How many lines logged by the source so far have `words` in them. */
unsigned kubescene_said(const struct kubescene *s, const char *words);

/** The source's figures of a resource by its plural. */
const struct kubestats *kubescene_figures(const struct kubescene *s, const char *resource);

#endif
