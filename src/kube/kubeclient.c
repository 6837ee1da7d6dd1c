#include "kube/kubeclient.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "curlloop_priv.h"
#include "kube/kubeaccess.h"
#include "kube/kubeauth.h"
#include "kuberequest_priv.h"
#include "kubeserver_priv.h"
#include "kubewarnings_priv.h"

struct kubeclient {
    struct kubeclient_config cfg;
    char *agent;
    struct kubeserver server;
    struct kubeauth *auth;
    /* For new requests; NULL: to be made.  Another one when what TLS goes by has changed, so that
     * nothing of before is used again. */
    struct curlloop *loop;
    uint64_t tls_generation; /* of the loop */
    struct event *wake;
    TAILQ_HEAD(kuberequest_list, kuberequest) requests;
    struct kubewarnings warnings;
    bool is_global; /* curl_global_init() done */
};

static void wake(struct kubeclient *c)
{
    event_active(c->wake, EV_TIMEOUT, 0);
}

static void on_credentials(void *ctx)
{
    wake(ctx);
}

static void tell_moved(const struct kubeclient *c)
{
    if (c->cfg.on_moved != NULL) {
        c->cfg.on_moved(c->cfg.ctx);
    }
}

/* The credentials may be why. */
static void consider_credentials(struct kubeclient *c, const struct kuberequest *r, CURLcode code,
                                 const struct kuberesult *result)
{
    if (result->how == KUBERESULT_REFUSED && result->status.code == 401) {
        kubeauth_refused(c->auth, r->began_ms);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION) {
        kubeauth_untrusted(c->auth);
    }
}

/* The last of a request.  Its owner may start and cancel others, whom nothing frees meanwhile. */
static void end(struct kubeclient *c, struct kuberequest *r, const struct kuberesult *result)
{
    TAILQ_REMOVE(&c->requests, r, links);
    r->cfg.on_done(r->cfg.ctx, result);
    kuberequest_free(r);
}

static void finish(struct kubeclient *c, struct kuberequest *r, CURLcode code)
{
    struct kuberesult result;

    if (r->loop != NULL) {
        curlloop_remove(r->loop, r->easy);
    }
    kubeanswer_judge(&r->answer, code, c->cfg.access->server, &result);
    consider_credentials(c, r, code, &result);
    end(c, r, &result);
}

static void fail(struct kubeclient *c, struct kuberequest *r, const char *why)
{
    struct kuberesult result = {.how = KUBERESULT_FAILED};

    kubestatus_unreachable(&result.status, why);
    end(c, r, &result);
}

static void on_transfer_done(void *ctx, CURL *easy, CURLcode code)
{
    struct kubeclient *c = ctx;
    char *private = NULL;
    struct kuberequest *r;

    if (easy == NULL) { /* the loop is broken */
        wake(c);
        return;
    }
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    r = (struct kuberequest *)(void *)private;
    if (r->answer.is_muted) {
        return; /* the client is awake already */
    }
    finish(c, r, code);
    tell_moved(c);
}

/* A loop for a request that begins under these credentials. */
static struct curlloop *take_loop(struct kubeclient *c, const struct kubeauth_now *auth)
{
    if (c->loop != NULL &&
        (c->tls_generation != auth->tls_generation || curlloop_is_broken(c->loop))) {
        curlloop_unref(c->loop); /* what runs there goes on */
        c->loop = NULL;
    }
    if (c->loop == NULL) {
        c->loop = curlloop_new(c->cfg.base, on_transfer_done, c);
        c->tls_generation = auth->tls_generation;
    }
    return c->loop;
}

static void launch(struct kubeclient *c, struct kuberequest *r)
{
    struct kuberequest_launch l = {
        .server = &c->server, .access = c->cfg.access, .agent = c->agent};
    struct kubeauth_now auth;
    struct err e = {""};
    enum kubeauth_state state = kubeauth_get(c->auth, clock_now_ms(), &auth, &e);

    if (state == KUBEAUTH_PENDING) {
        return;
    }
    if (state == KUBEAUTH_FAILED) {
        fail(c, r, e.text);
        return;
    }
    l.auth = &auth;
    l.loop = take_loop(c, &auth);
    if (l.loop == NULL) {
        fail(c, r, "out of memory");
    } else if (kuberequest_begin(r, &l, &e) != 0) {
        fail(c, r, e.text);
    } else if (curlloop_is_broken(l.loop)) {
        wake(c);
    }
}

static void settle(struct kubeclient *c, struct kuberequest *r)
{
    if (r->answer.is_muted) {
        TAILQ_REMOVE(&c->requests, r, links);
        kuberequest_free(r);
    } else if (r->answer.fault != NULL) {
        finish(c, r, CURLE_OPERATION_TIMEDOUT);
    } else if (r->loop == NULL) {
        launch(c, r);
    } else if (curlloop_is_broken(r->loop)) {
        r->answer.fault = "out of memory";
        finish(c, r, CURLE_OUT_OF_MEMORY);
    }
}

/* Do what was put off: nothing may begin or end within a callback of libcurl or a call of ours.
 * The owners' callbacks free none of the requests and put new ones at the end. */
static void on_wake(evutil_socket_t fd, short what, void *ctx)
{
    struct kubeclient *c = ctx;
    struct kuberequest *next;

    (void)fd;
    (void)what;
    for (struct kuberequest *r = TAILQ_FIRST(&c->requests); r != NULL; r = next) {
        next = TAILQ_NEXT(r, links);
        settle(c, r);
    }
    tell_moved(c);
}

static int set_up(struct kubeclient *c, struct err *e)
{
    int rc;

    err_set(e, "out of memory");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        err_set(e, "libcurl cannot be made ready");
        return -EIO;
    }
    c->is_global = true;
    c->agent = strdup(c->cfg.agent);
    c->wake = event_new(c->cfg.base, -1, 0, on_wake, c);
    if (c->agent == NULL || c->wake == NULL) {
        return -ENOMEM;
    }
    rc = kubeserver_init(&c->server, c->cfg.access, e);
    if (rc != 0) {
        return rc;
    }
    c->auth = kubeauth_new(c->cfg.access, c->cfg.base, on_credentials, c, e);
    return c->auth != NULL ? 0 : -EINVAL;
}

struct kubeclient *kubeclient_new(const struct kubeclient_config *cfg, struct err *e)
{
    struct kubeclient *c = calloc(1, sizeof(*c));

    if (c == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    c->cfg = *cfg;
    TAILQ_INIT(&c->requests);
    if (set_up(c, e) != 0) {
        kubeclient_free(c);
        return NULL;
    }
    err_clear(e);
    return c;
}

void kubeclient_free(struct kubeclient *c)
{
    struct kuberequest *r;

    if (c == NULL) {
        return;
    }
    while ((r = TAILQ_FIRST(&c->requests)) != NULL) {
        TAILQ_REMOVE(&c->requests, r, links);
        kuberequest_free(r);
    }
    curlloop_unref(c->loop);
    kubeauth_free(c->auth);
    kubeserver_fini(&c->server);
    kubewarnings_fini(&c->warnings);
    if (c->wake != NULL) {
        event_free(c->wake);
    }
    free(c->agent);
    if (c->is_global) {
        curl_global_cleanup(); /* counted by libcurl */
    }
    free(c);
}

struct kuberequest *kubeclient_start(struct kubeclient *c, const struct kuberequest_config *cfg)
{
    struct kuberequest *r = kuberequest_new(cfg, c->wake, &c->warnings);

    if (r != NULL) {
        TAILQ_INSERT_TAIL(&c->requests, r, links);
        wake(c);
    }
    return r;
}

void kubeclient_turn(struct kubeclient *c, uint64_t now_ms)
{
    struct kuberequest *r;

    TAILQ_FOREACH (r, &c->requests, links) {
        kuberequest_turn(r, now_ms);
    }
}

uint64_t kubeclient_due_ms(const struct kubeclient *c)
{
    uint64_t due = UINT64_MAX;
    struct kuberequest *r;

    TAILQ_FOREACH (r, &c->requests, links) {
        uint64_t at = kuberequest_due_ms(r);

        due = at < due ? at : due;
    }
    return due;
}

void kubeclient_reload(struct kubeclient *c)
{
    kubeauth_reload(c->auth);
    wake(c); /* a request may wait for what was reloaded */
}
