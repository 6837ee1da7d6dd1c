/* Which fields the API knows: a mistyped one would be dropped without a word. */
#include <stdio.h>
#include <string.h>

#include "decode_priv.h"

#define NAMES_MAX 8u /* fields named in one warning; the others are counted */

/* A known field; `below` is what its object, or each object of its list, may hold (NULL: any). */
struct field {
    const char *name;
    const struct field *below;
};

#define END                                                                                        \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

static const struct field metadata[] = {
    {"name", NULL},
    {"generateName", NULL},
    {"namespace", NULL},
    {"selfLink", NULL},
    {"uid", NULL},
    {"resourceVersion", NULL},
    {"generation", NULL},
    {"creationTimestamp", NULL},
    {"deletionTimestamp", NULL},
    {"deletionGracePeriodSeconds", NULL},
    {"labels", NULL},
    {"annotations", NULL},
    {"ownerReferences", NULL},
    {"finalizers", NULL},
    {"managedFields", NULL},
    END,
};

static const struct field backend_port[] = {{"name", NULL}, {"number", NULL}, END};
static const struct field backend_service[] = {{"name", NULL}, {"port", backend_port}, END};
static const struct field resource[] = {{"apiGroup", NULL}, {"kind", NULL}, {"name", NULL}, END};
static const struct field backend[] = {
    {"service", backend_service}, {"resource", resource},
    {"serviceName", NULL}, /* these two are FieldRemoved, said elsewhere */
    {"servicePort", NULL},        END,
};
static const struct field path[] = {{"path", NULL}, {"pathType", NULL}, {"backend", backend}, END};
static const struct field http[] = {{"paths", path}, END};
static const struct field rule[] = {{"host", NULL}, {"http", http}, END};
static const struct field tls[] = {{"hosts", NULL}, {"secretName", NULL}, END};
static const struct field ingress_spec[] = {
    {"ingressClassName", NULL},
    {"defaultBackend", backend},
    {"tls", tls},
    {"rules", rule},
    {"backend", NULL}, /* FieldRemoved */
    END,
};
static const struct field ingress[] = {
    {"apiVersion", NULL},   {"kind", NULL},   {"metadata", metadata},
    {"spec", ingress_spec}, {"status", NULL}, END,
};

static const struct field parameters[] = {
    {"apiGroup", NULL}, {"kind", NULL}, {"name", NULL}, {"scope", NULL}, {"namespace", NULL}, END,
};
static const struct field class_spec[] = {{"controller", NULL}, {"parameters", parameters}, END};
static const struct field ingress_class[] = {
    {"apiVersion", NULL}, {"kind", NULL}, {"metadata", metadata}, {"spec", class_spec}, END,
};

static const struct field service_port[] = {
    {"name", NULL},
    {"protocol", NULL},
    {"appProtocol", NULL},
    {"port", NULL},
    {"targetPort", NULL},
    {"nodePort", NULL},
    END,
};
static const struct field client_ip[] = {{"timeoutSeconds", NULL}, END};
static const struct field affinity[] = {{"clientIP", client_ip}, END};
static const struct field service_spec[] = {
    {"ports", service_port},
    {"selector", NULL},
    {"clusterIP", NULL},
    {"clusterIPs", NULL},
    {"type", NULL},
    {"externalIPs", NULL},
    {"sessionAffinity", NULL},
    {"sessionAffinityConfig", affinity},
    {"loadBalancerIP", NULL},
    {"loadBalancerSourceRanges", NULL},
    {"loadBalancerClass", NULL},
    {"externalName", NULL},
    {"externalTrafficPolicy", NULL},
    {"internalTrafficPolicy", NULL},
    {"trafficDistribution", NULL},
    {"healthCheckNodePort", NULL},
    {"publishNotReadyAddresses", NULL},
    {"ipFamilies", NULL},
    {"ipFamilyPolicy", NULL},
    {"allocateLoadBalancerNodePorts", NULL},
    END,
};
static const struct field service[] = {
    {"apiVersion", NULL},   {"kind", NULL},   {"metadata", metadata},
    {"spec", service_spec}, {"status", NULL}, END,
};

static const struct field conditions[] = {
    {"ready", NULL}, {"serving", NULL}, {"terminating", NULL}, END};
static const struct field hint[] = {{"name", NULL}, END};
static const struct field hints[] = {{"forZones", hint}, {"forNodes", hint}, END};
static const struct field endpoint_port[] = {
    {"name", NULL}, {"protocol", NULL}, {"port", NULL}, {"appProtocol", NULL}, END};
static const struct field endpoint[] = {
    {"addresses", NULL},
    {"conditions", conditions},
    {"hostname", NULL},
    {"targetRef", NULL},
    {"deprecatedTopology", NULL},
    {"nodeName", NULL},
    {"zone", NULL},
    {"hints", hints},
    END,
};
static const struct field endpoint_slice[] = {
    {"apiVersion", NULL},
    {"kind", NULL},
    {"metadata", metadata},
    {"addressType", NULL},
    {"endpoints", endpoint},
    {"ports", endpoint_port},
    END,
};

static const struct field address[] = {
    {"ip", NULL}, {"hostname", NULL}, {"nodeName", NULL}, {"targetRef", NULL}, END};
static const struct field subset[] = {
    {"addresses", address}, {"notReadyAddresses", address}, {"ports", endpoint_port}, END};
static const struct field endpoints[] = {
    {"apiVersion", NULL}, {"kind", NULL}, {"metadata", metadata}, {"subsets", subset}, END};

static const struct field *const roots[OBJECT_KINDS] = {
    [OBJECT_INGRESS] = ingress,     [OBJECT_INGRESS_CLASS] = ingress_class,
    [OBJECT_SERVICE] = service,     [OBJECT_ENDPOINT_SLICE] = endpoint_slice,
    [OBJECT_ENDPOINTS] = endpoints,
};

struct unknown {
    char names[700];
    size_t len;
    size_t named; /* fields in it */
    size_t n;     /* fields that should be */
    unsigned line;
};

static void note_unknown(struct decode *d, const struct json_at *at, struct unknown *u)
{
    char text[JSON_PATH_MAX];
    size_t len;

    if (u->n++ == 0) {
        u->line = decode_line(d, at);
    }
    len = strlen(json_path(at, text));
    if (u->named == NAMES_MAX || u->len + len + 3 > sizeof(u->names)) {
        return;
    }
    u->len += (size_t)snprintf(u->names + u->len, sizeof(u->names) - u->len, "%s%s",
                               u->named > 0 ? ", " : "", text);
    u->named++;
}

static const struct field *find_field(const struct field *known, const char *name)
{
    for (; known->name != NULL; known++) {
        if (strcmp(known->name, name) == 0) {
            return known;
        }
    }
    return NULL;
}

static void walk(struct decode *d, const struct json_at *at, const struct field *known,
                 struct unknown *u);

static void walk_fields(struct decode *d, const struct json_at *object, const struct field *known,
                        struct unknown *u)
{
    struct json_at item = {0};

    while (json_next(object, &item)) {
        const struct field *f = find_field(known, item.key);

        if (f == NULL) {
            note_unknown(d, &item, u);
        } else if (f->below != NULL) {
            walk(d, &item, f->below, u);
        }
    }
}

/* As deep as the tables above are, however deep the object is.  NOLINTNEXTLINE(misc-no-recursion)
 */
static void walk(struct decode *d, const struct json_at *at, const struct field *known,
                 struct unknown *u)
{
    struct json_at item = {0};

    if (cJSON_IsObject(at->node)) {
        walk_fields(d, at, known, u);
    } else if (cJSON_IsArray(at->node)) {
        while (json_next(at, &item)) {
            if (cJSON_IsObject(item.node)) {
                walk_fields(d, &item, known, u);
            }
        }
    }
}

void decode_fields(struct decode *d, const struct json_at *root, enum object_kind kind)
{
    struct unknown u = {.n = 0};
    char rest[32] = "";

    walk(d, root, roots[kind], &u);
    if (u.n == 0) {
        return;
    }
    d->said++;
    if (u.n > u.named) {
        (void)snprintf(rest, sizeof(rest), " and %zu more", u.n - u.named);
    }
    verdicts_add(d->v, &d->about, u.line, VERDICT_WARNING, "UnknownField",
                 "the API knows no field %s%s and drops %s: check spelling and indentation",
                 u.names, rest, u.n > 1 ? "them" : "it");
}
