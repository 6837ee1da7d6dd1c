#include "support/client_scene.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "support/wait_until.h"

#define PATIENCE_MS 20000u

/* ---- the scene --------------------------------------------------------------------------------
 */

static void on_moved(void *ctx)
{
    struct client_scene *k = ctx;

    k->moved++;
}

void client_scene_init(struct client_scene *k)
{
    memset(k, 0, sizeof(*k));
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    k->base = event_base_new();
    assert_non_null(k->base);
    k->access.server = k->server;
}

void client_scene_serve(struct client_scene *k, const struct answerer_config *cfg, const char *host,
                        const char *prefix)
{
    struct netaddr addr;
    char text[NETADDR_TEXT_MAX];

    k->answers = answerer_start(cfg);
    addr = answerer_addr(k->answers);
    (void)netaddr_format(&addr, text);
    (void)snprintf(k->server, sizeof(k->server), "%s://%s%s%s",
                   cfg->cert != NULL ? "https" : "http", host != NULL ? host : text,
                   host != NULL ? strrchr(text, ':') : "", prefix);
}

void client_scene_say_https(struct client_scene *k)
{
    char rest[100];

    snprintf(rest, sizeof(rest), "%s", k->server + strlen("http"));
    snprintf(k->server, sizeof(k->server), "https%s", rest);
}

void client_scene_open(struct client_scene *k)
{
    const struct kubeclient_config cfg = {.base = k->base,
                                          .access = &k->access,
                                          .agent = "sealway/0 (test)",
                                          .on_moved = on_moved,
                                          .ctx = k};
    struct err e = {""};

    k->client = kubeclient_new(&cfg, &e);
    if (k->client == NULL) {
        fail_msg("%s", e.text);
    }
}

void client_scene_fini(struct client_scene *k)
{
    kubeclient_free(k->client);
    answerer_stop(k->answers);
    event_base_free(k->base);
    clock_replace(NULL);
}

struct wait {
    struct client_scene *scene;
    bool (*cond)(void *ctx);
    void *ctx;
    size_t n;
};

void client_scene_spin(struct client_scene *k)
{
    (void)event_base_loop(k->base, EVLOOP_NONBLOCK);
}

static bool turn(void *ctx)
{
    const struct wait *w = ctx;

    client_scene_spin(w->scene);
    return w->cond(w->ctx);
}

bool client_scene_run(struct client_scene *k, bool (*cond)(void *ctx), void *ctx)
{
    struct wait w = {k, cond, ctx, 0};

    return wait_until(turn, &w, PATIENCE_MS);
}

static bool has_requests(void *ctx)
{
    const struct wait *w = ctx;

    return answerer_requests(w->scene->answers) >= w->n;
}

bool client_scene_run_requests(struct client_scene *k, size_t n)
{
    struct wait w = {k, NULL, NULL, n};

    return client_scene_run(k, has_requests, &w);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

static void on_head(void *ctx)
{
    struct client_call *c = ctx;

    assert_int_equal(c->done, 0);
    c->heads++;
    if (c->on_head != NULL) {
        c->on_head(c);
    }
}

static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct client_call *c = ctx;

    assert_int_equal(c->heads, 1);
    assert_int_equal(c->done, 0);
    c->pieces++;
    assert_int_equal(buf_append(&c->body, bytes, len), 0);
    if (c->on_bytes != NULL) {
        c->on_bytes(c);
    }
    return c->on_bytes_rc;
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct client_call *c = ctx;

    c->done++;
    c->result = *r;
    if (c->on_done != NULL) {
        c->on_done(c);
    }
    c->request = NULL;
}

void client_call_start(struct client_call *c, struct client_scene *k,
                       struct kuberequest_config *cfg)
{
    c->scene = k;
    buf_init(&c->body, 64u << 20);
    cfg->on_head = on_head;
    cfg->on_bytes = on_bytes;
    cfg->on_done = on_done;
    cfg->ctx = c;
    c->request = kubeclient_start(k->client, cfg);
}

void client_call_get(struct client_call *c, struct client_scene *k, const char *path)
{
    struct kuberequest_config cfg = {
        .method = "GET", .path = path, .deadline_ms = KUBECLIENT_LIST_MS};

    client_call_start(c, k, &cfg);
}

void client_call_watch(struct client_call *c, struct client_scene *k, const char *path)
{
    struct kuberequest_config cfg = {.method = "GET", .path = path, .is_watch = true};

    client_call_start(c, k, &cfg);
}

static bool is_done(void *ctx)
{
    const struct client_call *c = ctx;

    return c->done > 0;
}

bool client_call_end(struct client_call *c)
{
    return client_scene_run(c->scene, is_done, c);
}

void client_call_fini(struct client_call *c)
{
    buf_fini(&c->body);
}

/* ---- clock and log ----------------------------------------------------------------------------
 */

uint64_t client_clock_ms;

static uint64_t standing_us(void)
{
    return client_clock_ms * 1000;
}

void client_clock_stop(void)
{
    clock_replace(NULL);
    client_clock_ms = clock_now_ms();
    clock_replace(standing_us);
}

static int saved = -1, caught = -1;

void client_log_catch(void)
{
    saved = dup(STDERR_FILENO);
    caught = memfd_create("log", MFD_CLOEXEC);
    assert_true(saved >= 0 && caught >= 0 && dup2(caught, STDERR_FILENO) >= 0);
}

char *client_log_release(void)
{
    off_t len = lseek(caught, 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);

    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    assert_non_null(text);
    assert_int_equal(pread(caught, text, (size_t)len, 0), len);
    close(saved);
    close(caught);
    return text;
}
