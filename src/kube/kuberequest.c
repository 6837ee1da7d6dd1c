#include "kuberequest_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "curlloop_priv.h"
#include "kube/kubeauth.h"
#include "kubeheaders_priv.h"
#include "kubeoptions_priv.h"
#include "kubeserver_priv.h"

static int copy_text(const char **text)
{
    if (*text != NULL) {
        *text = strdup(*text);
        if (*text == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* Copies of what a config borrows take its place; those not reached are NULL. */
static int copy_config(struct kuberequest_config *out, const struct kuberequest_config *cfg)
{
    int rc;

    *out = *cfg;
    out->path = out->content_type = out->body = NULL;
    if ((out->method = strdup(cfg->method)) == NULL) {
        return -ENOMEM;
    }
    out->path = cfg->path;
    if ((rc = copy_text(&out->path)) != 0) {
        return rc;
    }
    out->content_type = cfg->content_type;
    if ((rc = copy_text(&out->content_type)) != 0) {
        return rc;
    }
    if (cfg->body != NULL) {
        char *body = malloc(cfg->body_len + 1); /* + 1: of no bytes NULL may come */

        if (body == NULL) {
            return -ENOMEM;
        }
        memcpy(body, cfg->body, cfg->body_len);
        out->body = body;
    }
    return 0;
}

static void free_text(const char *text)
{
    union {
        const char *text;
        char *own;
    } it = {text};

    free(it.own);
}

struct kuberequest *kuberequest_new(const struct kuberequest_config *cfg, struct event *wake,
                                    struct kubewarnings *warnings)
{
    struct kuberequest *r = calloc(1, sizeof(*r));

    if (r == NULL) {
        return NULL;
    }
    kubeanswer_init(&r->answer, &r->cfg, warnings);
    r->wake = wake;
    r->since_ms = clock_now_ms();
    if (copy_config(&r->cfg, cfg) != 0) {
        kuberequest_free(r);
        return NULL;
    }
    return r;
}

void kuberequest_free(struct kuberequest *r)
{
    if (r == NULL) {
        return;
    }
    if (r->loop != NULL) {
        curlloop_remove(r->loop, r->easy);
    }
    curl_easy_cleanup(r->easy); /* before what it borrows */
    curlloop_unref(r->loop);
    kubeheaders_free(r->headers);
    curl_slist_free_all(r->connect_to);
    if (r->key != NULL) {
        explicit_bzero(r->key, strlen(r->key));
        free(r->key);
    }
    kubeanswer_fini(&r->answer);
    free_text(r->cfg.method);
    free_text(r->cfg.path);
    free_text(r->cfg.content_type);
    free_text(r->cfg.body);
    free(r);
}

void kuberequest_cancel(struct kuberequest *r)
{
    r->answer.is_muted = true;
    event_active(r->wake, EV_TIMEOUT, 0);
}

/* The connection stands, all that is below HTTP: CURLOPT_PREREQFUNCTION. */
static int on_connected(void *ctx, char *to, char *from, int to_port, int from_port)
{
    struct kuberequest *r = ctx;

    (void)to;
    (void)from;
    (void)to_port;
    (void)from_port;
    r->is_connected = true;
    return r->answer.is_muted ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* A new socket.  After a connection it is a second try: an idle one was dead when it was used. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    struct kuberequest *r = ctx;

    (void)purpose;
    kubeoptions_tune_socket(fd);
    if (r->is_connected) {
        r->is_connected = false;
        r->dialed_ms = clock_now_ms();
    }
    return CURL_SOCKOPT_OK;
}

/* The texts that libcurl only borrows. */
static int make_borrowed(struct kuberequest *r, const struct kuberequest_launch *l, struct err *e)
{
    const struct kubeheaders_query q = {.access = l->access,
                                        .token = l->auth->token,
                                        .host = l->server->host,
                                        .content_type = r->cfg.content_type};
    int rc = kubeheaders_make(&q, &r->headers);

    if (rc == -EINVAL) {
        err_set(e, "the token or the user to act as has a byte that no HTTP header can hold");
        return rc;
    }
    if (rc == 0 && l->server->connect_to != NULL) {
        r->connect_to = curl_slist_append(NULL, l->server->connect_to);
        rc = r->connect_to != NULL ? 0 : -ENOMEM;
    }
    if (rc == 0 && l->auth->key != NULL) {
        r->key = strdup(l->auth->key);
        rc = r->key != NULL ? 0 : -ENOMEM;
    }
    return rc;
}

static CURLcode set_up(struct kuberequest *r, const struct kuberequest_launch *l)
{
    const struct kubeoptions o = {.cfg = &r->cfg,
                                  .launch = l,
                                  .headers = r->headers,
                                  .connect_to = r->connect_to,
                                  .key = r->key,
                                  .on_connected = on_connected,
                                  .on_socket = on_socket,
                                  .ctx = r};
    CURLcode code = kubeoptions_apply(&o, r->easy);

    return code == CURLE_OK ? kubeanswer_attach(&r->answer, r->easy) : code;
}

int kuberequest_begin(struct kuberequest *r, const struct kuberequest_launch *l, struct err *e)
{
    CURLcode code;
    int rc;

    r->began_ms = r->dialed_ms = clock_now_ms();
    err_set(e, "out of memory");
    if ((rc = make_borrowed(r, l, e)) != 0) {
        return rc;
    }
    r->easy = curl_easy_init();
    if (r->easy == NULL) {
        return -ENOMEM;
    }
    code = set_up(r, l);
    if (code == CURLE_OUT_OF_MEMORY) {
        return -ENOMEM;
    }
    if (code != CURLE_OK) {
        err_set(e, "the request cannot be set up: %s", curl_easy_strerror(code));
        return -EINVAL;
    }
    if (curlloop_add(l->loop, r->easy) != CURLM_OK) { /* it has no other cause */
        return -ENOMEM;
    }
    r->loop = curlloop_ref(l->loop);
    err_clear(e);
    return 0;
}

/* Whether silence ends it: not that of a watch, which is silent while nothing changes. */
static bool is_hurried(const struct kuberequest *r)
{
    return r->answer.heard_ms != 0 && !(r->cfg.is_watch && kubeanswer_is_good(&r->answer));
}

/* The first of its deadlines and what it means to pass it. */
static uint64_t find_deadline(const struct kuberequest *r, const char **fault_out)
{
    uint64_t due = UINT64_MAX;

    if (r->cfg.deadline_ms != 0) {
        due = r->since_ms + r->cfg.deadline_ms;
        *fault_out = r->loop == NULL           ? "no credentials in time"
                     : r->answer.heard_ms == 0 ? "no answer in time"
                                               : "no complete answer in time";
    }
    if (r->loop != NULL && !r->is_connected && r->dialed_ms + KUBECLIENT_CONNECT_MS < due) {
        due = r->dialed_ms + KUBECLIENT_CONNECT_MS;
        *fault_out = "no connection within 10 s";
    } else if (is_hurried(r) && r->answer.heard_ms + KUBECLIENT_SLOW_MS < due) {
        due = r->answer.heard_ms + KUBECLIENT_SLOW_MS;
        *fault_out = "the answer stopped for 30 s";
    }
    return due;
}

uint64_t kuberequest_due_ms(const struct kuberequest *r)
{
    const char *fault;

    /* One that is to end waits for the client's event only. */
    return r->answer.is_muted || r->answer.fault != NULL ? UINT64_MAX : find_deadline(r, &fault);
}

void kuberequest_turn(struct kuberequest *r, uint64_t now_ms)
{
    const char *fault = NULL;

    if (kuberequest_due_ms(r) <= now_ms && find_deadline(r, &fault) <= now_ms) {
        r->answer.fault = fault;
        event_active(r->wake, EV_TIMEOUT, 0);
    }
}
