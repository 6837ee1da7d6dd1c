/**
 * statuswriter_fixture - a writer of status between a store, a table and a client as the test says.
 *
 * Defines the client's functions in the program that includes it: requests are written down, and
 * the test answers them.  Time stands still but where the test moves it.
 */
#ifndef UNIT_STATUSWRITER_FIXTURE_H
#define UNIT_STATUSWRITER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "controller/statuswriter.h"
#include "kube/kubeclient.h"
#include "model/store.h"
#include "route_fixture.h"
#include "support/objects.h"

#define SCENE_REQUESTS   2048
#define SCENE_CONTROLLER "sealway.io/ingress-controller"

struct kuberequest {
    struct kuberequest_config cfg;
    char path[256], body[512];
    bool is_over, is_cancelled;
};

struct kubeclient {
    struct kuberequest *requests[SCENE_REQUESTS];
    size_t n;
    bool refuses_requests; /* as without memory */
};

struct scene {
    struct kubeclient client;
    struct statuswriter *w;
    struct store *store;
    struct registry *registry;
    struct table *table;
    struct logring *ring;
    char log[1u << 15];
};

static uint64_t scene_now_ms;

static inline uint64_t scene_clock(void)
{
    return scene_now_ms * 1000;
}

struct kuberequest *kubeclient_start(struct kubeclient *c, const struct kuberequest_config *cfg)
{
    struct kuberequest *r = c->refuses_requests ? NULL : calloc(1, sizeof(*r));

    if (!r) {
        return NULL;
    }
    assert_true(c->n < SCENE_REQUESTS);
    assert_string_equal(cfg->method, "PATCH");
    assert_string_equal(cfg->content_type, "application/merge-patch+json");
    assert_int_equal(cfg->deadline_ms, KUBECLIENT_WRITE_MS);
    assert_true(cfg->body_len < sizeof(r->body));
    r->cfg = *cfg;
    snprintf(r->path, sizeof(r->path), "%s", cfg->path);
    memcpy(r->body, cfg->body, cfg->body_len);
    c->requests[c->n++] = r;
    return r;
}

void kuberequest_cancel(struct kuberequest *r)
{
    assert_false(r->is_over);
    r->is_over = r->is_cancelled = true;
}

/* ---- a scene --------------------------------------------------------------------------------- */

static inline struct statuswriter_config scene_config(struct scene *sc)
{
    static const char *const addresses[] = {"192.0.2.1"};

    return (struct statuswriter_config){.client = &sc->client,
                                        .controller_class = SCENE_CONTROLLER,
                                        .publish_addresses = addresses,
                                        .n_publish_addresses = 1};
}

/* Without a writer. */
static inline struct scene *scene_new(void)
{
    struct scene *sc = test_calloc(1, sizeof(*sc));

    scene_now_ms = 1000000;
    clock_replace(scene_clock);
    sc->ring = logring_new(1u << 20);
    sc->store = objects_store(OUR_CLASS INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", ""));
    sc->registry = registry_new(0, 0);
    assert_non_null(sc->ring);
    assert_non_null(sc->registry);
    log_use_ring(sc->ring);
    return sc;
}

static inline struct scene *scene_begin_with(const struct statuswriter_config *cfg)
{
    struct scene *sc = scene_new();
    struct statuswriter_config own = *cfg;

    own.client = &sc->client;
    sc->w = statuswriter_new(&own);
    assert_non_null(sc->w);
    statuswriter_allow(sc->w, true);
    return sc;
}

/* One that publishes 192.0.2.1 and may write. */
static inline struct scene *scene_begin(void)
{
    struct scene none = {.w = NULL};
    struct statuswriter_config cfg = scene_config(&none);

    return scene_begin_with(&cfg);
}

static inline void scene_forget_requests(struct scene *sc)
{
    for (size_t i = 0; i < sc->client.n; i++) {
        assert_true(sc->client.requests[i]->is_over);
        free(sc->client.requests[i]);
    }
    sc->client.n = 0;
}

static inline void scene_end(struct scene *sc)
{
    statuswriter_free(sc->w);
    scene_forget_requests(sc);
    assert_true(fixture_drop(sc->table));
    registry_free(sc->registry);
    store_free(sc->store);
    log_use_ring(NULL);
    logring_free(sc->ring);
    clock_replace(NULL);
    test_free(sc);
}

/* ---- objects and table ----------------------------------------------------------------------- */

/* An Ingress in shop; `status` as the YAML of its list, "" for none. */
static inline void scene_put(struct scene *sc, const char *name, const char *version,
                             const char *class_name, const char *status)
{
    char yaml[2048];

    assert_in_range(
        snprintf(yaml, sizeof(yaml),
                 "apiVersion: networking.k8s.io/v1\n"
                 "kind: Ingress\n"
                 "metadata: {namespace: shop, name: %s, resourceVersion: '%s'}\n"
                 "spec: {%s%s%s rules: [" HOST(
                     "a.test", "web", "number: 443") "]}\n"
                                                     "status: {loadBalancer: {ingress: [%s]}}\n",
                 name, version, *class_name ? "ingressClassName: " : "", class_name,
                 *class_name ? "," : "", status),
        1, sizeof(yaml) - 1);
    objects_put(sc->store, yaml);
}

/* The Ingresses in shop that own a route: "a b c". */
static inline void scene_serve(struct scene *sc, const char *names)
{
    struct wish wishes[64];
    char texts[64][16], hosts[64][24];
    size_t n = 0;
    int used;

    assert_true(fixture_drop(sc->table));
    for (const char *at = names; sscanf(at, " %15s%n", texts[n], &used) == 1; at += used) {
        snprintf(hosts[n], sizeof(hosts[n]), "%s.test", texts[n]);
        wishes[n] = (struct wish){.host = hosts[n], .ingress = texts[n]};
        n++;
    }
    sc->table = fixture_table(sc->registry, wishes, n);
    assert_non_null(sc->table);
}

/* ---- what is written ------------------------------------------------------------------------- */

static inline void scene_look(struct scene *sc)
{
    statuswriter_look(sc->w, sc->store, sc->table);
    statuswriter_turn(sc->w, scene_now_ms);
}

/* Look again, so much later. */
static inline void scene_later(struct scene *sc, uint64_t ms)
{
    scene_now_ms += ms;
    statuswriter_turn(sc->w, scene_now_ms);
}

/* The n-th request that is under way, or NULL. */
static inline struct kuberequest *scene_flying(struct scene *sc, size_t n)
{
    for (size_t i = 0; i < sc->client.n; i++) {
        if (!sc->client.requests[i]->is_over && n-- == 0) {
            return sc->client.requests[i];
        }
    }
    return NULL;
}

static inline size_t scene_count_flying(struct scene *sc)
{
    size_t n = 0;

    while (scene_flying(sc, n)) {
        n++;
    }
    return n;
}

/* The one request that is under way. */
static inline struct kuberequest *scene_only(struct scene *sc)
{
    assert_int_equal(scene_count_flying(sc), 1);
    return scene_flying(sc, 0);
}

static inline void scene_answer_with(struct scene *sc, struct kuberequest *r,
                                     const struct kuberesult *result)
{
    assert_non_null(r);
    assert_false(r->is_over);
    if (result->how == KUBERESULT_OK) {
        assert_int_equal(r->cfg.on_bytes(r->cfg.ctx, "{}", 2), 0);
    }
    r->is_over = true;
    r->cfg.on_done(r->cfg.ctx, result);
    statuswriter_turn(sc->w, scene_now_ms);
}

/* Answer with a code: 200, 409, ...; 0: no answer. */
static inline void scene_answer(struct scene *sc, struct kuberequest *r, int code)
{
    struct kuberesult result = {.how = code == 0     ? KUBERESULT_FAILED
                                       : code == 200 ? KUBERESULT_OK
                                                     : KUBERESULT_REFUSED};

    if (code == 0) {
        kubestatus_unreachable(&result.status, "connection refused");
    } else if (code != 200) {
        kubestatus_from_answer(&result.status, code, "text/plain", "no", 2);
    }
    scene_answer_with(sc, r, &result);
}

static inline void scene_answer_later(struct scene *sc, struct kuberequest *r, int code,
                                      uint32_t retry_after_s)
{
    struct kuberesult result = {.how = KUBERESULT_REFUSED};

    kubestatus_from_answer(&result.status, code, "text/plain", "no", 2);
    result.status.has_retry_after = true;
    result.status.retry_after_s = retry_after_s;
    scene_answer_with(sc, r, &result);
}

/* Whether a request writes these entries (JSON) to an Ingress in shop of this version. */
static inline void scene_expect(const struct kuberequest *r, const char *name, const char *version,
                                const char *entries)
{
    char path[256], body[512];

    assert_non_null(r);
    snprintf(path, sizeof(path), "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/%s/status",
             name);
    snprintf(body, sizeof(body),
             "{\"metadata\":{\"resourceVersion\":\"%s\"},\"status\":{\"loadBalancer\":"
             "{\"ingress\":%s}}}",
             version, entries);
    assert_string_equal(r->path, path);
    assert_string_equal(r->body, body);
}

static inline bool scene_take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct scene *sc = ctx;
    size_t at = strlen(sc->log);

    (void)stream;
    assert_true(at + len < sizeof(sc->log));
    memcpy(sc->log + at, line, len);
    sc->log[at + len] = '\0';
    return true;
}

/* How many lines with `word` were logged since the last look; their text is in sc->log. */
static inline size_t scene_lines(struct scene *sc, const char *word)
{
    size_t n = 0;

    sc->log[0] = '\0';
    (void)logring_drain(sc->ring, scene_take_line, sc);
    for (const char *at = strstr(sc->log, word); at; at = strstr(at, word)) {
        const char *eol = strchr(at, '\n');

        n++;
        at = eol ? eol : at + strlen(at);
    }
    return n;
}

#endif
