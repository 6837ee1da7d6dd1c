/* networking.k8s.io/v1 Ingress. */
#include <string.h>

#include "decode_priv.h"
#include "model/k8sname.h"

/* Whether `path` may stand in a rule of this type; the API server cares, passthrough does not. */
static void check_path(struct decode *d, const struct json_at *at, const char *path,
                       const char *type)
{
    static const char *const never[] = {"//", "/./", "/../", "%2f", "%2F"};
    bool any = strcmp(type, "ImplementationSpecific") == 0;
    size_t len = strlen(path);
    char where[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];
    const char *why = NULL;

    if (path[0] != '/' && (path[0] != '\0' || !any)) {
        why = "must begin with '/'";
    }
    for (size_t i = 0; why == NULL && !any && i < ARRAY_LEN(never); i++) {
        why = strstr(path, never[i]) != NULL ? "must not hold //, /./, /../ or %2f" : NULL;
    }
    if (why == NULL && !any &&
        ((len >= 2 && strcmp(path + len - 2, "/.") == 0) ||
         (len >= 3 && strcmp(path + len - 3, "/..") == 0))) {
        why = "must not end with /. or /..";
    }
    if (why != NULL) {
        decode_say(d, at, VERDICT_ERROR, "InvalidPath", "%s %s %s: write /", json_path(at, where),
                   json_quote(path, quoted), why);
    }
}

static void check_path_type(struct decode *d, const struct json_at *item,
                            const struct json_at *path_at, const char *path)
{
    struct json_at at = json_field(item, "pathType");
    const char *type = json_string(&at);
    char where[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (at.wrong) {
        return;
    }
    if (type == NULL || type[0] == '\0') {
        decode_say(d, &at, VERDICT_ERROR, "PathTypeMissing", "%s must be given: write Prefix",
                   json_path(&at, where));
    } else if (strcmp(type, "Prefix") == 0 || strcmp(type, "Exact") == 0 ||
               strcmp(type, "ImplementationSpecific") == 0) {
        check_path(d, path_at, path, type);
    } else {
        decode_say(d, &at, VERDICT_ERROR, "InvalidPathType",
                   "%s %s must be Prefix, Exact or ImplementationSpecific", json_path(&at, where),
                   json_quote(type, quoted));
    }
}

static bool decode_path(struct decode *d, struct json_at *item, struct ingress_path *out)
{
    struct json_at path_at, backend_at;
    const char *path;

    if (!json_is_object(item)) {
        return false;
    }
    path_at = json_field(item, "path");
    backend_at = json_object(item, "backend");
    path = json_string(&path_at);
    if (!path_at.wrong) {
        check_path_type(d, item, &path_at, path != NULL ? path : "");
    }
    if (path_at.wrong || backend_at.wrong || !decode_backend(d, &backend_at, &out->backend)) {
        return false;
    }
    out->path = decode_keep(d, path);
    out->line = decode_line(d, item);
    return true;
}

static void decode_paths(struct decode *d, const struct json_at *http, struct ingress_rule *rule)
{
    struct json_at list = json_array(http, "paths"), item = {0};
    struct ingress_path *paths = decode_calloc(d, json_count(&list), sizeof(*paths));
    char where[JSON_PATH_MAX];

    if (json_count(&list) == 0 && !list.wrong) {
        decode_say(d, &list, VERDICT_ERROR, "PathsMissing",
                   "%s must have a path: write path: /, pathType: Prefix and a backend",
                   json_path(&list, where));
    }
    rule->paths_refused = json_count(&list) == 0;
    while (paths != NULL && json_next(&list, &item)) {
        bool valid = decode_path(d, &item, &paths[rule->n_paths]);

        rule->n_paths += valid;
        rule->paths_refused = rule->paths_refused || !valid;
    }
    rule->paths = paths;
}

static bool check_host(struct decode *d, const struct json_at *at, const char *host)
{
    const char *fault = host[0] != '\0' ? k8sname_host_fault(host) : NULL;
    char where[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (fault == NULL) {
        return true;
    }
    decode_say(d, at, VERDICT_ERROR, "InvalidHost", "%s %s is no host: %s", json_path(at, where),
               json_quote(host, quoted), fault);
    return false;
}

static bool decode_rule(struct decode *d, struct json_at *item, struct ingress_rule *out)
{
    struct json_at host_at, http;
    const char *host;

    if (!json_is_object(item)) {
        return false;
    }
    host_at = json_field(item, "host");
    host = json_string(&host_at);
    /* A wrong host must not become the absent one, which claims every name. */
    if (host_at.wrong || (host != NULL && !check_host(d, &host_at, host))) {
        return false;
    }
    http = json_object(item, "http");
    if (http.wrong) {
        return false;
    }
    out->host = decode_keep(d, host);
    out->line = decode_line(d, host_at.raw != NULL ? &host_at : item);
    out->has_http = http.node != NULL;
    if (out->has_http) {
        decode_paths(d, &http, out);
    }
    return true;
}

static void decode_rules(struct decode *d, const struct json_at *list, struct ingress *out)
{
    struct ingress_rule *rules = decode_calloc(d, json_count(list), sizeof(*rules));
    struct json_at item = {0};

    while (rules != NULL && json_next(list, &item)) {
        out->n_rules += decode_rule(d, &item, &rules[out->n_rules]);
    }
    out->rules = rules;
}

/* The certificates are the backends' own; but what an API server refuses is said. */
static void check_tls(struct decode *d, const struct json_at *spec)
{
    struct json_at list = json_array(spec, "tls"), item = {0};

    while (json_next(&list, &item)) {
        struct json_at hosts, host = {0}, secret;

        if (!json_is_object(&item)) {
            continue;
        }
        hosts = json_array(&item, "hosts");
        secret = json_field(&item, "secretName");
        (void)json_string(&secret); /* complains if it is none */
        while (json_next(&hosts, &host)) {
            const char *name = json_string(&host);

            if (name != NULL) {
                (void)check_host(d, &host, name); /* only the verdict matters here */
            }
        }
    }
}

static void decode_class_name(struct decode *d, const struct json_at *spec, struct ingress *out)
{
    struct json_at at = json_field(spec, "ingressClassName");
    const char *name = json_string(&at);
    char quoted[JSON_TEXT_MAX];

    if (at.wrong) {
        /* Not even absent: another class may have been meant, and none would be the default. */
        d->refused = true;
        return;
    }
    if (name == NULL) {
        return;
    }
    out->class_name = decode_keep(d, name);
    out->class_line = decode_line(d, &at);
    if (!k8sname_is_subdomain(name)) {
        decode_say(d, &at, VERDICT_ERROR, "InvalidField",
                   "spec.ingressClassName %s can be no IngressClass: write the name of one, as "
                   "kubectl get ingressclass lists them",
                   json_quote(name, quoted));
    }
}

static void decode_default_backend(struct decode *d, const struct json_at *spec,
                                   struct ingress *out)
{
    struct json_at at = json_object(spec, "defaultBackend"), old = json_field(spec, "backend");

    out->default_backend = (struct ingress_backend){.service = "", .port_name = ""};
    if (old.raw != NULL) {
        decode_say(d, &old, VERDICT_ERROR, "FieldRemoved",
                   "spec.backend is of networking.k8s.io/v1beta1 and gone: write "
                   "spec.defaultBackend with service.name and service.port.number");
    }
    out->default_refused = at.wrong || old.raw != NULL;
    if (at.node != NULL && !decode_backend(d, &at, &out->default_backend)) {
        out->default_refused = true;
    }
}

void decode_ingress(struct decode *d, const struct json_at *root, struct objmeta *o)
{
    struct ingress *out = (struct ingress *)(void *)o;
    struct json_at spec = json_object(root, "spec"), rules = json_array(&spec, "rules");

    if (spec.wrong || rules.wrong) {
        d->refused = true;
        return;
    }
    decode_class_name(d, &spec, out);
    decode_default_backend(d, &spec, out);
    decode_rules(d, &rules, out);
    check_tls(d, &spec);
    decode_status_ingress(d, root, out);
    if (json_count(&rules) == 0 && json_field(&spec, "defaultBackend").node == NULL &&
        json_field(&spec, "backend").raw == NULL) {
        decode_say(d, &spec, VERDICT_ERROR, "RulesMissing",
                   "spec must have rules or a defaultBackend");
    }
}
