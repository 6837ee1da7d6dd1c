/* v1 Service. */
#include <string.h>

#include "decode_priv.h"

#define NAMES_COMPARED 1000u /* each with each, so only as many as a person writes */

static enum service_type decode_type(struct decode *d, const struct json_at *spec)
{
    static const char *const names[] = {
        [SERVICE_CLUSTER_IP] = "ClusterIP",
        [SERVICE_NODE_PORT] = "NodePort",
        [SERVICE_LOAD_BALANCER] = "LoadBalancer",
        [SERVICE_EXTERNAL_NAME] = "ExternalName",
    };
    struct json_at at = json_field(spec, "type");
    const char *type = json_string(&at);
    char quoted[JSON_TEXT_MAX];

    if (type == NULL || type[0] == '\0') {
        return SERVICE_CLUSTER_IP;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(type, names[i]) == 0) {
            return (enum service_type)i;
        }
    }
    decode_say(d, &at, VERDICT_ERROR, "InvalidField",
               "spec.type %s must be ClusterIP, NodePort, LoadBalancer or ExternalName",
               json_quote(type, quoted));
    return SERVICE_CLUSTER_IP;
}

static void decode_cluster_ip(struct decode *d, struct json_at *at, struct service *out)
{
    const char *text = json_string(at);
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (text == NULL || text[0] == '\0') {
        return; /* in a manifest, the rule: the API server is to choose one */
    }
    if (strcmp(text, "None") == 0) {
        out->headless = true;
        return;
    }
    if (netaddr_parse_ip(text, 0, &out->cluster_ips[out->n_cluster_ips]) == 0) {
        out->n_cluster_ips++;
        return;
    }
    decode_say(d, at, VERDICT_ERROR, "InvalidAddress",
               "%s %s must be an IP address or None: leave it away to be given one",
               json_path(at, path), json_quote(text, quoted));
}

/* clusterIPs holds clusterIP as its first; objects older than Kubernetes 1.20 have only that. */
static void decode_cluster_ips(struct decode *d, const struct json_at *spec, struct service *out)
{
    struct json_at list = json_array(spec, "clusterIPs"), one = json_field(spec, "clusterIP");
    struct json_at item = {0};

    if (json_count(&list) == 0) {
        decode_cluster_ip(d, &one, out);
        return;
    }
    while (out->n_cluster_ips < ARRAY_LEN(out->cluster_ips) && json_next(&list, &item)) {
        decode_cluster_ip(d, &item, out);
    }
}

/* As a port of a slice, but that its number must be given. */
static bool decode_port(struct decode *d, struct json_at *item, struct service_port *out)
{
    struct slice_port port = {0};
    struct json_at number_at;
    char path[JSON_PATH_MAX];

    if (!decode_ports_one(d, item, &port)) {
        return false;
    }
    if (port.number == 0) {
        number_at = json_field(item, "port");
        decode_say(d, &number_at, VERDICT_ERROR, "InvalidPort", "%s must be given",
                   json_path(&number_at, path));
        return false;
    }
    *out = (struct service_port){port.name, port.number, port.is_tcp};
    return true;
}

/* With several ports, each must have a name; two of one name cannot be told apart. */
static void check_port_names(struct decode *d, const struct json_at *list,
                             const struct service *out)
{
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    for (size_t i = 0; i < out->n_ports && i < NAMES_COMPARED && out->n_ports > 1; i++) {
        if (out->ports[i].name[0] == '\0') {
            decode_say(d, list, VERDICT_ERROR, "InvalidPort",
                       "%s has several ports, and one (%u) has no name: name each",
                       json_path(list, path), out->ports[i].number);
            return;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(out->ports[i].name, out->ports[j].name) == 0) {
                decode_say(d, list, VERDICT_ERROR, "InvalidPort",
                           "%s has two ports named %s: the first is used; rename the other",
                           json_path(list, path), json_quote(out->ports[i].name, quoted));
                return;
            }
        }
    }
}

static void decode_service_ports(struct decode *d, const struct json_at *list, struct service *out)
{
    struct service_port *ports = decode_calloc(d, json_count(list), sizeof(*ports));
    struct json_at item = {0};

    while (ports != NULL && json_next(list, &item)) {
        out->n_ports += decode_port(d, &item, &ports[out->n_ports]);
    }
    out->ports = ports;
    if (ports != NULL) {
        check_port_names(d, list, out);
    }
    if (json_count(list) == 0 && !out->headless && out->type != SERVICE_EXTERNAL_NAME) {
        decode_say(d, list, VERDICT_ERROR, "PortsMissing",
                   "spec.ports must have a port: write - {name: https, port: 443}");
    }
}

void decode_service(struct decode *d, const struct json_at *root, struct objmeta *o)
{
    struct service *out = (struct service *)(void *)o;
    struct json_at spec = json_object(root, "spec"), ports = json_array(&spec, "ports");
    struct json_at not_ready = json_field(&spec, "publishNotReadyAddresses");

    if (spec.wrong || ports.wrong) {
        d->refused = true;
        return;
    }
    out->type = decode_type(d, &spec);
    decode_cluster_ips(d, &spec, out);
    out->publish_not_ready = json_bool(&not_ready, false);
    decode_service_ports(d, &ports, out);
    decode_status_service(d, root, out);
}
