#include "support/kuberow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define OLD_MS    15000u /* longer than what is called steady */
#define PASS_MS   2500u  /* time goes so far between two looks */
#define LEAP_MS   30000u
#define SETTLE_MS 10u
#define LIMIT_MS  150000u

const struct fakeapi_match kuberow_lists = {.verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES};
const struct fakeapi_match kuberow_watches = {.verb = FAKEAPI_WATCH, .resource = FAKEAPI_INGRESSES};

static const struct {
    enum fakeapi_resource resource;
    enum object_kind kind;
} watched[] = {
    {FAKEAPI_INGRESSES, OBJECT_INGRESS},
    {FAKEAPI_INGRESSCLASSES, OBJECT_INGRESS_CLASS},
    {FAKEAPI_SERVICES, OBJECT_SERVICE},
    {FAKEAPI_ENDPOINTSLICES, OBJECT_ENDPOINT_SLICE},
};

static bool are_watched(void *ctx)
{
    const struct kubescene *s = ctx;

    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (fakeapi_watches(s->api, watched[i].resource) == 0) {
            return false;
        }
    }
    return kuberow_is_live(s);
}

void kuberow_grow_old(struct kubescene *s)
{
    kubescene_pass(s, OLD_MS);
}

void kuberow_start(struct kubescene *s, const struct kubescene_config *cfg)
{
    kubescene_start(s, cfg);
    s->step_ms = LEAP_MS; /* the server answers at once, or not at all */
    fakeapi_put_class(s->api, "sealway", "sealway.io/ingress-controller");
    fakeapi_put_service(s->api, "shop", "web");
    fakeapi_put_slice(s->api, "shop", "web", "10.0.0.1");
    fakeapi_put_ingress(s->api, "shop", "web", "www.example.com", "web");
    assert_true(kubescene_complete(s));
    assert_true(kubescene_until(s, are_watched, s, FAKEAPI_PATIENCE_MS));
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "web", 0));
    kuberow_grow_old(s);
}

unsigned kuberow_count(struct kubescene *s, enum fakeapi_verb verb, enum fakeapi_resource res)
{
    const struct fakeapi_match m = {.verb = verb, .resource = res};

    return fakeapi_requests(s->api, &m);
}

void kuberow_request(struct kubescene *s, const struct fakeapi_match *m, unsigned n,
                     struct fakeapi_request *out)
{
    if (!fakeapi_request(s->api, m, n, out)) {
        fail_msg("there was no request %u", n);
    }
}

bool kuberow_asked(struct kubescene *s, const struct fakeapi_match *m, unsigned n,
                   uint64_t limit_ms)
{
    uint64_t end_ms = clock_now_ms() + limit_ms;

    kubescene_settle(s, SETTLE_MS);
    while (fakeapi_requests(s->api, m) < n) {
        if (clock_now_ms() >= end_ms) {
            return false;
        }
        kubescene_pass(s, PASS_MS);
    }
    return true;
}

static bool is_watching(void *ctx)
{
    const struct kubescene *s = ctx;

    return fakeapi_watches(s->api, FAKEAPI_INGRESSES) == 1;
}

void kuberow_await_watch(struct kubescene *s, unsigned n)
{
    if (!kuberow_asked(s, &kuberow_watches, n, LIMIT_MS)) {
        fail_msg("there was no watch %u", n);
    }
    assert_true(kubescene_until(s, is_watching, s, FAKEAPI_PATIENCE_MS));
    kubescene_settle(s, SETTLE_MS);
    assert_int_equal(fakeapi_requests(s->api, &kuberow_watches), n);
}

uint64_t kuberow_gap_ms(struct kubescene *s, const struct fakeapi_match *m, unsigned n)
{
    struct fakeapi_request one, next;

    kuberow_request(s, m, n, &one);
    kuberow_request(s, m, n + 1, &next);
    return kubescene_came_ms(s, &next) - kubescene_came_ms(s, &one);
}

void kuberow_expect_list(struct kubescene *s, unsigned n, const char *fmt, ...)
{
    struct fakeapi_request r;
    char expected[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(expected, sizeof(expected), fmt, args);
    va_end(args);
    kuberow_request(s, &kuberow_lists, n, &r);
    assert_string_equal(r.query, expected);
}

void kuberow_expect_watch(struct kubescene *s, unsigned n, uint64_t version)
{
    unsigned long long asked = 0;
    unsigned timeout_s = 0;
    struct fakeapi_request r;
    char expected[512];

    kuberow_request(s, &kuberow_watches, n, &r);
    assert_int_equal(sscanf(r.query,
                            "watch=1&resourceVersion=%llu&allowWatchBookmarks=true"
                            "&timeoutSeconds=%u",
                            &asked, &timeout_s),
                     2);
    snprintf(expected, sizeof(expected),
             "watch=1&resourceVersion=%llu&allowWatchBookmarks=true&timeoutSeconds=%u",
             (unsigned long long)version, timeout_s);
    assert_string_equal(r.query, expected);
    assert_in_range(timeout_s, 300, 600);
}

void kuberow_expect_same(struct kubescene *s)
{
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        assert_int_equal(store_count(s->store, watched[i].kind),
                         fakeapi_count(s->api, watched[i].resource));
        assert_int_equal(fakeapi_watches(s->api, watched[i].resource), 1);
    }
}

bool kuberow_is_live(const struct kubescene *s)
{
    return s->source.ops->is_live(s->source.self);
}

uint64_t kuberow_events(const struct kubescene *s)
{
    return kubescene_figures(s, "ingresses")->events;
}

uint64_t kuberow_relists(const struct kubescene *s)
{
    return kubescene_figures(s, "ingresses")->relists;
}

uint64_t kuberow_errors(const struct kubescene *s)
{
    return kubescene_figures(s, "ingresses")->errors;
}
