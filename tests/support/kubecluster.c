#include "support/kubecluster.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/attr.h"
#include "model/decode.h"
#include "model/store.h"
#include "model/verdict.h"

#define NAMESPACES 3u
#define HOSTS      40u
#define AGES       5u /* few, so that many Ingresses are of the same age */

static const char *const API_VERSIONS[FAKEAPI_RESOURCES] = {
    [FAKEAPI_INGRESSES] = "networking.k8s.io/v1",
    [FAKEAPI_INGRESSCLASSES] = "networking.k8s.io/v1",
    [FAKEAPI_SERVICES] = "v1",
    [FAKEAPI_ENDPOINTSLICES] = "discovery.k8s.io/v1",
};
static const char *const KINDS[FAKEAPI_RESOURCES] = {
    [FAKEAPI_INGRESSES] = "Ingress",
    [FAKEAPI_INGRESSCLASSES] = "IngressClass",
    [FAKEAPI_SERVICES] = "Service",
    [FAKEAPI_ENDPOINTSLICES] = "EndpointSlice",
};

/* splitmix64 */
static uint64_t draw(struct kubecluster *c)
{
    uint64_t z = c->chance += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

unsigned kubecluster_below(struct kubecluster *c, unsigned n)
{
    return (unsigned)(draw(c) >> 32) % n;
}

static bool one_in(struct kubecluster *c, unsigned n)
{
    return kubecluster_below(c, n) == 0;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void add_host(FILE *out, struct kubecluster *c)
{
    unsigned which = kubecluster_below(c, HOSTS);

    if (which == 0) {
        fputs("\"host\":\"not a host\",", out);
    } else {
        fprintf(out, "\"host\":\"%sh%u.example.com\",", which % 5 == 0 ? "*." : "", which);
    }
}

/* One of the namespace at hand, or the one behind the last. */
static unsigned any_service(struct kubecluster *c)
{
    return kubecluster_below(c, KUBECLUSTER_SERVICES / NAMESPACES + 1) * NAMESPACES + c->home;
}

static void add_backend(FILE *out, struct kubecluster *c)
{
    fprintf(out, "{\"service\":{\"name\":\"service-%u\",\"port\":{", any_service(c));
    fputs(one_in(c, 3) ? "\"name\":\"https\"}}}" : "\"number\":443}}}", out);
}

static void add_class(FILE *out, struct kubecluster *c)
{
    unsigned which = kubecluster_below(c, KUBECLUSTER_CLASSES + 1);

    if (which < KUBECLUSTER_CLASSES) {
        fprintf(out, "\"ingressClassName\":\"class-%u\",", which);
    }
}

static void add_ingress(FILE *out, struct kubecluster *c)
{
    static const char *const MARKS[] = {"passthrough", "passthrough", "off", "perhaps"};

    if (one_in(c, 4)) {
        fprintf(out, ",\"annotations\":{\"sealway.io/tls-mode\":\"%s\"}",
                MARKS[kubecluster_below(c, ARRAY_LEN(MARKS))]);
    }
    fputs("},\"spec\":{", out);
    add_class(out, c);
    fputs("\"rules\":[", out);
    for (unsigned n = kubecluster_below(c, 3) + 1, i = 0; i < n; i++) {
        fputs(i > 0 ? ",{" : "{", out);
        add_host(out, c);
        fputs("\"http\":{\"paths\":[{\"path\":\"/\",\"pathType\":\"Prefix\",\"backend\":", out);
        add_backend(out, c);
        fputs("}]}}", out);
    }
    fputs("]}}", out);
}

static void add_ingressclass(FILE *out, struct kubecluster *c)
{
    if (one_in(c, 4)) {
        fputs(",\"annotations\":{\"ingressclass.kubernetes.io/is-default-class\":\"true\"}", out);
    }
    fprintf(out, "},\"spec\":{\"controller\":\"%s\"}}",
            one_in(c, 3) ? "example.com/other" : "sealway.io/ingress-controller");
}

static void add_service(FILE *out, struct kubecluster *c)
{
    static const char *const SPECS[] = {
        "\"type\":\"ClusterIP\",\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\"],",
        "\"type\":\"ClusterIP\",\"clusterIP\":\"None\",",
        "\"type\":\"ExternalName\",\"externalName\":\"example.com\",",
        "\"publishNotReadyAddresses\":true,",
        "",
    };

    fprintf(out, "},\"spec\":{%s\"ports\":[", SPECS[kubecluster_below(c, ARRAY_LEN(SPECS))]);
    if (one_in(c, 3)) {
        fputs("{\"name\":\"http\",\"port\":80},", out);
    }
    fprintf(out, "{\"name\":\"https\",\"port\":%d,\"protocol\":\"TCP\"}]}}",
            one_in(c, 8) ? 8443 : 443);
}

static void add_slice(FILE *out, struct kubecluster *c)
{
    static const char *const BOOLEANS[] = {"true", "true", "true", "false", "null"};

    fprintf(out, ",\"labels\":{\"kubernetes.io/service-name\":\"service-%u\"}}", any_service(c));
    fputs(",\"addressType\":\"IPv4\",\"endpoints\":[", out);
    for (unsigned n = kubecluster_below(c, 5), i = 0; i < n; i++) {
        fprintf(out, "%s{\"addresses\":[\"10.%u.%u.%u\"],\"conditions\":{", i > 0 ? "," : "",
                kubecluster_below(c, 2), kubecluster_below(c, 4), kubecluster_below(c, 250));
        fprintf(out, "\"ready\":%s,", BOOLEANS[kubecluster_below(c, ARRAY_LEN(BOOLEANS))]);
        fprintf(out, "\"terminating\":%s}}", one_in(c, 5) ? "true" : "false");
    }
    fputs("],\"ports\":[", out);
    if (one_in(c, 4)) {
        fputs("{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"},", out);
    }
    fprintf(out, "{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}",
            8443 + kubecluster_below(c, 2));
}

/* What stands behind the version: the rest of metadata, and of the object. */
static char *make_rest(struct kubecluster *c, const struct kubecluster_slot *s)
{
    static void (*const ADD[FAKEAPI_RESOURCES])(FILE *, struct kubecluster *) = {
        [FAKEAPI_INGRESSES] = add_ingress,
        [FAKEAPI_INGRESSCLASSES] = add_ingressclass,
        [FAKEAPI_SERVICES] = add_service,
        [FAKEAPI_ENDPOINTSLICES] = add_slice,
    };
    char *text = NULL, born[40];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct tm tm;

    assert_non_null(out);
    c->home = *s->ns != '\0' ? (unsigned)(s->ns[3] - '0') : 0;
    strftime(born, sizeof(born), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&s->created_s, &tm));
    fprintf(out, ",\"name\":\"%s\",", s->name);
    if (*s->ns != '\0') {
        fprintf(out, "\"namespace\":\"%s\",", s->ns);
    }
    fprintf(out, "\"uid\":\"%s-%s-%u\",\"creationTimestamp\":\"%s\"", s->ns, s->name, s->lives,
            born);
    if (s->resource == FAKEAPI_ENDPOINTSLICES) {
        fprintf(out, ",\"labels\":{\"kubernetes.io/service-name\":\"service-%u\"}", any_service(c));
    }
    if (one_in(c, 50)) {
        fputs("},\"spec\":\"neither this nor that\",\"ports\":7,\"endpoints\":{}}", out);
    } else {
        ADD[s->resource](out, c);
    }
    assert_int_equal(fclose(out), 0);
    return text;
}

static void write_object(FILE *out, const struct kubecluster_slot *s)
{
    fprintf(out, "{\"apiVersion\":\"%s\",\"kind\":\"%s\",", API_VERSIONS[s->resource],
            KINDS[s->resource]);
    fprintf(out, "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"%s", s->version, s->rest);
}

static char *make_text(const struct kubecluster_slot *s)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    write_object(out, s);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* ---- changes -------------------------------------------------------------------------------- */

static void put(struct kubecluster *c, struct kubecluster_slot *s)
{
    char *text;

    if (s->version == 0) {
        s->lives++;
        s->created_s = INT64_C(1700000000) + 60 * kubecluster_below(c, AGES);
    }
    free(s->rest);
    s->rest = make_rest(c, s);
    text = make_text(s);
    s->version = fakeapi_put(c->api, text);
    free(text);
    c->last = s;
}

static void take(struct kubecluster *c, struct kubecluster_slot *s)
{
    assert_true(fakeapi_delete(c->api, s->resource, s->ns, s->name) != 0);
    s->version = 0;
    c->last = NULL;
}

/* Slices change most, as they do. */
static struct kubecluster_slot *any_slot(struct kubecluster *c)
{
    unsigned others = KUBECLUSTER_SLOTS - KUBECLUSTER_SLICES;

    return &c->slots[kubecluster_below(c, one_in(c, 3) ? others : KUBECLUSTER_SLOTS)];
}

void kubecluster_change(struct kubecluster *c)
{
    struct kubecluster_slot *s = any_slot(c);

    if (s->version != 0 && one_in(c, 5)) {
        take(c, s);
    } else {
        put(c, s);
    }
}

static struct kubecluster_slot *name_slots(struct kubecluster_slot *at, enum fakeapi_resource res,
                                           const char *word, unsigned n)
{
    for (unsigned i = 0; i < n; i++, at++) {
        at->resource = res;
        snprintf(at->name, sizeof(at->name), "%s-%u", word, i);
        if (res != FAKEAPI_INGRESSCLASSES) {
            snprintf(at->ns, sizeof(at->ns), "ns-%u", i % NAMESPACES);
        }
    }
    return at;
}

void kubecluster_init(struct kubecluster *c, struct fakeapi *api, uint64_t seed)
{
    struct kubecluster_slot *at = c->slots;

    memset(c, 0, sizeof(*c));
    c->api = api;
    c->chance = seed;
    at = name_slots(at, FAKEAPI_INGRESSCLASSES, "class", KUBECLUSTER_CLASSES);
    at = name_slots(at, FAKEAPI_INGRESSES, "ingress", KUBECLUSTER_INGRESSES);
    at = name_slots(at, FAKEAPI_SERVICES, "service", KUBECLUSTER_SERVICES);
    at = name_slots(at, FAKEAPI_ENDPOINTSLICES, "slice", KUBECLUSTER_SLICES);
    assert_ptr_equal(at, c->slots + KUBECLUSTER_SLOTS);
    for (size_t i = 0; i < KUBECLUSTER_SLOTS; i++) {
        put(c, &c->slots[i]);
    }
}

void kubecluster_fini(struct kubecluster *c)
{
    for (size_t i = 0; i < KUBECLUSTER_SLOTS; i++) {
        free(c->slots[i].rest);
    }
}

/* ---- what there is -------------------------------------------------------------------------- */

static void decode_one(const struct kubecluster_slot *s, struct store *into, struct verdicts *v)
{
    const struct decode_source src = {.file = ""};
    char *text = make_text(s);
    cJSON *tree = cJSON_Parse(text);
    struct objmeta *o = NULL;
    size_t before = v->n;
    enum decode_result result;

    assert_non_null(tree);
    result = decode_object(tree, &src, v, &o);
    if (result == DECODE_OK) {
        assert_int_equal(store_put(into, o), 0);
    } else {
        assert_int_equal(result, DECODE_REFUSED);
        verdicts_mark_refused(v, before);
    }
    object_unref(o);
    cJSON_Delete(tree);
    free(text);
}

void kubecluster_decode(const struct kubecluster *c, struct store *into, struct verdicts *v)
{
    for (size_t i = 0; i < KUBECLUSTER_SLOTS; i++) {
        if (c->slots[i].version != 0) {
            decode_one(&c->slots[i], into, v);
        }
    }
}

char *kubecluster_list(const struct kubecluster *c, enum fakeapi_resource res)
{
    const char *comma = "";
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    fprintf(out, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",", KINDS[res], API_VERSIONS[res]);
    fprintf(out, "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"},\"items\":[",
            fakeapi_version(c->api));
    for (size_t i = 0; i < KUBECLUSTER_SLOTS; i++) {
        if (c->slots[i].version != 0 && c->slots[i].resource == res) {
            fputs(comma, out);
            write_object(out, &c->slots[i]);
            comma = ",";
        }
    }
    fputs("]}\n", out);
    assert_int_equal(fclose(out), 0);
    return text;
}
