/**
 * leader_fixture - a leader, and a scripted client in the place of the true one.
 *
 * Defines the client's functions in the program that includes it: requests are written down, and
 * the test plays the server.  Time stands still but where the test goes on.
 */
#ifndef UNIT_LEADER_FIXTURE_H
#define UNIT_LEADER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "kube/kubeclient.h"
#include "kube/leader.h"

struct kuberequest {
    struct kuberequest_config cfg;
    char path[256], body[1024];
};

struct kubeclient {
    struct kubeclient_config cfg;
    struct kuberequest *running; /* there is never more than one */
    unsigned started, reloads, turns;
    uint64_t due_ms;
};

static struct fixture {
    struct kubeclient *client;
    struct leader *leader;
    uint64_t now_ms;
    bool refuses_client;
    bool turns_when_told; /* on_change() turns the leader */
    unsigned changes, moves;
    bool leads; /* as told */
    struct logring *ring;
    char log[1u << 16];
} fixture;

static inline uint64_t fixture_clock(void)
{
    return fixture.now_ms * 1000;
}

/* ---- the client ------------------------------------------------------------------------------ */

struct kubeclient *kubeclient_new(const struct kubeclient_config *cfg, struct err *e)
{
    struct kubeclient *c = fixture.refuses_client ? NULL : calloc(1, sizeof(*c));

    if (!c) {
        err_set(e, "no client");
        return NULL;
    }
    c->cfg = *cfg;
    c->due_ms = UINT64_MAX;
    fixture.client = c;
    return c;
}

void kubeclient_free(struct kubeclient *c)
{
    if (c) {
        free(c->running);
        free(c);
        fixture.client = NULL;
    }
}

struct kuberequest *kubeclient_start(struct kubeclient *c, const struct kuberequest_config *cfg)
{
    struct kuberequest *r = calloc(1, sizeof(*r));

    if (!r) {
        return NULL;
    }
    assert_null(c->running);
    assert_true(cfg->body_len < sizeof(r->body) && strlen(cfg->path) < sizeof(r->path));
    assert_int_equal(cfg->deadline_ms, LEADER_REQUEST_MS);
    assert_false(cfg->is_watch);
    r->cfg = *cfg;
    snprintf(r->path, sizeof(r->path), "%s", cfg->path);
    if (cfg->body) {
        memcpy(r->body, cfg->body, cfg->body_len);
    }
    c->running = r;
    c->started++;
    return r;
}

void kuberequest_cancel(struct kuberequest *r)
{
    (void)r;
    fail_msg("nothing is cancelled");
}

void kubeclient_turn(struct kubeclient *c, uint64_t now_ms)
{
    assert_int_equal(now_ms, fixture.now_ms);
    c->turns++;
}

uint64_t kubeclient_due_ms(const struct kubeclient *c)
{
    return c->due_ms;
}

void kubeclient_reload(struct kubeclient *c)
{
    c->reloads++;
}

/* ---- the server ------------------------------------------------------------------------------ */

static inline void fixture_done(const struct kuberesult *result)
{
    struct kuberequest *r = fixture.client->running;

    assert_non_null(r);
    fixture.client->running = NULL;
    r->cfg.on_done(r->cfg.ctx, result);
    free(r);
    fixture.client->cfg.on_moved(fixture.client->cfg.ctx);
}

static inline void fixture_refuse(int code)
{
    struct kuberesult result = {.how = KUBERESULT_REFUSED};

    kubestatus_from_answer(&result.status, code, "text/plain", "no", 2);
    fixture_done(&result);
}

static inline void fixture_fail(const char *why)
{
    struct kuberesult result = {.how = KUBERESULT_FAILED};

    kubestatus_unreachable(&result.status, why);
    fixture_done(&result);
}

/* In two pieces. */
static inline void fixture_answer_text(const char *text)
{
    struct kuberesult result = {.how = KUBERESULT_OK, .began = true};
    struct kuberequest *r = fixture.client->running;
    size_t half = strlen(text) / 2;

    assert_non_null(r);
    if (r->cfg.on_bytes(r->cfg.ctx, text, half) ||
        r->cfg.on_bytes(r->cfg.ctx, text + half, strlen(text) - half)) {
        fixture_fail("");
        return;
    }
    fixture_done(&result);
}

/* A Lease; a holder of NULL has no spec. */
static inline void fixture_answer(const char *version, const char *holder)
{
    char text[1024], spec[512] = "";

    if (holder) {
        snprintf(spec, sizeof(spec),
                 ",\"spec\":{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,"
                 "\"acquireTime\":\"2026-01-02T03:04:05.000000Z\",\"leaseTransitions\":3,"
                 "\"renewTime\":\"2026-01-02T03:04:05.000000Z\"}",
                 holder);
    }
    snprintf(text, sizeof(text),
             "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\",\"metadata\":{\"name\":"
             "\"sealway-leader\",\"namespace\":\"edge\",\"resourceVersion\":\"%s\"}%s}\n",
             version, spec);
    fixture_answer_text(text);
}

/* ---- a scene --------------------------------------------------------------------------------- */

static inline void fixture_on_change(void *ctx, bool leads)
{
    assert_ptr_equal(ctx, &fixture);
    assert_true(leads != fixture.leads);
    fixture.leads = leads;
    fixture.changes++;
    if (fixture.leader) {
        assert_int_equal(leader_leads(fixture.leader), leads);
        if (fixture.turns_when_told) {
            leader_turn(fixture.leader, fixture.now_ms);
        }
    }
}

static inline void fixture_on_moved(void *ctx)
{
    assert_ptr_equal(ctx, &fixture);
    fixture.moves++;
}

static inline struct leader_config fixture_config(void)
{
    return (struct leader_config){
        .agent = "sealway",
        .ns = "edge",
        .name = "sealway-leader",
        .identity = "pod-0_5f2c",
        .on_change = fixture_on_change,
        .on_moved = fixture_on_moved,
        .ctx = &fixture,
    };
}

/* Without a leader; fixture_begin() is what most want. */
static inline int fixture_set_up(void **state)
{
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    fixture.now_ms = 1000000;
    clock_replace(fixture_clock);
    while (!fixture.ring) { /* what fails in a torture fails once */
        fixture.ring = logring_new(1u << 20);
    }
    log_use_ring(fixture.ring);
    return 0;
}

static inline int fixture_begin(void **state)
{
    struct leader_config cfg = fixture_config();
    struct err e;

    (void)fixture_set_up(state);
    fixture.leader = leader_new(&cfg, &e);
    return fixture.leader ? 0 : -1;
}

static inline int fixture_end(void **state)
{
    (void)state;
    leader_free(fixture.leader);
    assert_null(fixture.client);
    log_use_ring(NULL);
    logring_free(fixture.ring);
    clock_replace(NULL);
    return 0;
}

static inline void fixture_turn(void)
{
    leader_turn(fixture.leader, fixture.now_ms);
}

/* Go on in time to what is due, within `limit_ms`, and do it. */
static inline void fixture_next(uint64_t limit_ms)
{
    uint64_t due_ms = leader_due_ms(fixture.leader);

    assert_true(due_ms <= fixture.now_ms + limit_ms);
    fixture.now_ms = due_ms > fixture.now_ms ? due_ms : fixture.now_ms;
    fixture_turn();
}

static inline void fixture_expect(const char *method)
{
    assert_non_null(fixture.client->running);
    assert_string_equal(fixture.client->running->cfg.method, method);
}

/* Leading, by a write that began and succeeded now. */
static inline void fixture_lead(void)
{
    fixture_next(0);
    fixture_expect("GET");
    fixture_answer("10", NULL);
    fixture_expect("PATCH");
    fixture_answer("11", "pod-0_5f2c");
    assert_true(fixture.leads);
}

static inline bool fixture_take_line(void *ctx, enum log_stream stream, const char *line,
                                     size_t len)
{
    size_t at = strlen(fixture.log);

    (void)ctx;
    (void)stream;
    assert_true(at + len < sizeof(fixture.log));
    memcpy(fixture.log + at, line, len);
    fixture.log[at + len] = '\0';
    return true;
}

/* How many lines with `word` were logged since the last look; their text is in fixture.log. */
static inline size_t fixture_lines(const char *word)
{
    size_t n = 0;

    fixture.log[0] = '\0';
    (void)logring_drain(fixture.ring, fixture_take_line, NULL);
    for (const char *at = strstr(fixture.log, word); at; at = strstr(at, word)) {
        const char *eol = strchr(at, '\n');

        n++;
        at = eol ? eol : at + strlen(at);
    }
    return n;
}

#endif
