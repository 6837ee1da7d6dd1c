#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "model/annotation.h"
#include "model/verdict.h"
#include "support/failalloc.h"

#define NGINX "nginx.ingress.kubernetes.io/"

struct read {
    struct annotation_reading r;
    struct verdicts v;
};

/* Annotations as pairs of key and value; their lines are 11, 12, ... */
static void read_pairs(struct read *out, const char *const *pairs, size_t n, bool judge)
{
    struct annotation a[32];
    struct objmeta o = {
        .kind = OBJECT_INGRESS, .ns = "web", .name = "shop", .file = "f", .line = 1};

    assert_true(n / 2 <= ARRAY_LEN(a));
    for (size_t i = 0; i < n / 2; i++) {
        a[i] = (struct annotation){pairs[2 * i], pairs[2 * i + 1], (unsigned)(11 + i)};
    }
    o.annotations = a;
    o.n_annotations = n / 2;
    verdicts_init(&out->v);
    annotation_read(&o, &out->r, judge ? &out->v : NULL);
}

#define READ(out, ...)                                                                             \
    do {                                                                                           \
        static const char *const pairs_[] = {__VA_ARGS__};                                         \
        read_pairs(out, pairs_, ARRAY_LEN(pairs_), true);                                          \
    } while (0)

static const struct verdict *find(const struct read *r, const char *reason)
{
    for (size_t i = 0; i < r->v.n; i++) {
        if (strcmp(r->v.items[i].reason, reason) == 0) {
            return &r->v.items[i];
        }
    }
    return NULL;
}

static void every_mark_is_read_as_its_owner_reads_it(void **state)
{
    static const struct {
        const char *key, *value;
        enum annotation_mark mark;
        bool readable;
    } cases[] = {
        {"sealway.io/tls-mode", "passthrough", MARK_YES, true},
        {"sealway.io/tls-mode", "off", MARK_NO, true},
        {"sealway.io/tls-mode", "Passthrough", MARK_NONE, false},
        {"sealway.io/tls-mode", "true", MARK_NONE, false},
        {NGINX "ssl-passthrough", "true", MARK_YES, true},
        {NGINX "ssl-passthrough", "T", MARK_YES, true},
        {NGINX "ssl-passthrough", "1", MARK_YES, true},
        {NGINX "ssl-passthrough", "TRUE", MARK_YES, true},
        {NGINX "ssl-passthrough", "false", MARK_NO, true},
        {NGINX "ssl-passthrough", "0", MARK_NO, true},
        {NGINX "ssl-passthrough", "yes", MARK_NONE, false},
        {NGINX "ssl-passthrough", "on", MARK_NONE, false},
        {NGINX "ssl-passthrough", "tRUE", MARK_NONE, false},
        {NGINX "ssl-passthrough", " true", MARK_NONE, false},
        {NGINX "ssl-passthrough", "true false", MARK_NONE, false},
        {NGINX "ssl-passthrough", "", MARK_NONE, false},
        {"haproxy.org/ssl-passthrough", "true", MARK_YES, true},
        {"haproxy.org/ssl-passthrough", "enabled", MARK_YES, true},
        {"haproxy.org/ssl-passthrough", "on", MARK_YES, true},
        {"haproxy.org/ssl-passthrough", "off", MARK_NO, true},
        {"haproxy.org/ssl-passthrough", "yes", MARK_NONE, false},
        {"haproxy.com/ssl-passthrough", "true", MARK_YES, true},
        {"haproxy-ingress.github.io/ssl-passthrough", "true", MARK_YES, true},
        {"haproxy-ingress.github.io/ssl-passthrough", "false", MARK_NO, true},
        {"haproxy-ingress.github.io/ssl-passthrough", "on", MARK_NONE, false},
        {"ingress.kubernetes.io/ssl-passthrough", "true", MARK_YES, true},
        {"ingress.kubernetes.io/ssl-passthrough", "false", MARK_NO, true},
        {"ingress.cilium.io/tls-passthrough", "enabled", MARK_YES, true},
        {"ingress.cilium.io/tls-passthrough", "true", MARK_YES, true},
        {"ingress.cilium.io/tls-passthrough", "disabled", MARK_NO, true},
        {"ingress.cilium.io/tls-passthrough", "0", MARK_NO, true},
        {"ingress.cilium.io/tls-passthrough", "Enabled", MARK_NONE, false},
        {"route.openshift.io/termination", "passthrough", MARK_YES, true},
        {"route.openshift.io/termination", "edge", MARK_NO, true},
        {"route.openshift.io/termination", "reencrypt", MARK_NO, true},
        {"route.openshift.io/termination", "", MARK_NONE, false},
        {"example.com/ssl-passthrough", "true", MARK_NONE, true},
        {"ssl-passthrough", "true", MARK_NONE, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *pair[] = {cases[i].key, cases[i].value};
        struct read r;

        read_pairs(&r, pair, 2, true);
        if (r.r.mark != cases[i].mark || (r.v.n == 0) != cases[i].readable) {
            fail_msg("%s: %s", cases[i].key, cases[i].value);
        }
        if (!cases[i].readable) {
            assert_string_equal(r.v.items[0].reason, "AnnotationUnreadable");
            assert_int_equal(r.v.items[0].severity, VERDICT_WARNING);
            assert_int_equal(r.v.items[0].line, 11);
        }
        verdicts_fini(&r.v);
    }
}

static void one_no_outweighs_any_yes_in_any_order(void **state)
{
    struct read r;

    (void)state;
    READ(&r, NGINX "ssl-passthrough", "true", "haproxy.org/ssl-passthrough", "false");
    assert_int_equal(r.r.mark, MARK_NO);
    verdicts_fini(&r.v);
    READ(&r, NGINX "ssl-passthrough", "false", "sealway.io/tls-mode", "passthrough");
    assert_int_equal(r.r.mark, MARK_NO);
    verdicts_fini(&r.v);
    READ(&r, NGINX "ssl-passthrough", "maybe", "sealway.io/tls-mode", "passthrough");
    assert_int_equal(r.r.mark, MARK_YES);
    verdicts_fini(&r.v);
}

static void an_ingress_that_says_no_is_left_alone(void **state)
{
    struct read r;

    (void)state;
    READ(&r, NGINX "ssl-passthrough", "false", NGINX "proxy-body-size", "8m", "sealway.io/alpn",
         "h2", NGINX "whitelist-source-range", "10.0.0.0/8", "sealway.io/nonsense", "x");
    assert_int_equal(r.r.mark, MARK_NO);
    assert_int_equal(r.v.n, 0);
    verdicts_fini(&r.v);
}

static void without_a_list_only_the_mark_is_read(void **state)
{
    static const char *const pairs[] = {
        "sealway.io/tls-mode",         "passthrough", "sealway.io/alpn", "h2",
        "sealway.io/service-upstream", "true"};
    struct read r;

    (void)state;
    read_pairs(&r, pairs, ARRAY_LEN(pairs), false);
    assert_int_equal(r.r.mark, MARK_YES);
    assert_true(r.r.service_upstream);
    assert_int_equal(r.v.n, 0);
}

static void termination_is_not_yet_supported_and_not_routed(void **state)
{
    const struct verdict *v;
    struct read r;

    (void)state;
    READ(&r, "sealway.io/tls-mode", "terminate", NGINX "ssl-passthrough", "true");
    assert_true(r.r.terminate);
    v = find(&r, "NotYetSupported");
    assert_int_equal(v->severity, VERDICT_WARNING);
    assert_non_null(strstr(v->message, "routed"));
    assert_non_null(strstr(v->message, "passthrough"));
    verdicts_fini(&r.v);
    READ(&r, "sealway.io/tls-mode", "passthrough");
    assert_false(r.r.terminate);
    verdicts_fini(&r.v);
}

static void service_upstream_is_true_or_false(void **state)
{
    struct read r;

    (void)state;
    READ(&r, "sealway.io/service-upstream", "true");
    assert_true(r.r.service_upstream);
    assert_int_equal(r.v.n, 0);
    verdicts_fini(&r.v);
    READ(&r, "sealway.io/service-upstream", "false");
    assert_false(r.r.service_upstream);
    assert_int_equal(r.v.n, 0);
    verdicts_fini(&r.v);
    READ(&r, "sealway.io/service-upstream", "yes");
    assert_false(r.r.service_upstream);
    assert_non_null(strstr(find(&r, "AnnotationUnreadable")->message, "\"true\" or \"false\""));
    verdicts_fini(&r.v);
    /* the dialects' are of a later milestone */
    READ(&r, NGINX "service-upstream", "true");
    assert_false(r.r.service_upstream);
    assert_non_null(find(&r, "AnnotationsWithoutEffect"));
    verdicts_fini(&r.v);
}

static void what_comes_later_is_said_for_each(void **state)
{
    static const char *const names[] = {
        "proxy-protocol",
        "load-balance",
        "allow-cidrs",
        "deny-cidrs",
        "max-connections",
        "max-connections-per-client",
        "connection-rate-per-client",
        "connect-timeout",
        "connect-retries",
        "idle-timeout",
        "min-tls-version",
        "alpn",
        "server-alias",
        "on-endpoint-removed",
        "health-check",
        "canary-weight",
        "backends",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char key[64];
        const char *pair[] = {key, "x"};
        struct read r;

        snprintf(key, sizeof(key), "sealway.io/%s", names[i]);
        read_pairs(&r, pair, 2, true);
        assert_int_equal(r.v.n, 1);
        assert_string_equal(r.v.items[0].reason, "NotYetSupported");
        assert_int_equal(r.v.items[0].severity, VERDICT_WARNING);
        assert_non_null(strstr(r.v.items[0].message, key));
        verdicts_fini(&r.v);
    }
}

static void the_balancing_that_is_in_force_may_be_asked_for(void **state)
{
    struct read r;

    (void)state;
    READ(&r, "sealway.io/load-balance", "least-connections");
    assert_int_equal(r.v.n, 0);
    verdicts_fini(&r.v);
    READ(&r, "sealway.io/load-balance", "round-robin");
    assert_non_null(find(&r, "NotYetSupported"));
    verdicts_fini(&r.v);
}

static void a_name_of_ours_that_there_is_not_is_told_the_nearest(void **state)
{
    static const struct {
        const char *key, *says;
    } cases[] = {
        {"sealway.io/tls-mod", "sealway.io/tls-mode"},
        {"sealway.io/tlsmode", "sealway.io/tls-mode"},
        {"sealway.io/service_upstream", "sealway.io/service-upstream"},
        {"sealway.io/allow-cidr", "sealway.io/allow-cidrs"},
        {"sealway.io/ssl-passthrough", "remove it"},
        {"sealway.io/something-else-entirely-of-a-length-that-no-row-of-the-table-has",
         "remove it"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *pair[] = {cases[i].key, "x"};
        struct read r;

        read_pairs(&r, pair, 2, true);
        assert_int_equal(r.v.n, 1);
        assert_string_equal(r.v.items[0].reason, "UnknownAnnotation");
        if (strstr(r.v.items[0].message, cases[i].says) == NULL) {
            fail_msg("%s", r.v.items[0].message);
        }
        verdicts_fini(&r.v);
    }
}

static void what_does_nothing_is_one_note_for_the_object(void **state)
{
    const struct verdict *v;
    struct read r;

    (void)state;
    READ(&r, "sealway.io/tls-mode", "passthrough", NGINX "proxy-body-size", "8m",
         "haproxy.org/check", "true", "traefik.ingress.kubernetes.io/router.priority", "1",
         "router.openshift.io/cookie_name", "x", "ingress.cilium.io/loadbalancer-mode", "shared");
    assert_int_equal(r.v.n, 1);
    v = find(&r, "AnnotationsWithoutEffect");
    assert_int_equal(v->severity, VERDICT_NOTE);
    assert_int_equal(v->line, 12);
    assert_non_null(strstr(v->message, NGINX "proxy-body-size, haproxy.org/check, "));
    assert_non_null(strstr(v->message, "ingress.cilium.io/loadbalancer-mode"));
    verdicts_fini(&r.v);
}

static void a_long_list_is_cut_and_counted(void **state)
{
    char keys[20][32];
    const char *pairs[40];
    struct read r;

    (void)state;
    for (int i = 0; i < 20; i++) {
        snprintf(keys[i], sizeof(keys[i]), "haproxy.org/odd-%02d", i);
        pairs[2 * i] = keys[i];
        pairs[2 * i + 1] = "x";
    }
    read_pairs(&r, pairs, 40, true);
    assert_int_equal(r.v.n, 1);
    assert_non_null(strstr(r.v.items[0].message, "haproxy.org/odd-11 and 8 more"));
    verdicts_fini(&r.v);
}

static void a_list_of_long_names_is_cut_sooner(void **state)
{
    char keys[5][256];
    const char *pairs[10];
    struct read r;

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(keys[i], sizeof(keys[i]), "haproxy.org/%0200d-%d", 0, i);
        pairs[(size_t)2 * (size_t)i] = keys[i];
        pairs[2 * (size_t)i + 1] = "x";
    }
    read_pairs(&r, pairs, 10, true);
    assert_int_equal(r.v.n, 1);
    assert_non_null(strstr(r.v.items[0].message, "0-2 and 2 more"));
    verdicts_fini(&r.v);
}

static void what_is_true_anyway_is_silent(void **state)
{
    static const char *const silent[][2] = {
        {NGINX "ssl-redirect", "true"},
        {NGINX "force-ssl-redirect", "false"},
        {NGINX "backend-protocol", "HTTPS"},
        {NGINX "backend-protocol", "grpcs"},
        {"haproxy.org/ssl-redirect", "true"},
        {"haproxy.org/ssl-redirect-code", "301"},
        {"haproxy.org/server-ssl", "true"},
        {"haproxy-ingress.github.io/ssl-redirect", "true"},
        {"haproxy-ingress.github.io/backend-protocol", "h1-ssl"},
        {"ingress.kubernetes.io/ssl-redirect", "true"},
        {"ingress.kubernetes.io/force-ssl-redirect", "true"},
        {"ingress.cilium.io/force-https", "enabled"},
        {"route.openshift.io/insecureEdgeTerminationPolicy", "Redirect"},
        {"traefik.ingress.kubernetes.io/router.tls", "true"},
        {"cert-manager.io/cluster-issuer", "letsencrypt"},
        {"acme.cert-manager.io/http01-edit-in-place", "true"},
        {"kubernetes.io/ingress.class", "sealway"},
        {"kubernetes.io/tls-acme", "true"},
        {"meta.helm.sh/release-name", "x"},
        {"argocd.argoproj.io/sync-wave", "1"},
        {"external-dns.alpha.kubernetes.io/hostname", "a.test"},
        {"unprefixed", "x"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        struct read r;

        read_pairs(&r, silent[i], 2, true);
        if (r.v.n > 0) {
            fail_msg("%s", r.v.items[0].message);
        }
        verdicts_fini(&r.v);
    }
}

static void what_is_not_true_is_not_silent(void **state)
{
    struct read r;

    (void)state;
    READ(&r, NGINX "backend-protocol", "HTTP");
    assert_non_null(find(&r, "AnnotationsWithoutEffect"));
    verdicts_fini(&r.v);
    READ(&r, "route.openshift.io/insecureEdgeTerminationPolicy", "Allow");
    assert_non_null(find(&r, "AnnotationsWithoutEffect"));
    verdicts_fini(&r.v);
}

static void access_controls_that_do_not_act_are_one_warning(void **state)
{
    static const char *const keys[] = {
        NGINX "whitelist-source-range",
        NGINX "allowlist-source-range",
        NGINX "denylist-source-range",
        NGINX "auth-url",
        NGINX "auth-tls-verify-client",
        "haproxy.org/allow-list",
        "haproxy.org/deny-list",
        "haproxy.org/whitelist",
        "haproxy.org/blacklist",
        "haproxy.org/auth-type",
        "haproxy.org/client-ca",
        "haproxy-ingress.github.io/allowlist-source-range",
        "haproxy-ingress.github.io/auth-tls-secret",
        "ingress.kubernetes.io/whitelist-source-range",
        "haproxy.router.openshift.io/ip_allowlist",
        "haproxy.router.openshift.io/ip_whitelist",
        "traefik.ingress.kubernetes.io/whitelist-source-range",
    };
    const struct verdict *v;
    struct read r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const char *pair[] = {keys[i], "x"};

        read_pairs(&r, pair, 2, true);
        assert_int_equal(r.v.n, 1);
        assert_string_equal(r.v.items[0].reason, "AccessControlNotEnforced");
        verdicts_fini(&r.v);
    }
    READ(&r, "x/y", "z", NGINX "whitelist-source-range", "10.0.0.0/8", NGINX "proxy-body-size",
         "1m", NGINX "auth-url", "http://a.test");
    assert_int_equal(r.v.n, 2);
    v = find(&r, "AccessControlNotEnforced");
    assert_int_equal(v->severity, VERDICT_WARNING);
    assert_int_equal(v->line, 12);
    assert_non_null(strstr(v->message, NGINX "whitelist-source-range, " NGINX "auth-url"));
    assert_null(strstr(v->message, "proxy-body-size"));
    verdicts_fini(&r.v);
}

static void judge_service(struct verdicts *v, const char *key, const char *value)
{
    struct annotation a = {key, value, 5};
    struct objmeta o = {.kind = OBJECT_SERVICE,
                        .ns = "web",
                        .name = "shop",
                        .file = "f",
                        .annotations = &a,
                        .n_annotations = 1};

    verdicts_init(v);
    annotation_read_service(&o, v);
}

static void ours_on_a_service_are_never_passed_over(void **state)
{
    static const struct {
        const char *key, *value, *reason;
    } cases[] = {
        {"sealway.io/proxy-protocol", "v2", "NotYetSupported"},
        {"sealway.io/load-balance", "random", "NotYetSupported"},
        {"sealway.io/load-balance", "least-connections", NULL},
        {"sealway.io/tls-mode", "passthrough", "UnknownAnnotation"},
        {"sealway.io/alpn", "h2", "UnknownAnnotation"},
        {"sealway.io/proxy-protcol", "v2", "UnknownAnnotation"},
        {"haproxy.org/check", "true", NULL},
        {"prometheus.io/scrape", "true", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct verdicts v;

        judge_service(&v, cases[i].key, cases[i].value);
        assert_int_equal(v.n, cases[i].reason != NULL);
        if (cases[i].reason != NULL) {
            assert_string_equal(v.items[0].reason, cases[i].reason);
            assert_int_equal(v.items[0].line, 5);
        }
        verdicts_fini(&v);
    }
}

static void read_often(void *ctx)
{
    struct read r;

    (void)ctx;
    READ(&r, "sealway.io/tls-mode", "passthrough", NGINX "proxy-body-size", "8m", "sealway.io/alpn",
         "h2");
    assert_int_equal(r.r.mark, MARK_YES);
    assert_int_equal(r.v.lost, r.v.n < 2);
    verdicts_fini(&r.v);
}

static void without_memory_the_reading_stands(void **state)
{
    (void)state;
    assert_true(failalloc_torture(read_often, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mark_is_read_as_its_owner_reads_it),
        cmocka_unit_test(one_no_outweighs_any_yes_in_any_order),
        cmocka_unit_test(an_ingress_that_says_no_is_left_alone),
        cmocka_unit_test(without_a_list_only_the_mark_is_read),
        cmocka_unit_test(termination_is_not_yet_supported_and_not_routed),
        cmocka_unit_test(service_upstream_is_true_or_false),
        cmocka_unit_test(what_comes_later_is_said_for_each),
        cmocka_unit_test(the_balancing_that_is_in_force_may_be_asked_for),
        cmocka_unit_test(a_name_of_ours_that_there_is_not_is_told_the_nearest),
        cmocka_unit_test(what_does_nothing_is_one_note_for_the_object),
        cmocka_unit_test(a_long_list_is_cut_and_counted),
        cmocka_unit_test(a_list_of_long_names_is_cut_sooner),
        cmocka_unit_test(what_is_true_anyway_is_silent),
        cmocka_unit_test(what_is_not_true_is_not_silent),
        cmocka_unit_test(access_controls_that_do_not_act_are_one_warning),
        cmocka_unit_test(ours_on_a_service_are_never_passed_over),
        cmocka_unit_test(without_memory_the_reading_stands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
