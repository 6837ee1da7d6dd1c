/**
 * kubesource_fixture - a client and watches that do as the test says, and what was logged.
 *
 * It defines the functions of kubeclient and kubewatch, so that the real ones are not linked; at
 * most one file of a test program includes it.
 */
#ifndef UNIT_KUBESOURCE_FIXTURE_H
#define UNIT_KUBESOURCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "kube/kubeclient.h"
#include "kube/kubewatch.h"

#define FAKE_WATCHES 64

struct kubeclient {
    struct kubeclient_config cfg;
    uint64_t due_ms;
    unsigned turns, reloads;
};

struct kuberequest {
    struct kuberequest_config cfg;
};

struct kubewatch {
    struct kubewatch_config cfg;
    bool synced, live, refused;
    const char *trouble;
    uint64_t due_ms;
    unsigned turns, relists, hurries;
};

/** What there is of them now. */
struct fake {
    struct kubeclient *client;
    struct kuberequest *request; /* the one under way */
    unsigned requests, cancelled;
    struct kubewatch *watches[FAKE_WATCHES];
    size_t n_watches;
    uint64_t now_ms;
    struct logring *ring;
    char log[16384]; /* what was logged, up to the last fake_log() */
};

extern struct fake fake;
struct fake fake;

static inline uint64_t fake_now_us(void)
{
    return fake.now_ms * 1000;
}

static inline bool fake_take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    size_t had = strlen(fake.log);

    (void)ctx;
    (void)stream;
    assert_true(had + len < sizeof(fake.log));
    memcpy(fake.log + had, line, len);
    fake.log[had + len] = '\0';
    return true;
}

/** The lines logged since the last call. */
static inline const char *fake_log(void)
{
    fake.log[0] = '\0';
    (void)logring_drain(fake.ring, fake_take_line, NULL);
    return fake.log;
}

static inline int fake_setup(void **state)
{
    (void)state;
    fake = (struct fake){.now_ms = 1000000, .ring = logring_new(1u << 16)};
    log_use_ring(fake.ring);
    clock_replace(fake_now_us);
    return fake.ring ? 0 : -1;
}

static inline int fake_teardown(void **state)
{
    (void)state;
    clock_replace(NULL);
    log_use_ring(NULL);
    logring_free(fake.ring);
    return 0;
}

/** The watch of a resource in `ns` (NULL: everywhere), or NULL. */
static inline struct kubewatch *fake_watch(const char *plural, const char *ns)
{
    for (size_t i = 0; i < fake.n_watches; i++) {
        struct kubewatch *w = fake.watches[i];

        if (strcmp(w->cfg.resource->plural, plural) == 0 &&
            (ns ? w->cfg.ns && strcmp(w->cfg.ns, ns) == 0 : !w->cfg.ns)) {
            return w;
        }
    }
    return NULL;
}

/** A list of nothing was complete, and the watch is open. */
static inline void fake_sync(struct kubewatch *w)
{
    uint64_t differ;

    assert_int_equal(w->cfg.sink.list_begin(w->cfg.sink.ctx, false), 0);
    assert_int_equal(w->cfg.sink.list_end(w->cfg.sink.ctx, &differ), 0);
    w->synced = w->live = true;
    w->cfg.sink.changed(w->cfg.sink.ctx);
}

/** The request under way ends so; `body` may be NULL. */
static inline void fake_answer(enum kuberesult_how how, int code, const char *body)
{
    struct kuberequest *r = fake.request;
    struct kuberesult result = {.how = how, .status = {.code = how == KUBERESULT_OK ? 0 : code}};
    int rc = 0;

    assert_non_null(r);
    fake.request = NULL;
    if (body) {
        rc = r->cfg.on_bytes(r->cfg.ctx, body, strlen(body));
    }
    if (rc != 0) {
        result.how = KUBERESULT_FAILED;
    }
    r->cfg.on_done(r->cfg.ctx, &result);
    free(r);
}

struct kubeclient *kubeclient_new(const struct kubeclient_config *cfg, struct err *e)
{
    fake.client = calloc(1, sizeof(*fake.client));
    if (!fake.client) {
        err_set(e, "no client");
        return NULL;
    }
    fake.client->cfg = *cfg;
    fake.client->due_ms = UINT64_MAX;
    return fake.client;
}

void kubeclient_free(struct kubeclient *c)
{
    assert_null(fake.request); /* whoever asked has cancelled it */
    assert_int_equal(fake.n_watches, 0);
    free(c);
    fake.client = NULL;
}

struct kuberequest *kubeclient_start(struct kubeclient *c, const struct kuberequest_config *cfg)
{
    assert_ptr_equal(c, fake.client);
    assert_null(fake.request);
    fake.requests++;
    fake.request = calloc(1, sizeof(*fake.request));
    if (fake.request) {
        fake.request->cfg = *cfg;
    }
    return fake.request;
}

void kuberequest_cancel(struct kuberequest *r)
{
    assert_ptr_equal(r, fake.request);
    fake.request = NULL;
    fake.cancelled++;
    free(r);
}

void kubeclient_turn(struct kubeclient *c, uint64_t now_ms)
{
    c->turns++;
    c->due_ms = c->due_ms <= now_ms ? UINT64_MAX : c->due_ms;
}

uint64_t kubeclient_due_ms(const struct kubeclient *c)
{
    return c->due_ms;
}

void kubeclient_reload(struct kubeclient *c)
{
    c->reloads++;
}

struct kubewatch *kubewatch_new(const struct kubewatch_config *cfg)
{
    struct kubewatch *w = calloc(1, sizeof(*w));

    if (!w) {
        return NULL;
    }
    assert_true(fake.n_watches < FAKE_WATCHES);
    *w = (struct kubewatch){.cfg = *cfg, .trouble = ""};
    fake.watches[fake.n_watches++] = w;
    return w;
}

void kubewatch_free(struct kubewatch *w)
{
    for (size_t i = 0; w && i < fake.n_watches; i++) {
        if (fake.watches[i] == w) {
            fake.watches[i] = fake.watches[--fake.n_watches];
        }
    }
    free(w);
}

void kubewatch_turn(struct kubewatch *w, uint64_t now_ms)
{
    w->turns++;
    w->due_ms = w->due_ms <= now_ms ? UINT64_MAX : w->due_ms;
}

uint64_t kubewatch_due_ms(const struct kubewatch *w)
{
    return w->due_ms;
}

void kubewatch_relist(struct kubewatch *w)
{
    w->relists++;
}

void kubewatch_hurry(struct kubewatch *w)
{
    w->hurries++;
}

bool kubewatch_is_synced(const struct kubewatch *w)
{
    return w->synced;
}

bool kubewatch_is_live(const struct kubewatch *w)
{
    return w->live;
}

bool kubewatch_is_refused(const struct kubewatch *w)
{
    return w->refused;
}

const char *kubewatch_trouble(const struct kubewatch *w)
{
    return w->trouble;
}

#endif
