/* discovery.k8s.io/v1 EndpointSlice. */
#include <string.h>
#include <sys/socket.h>

#include "decode_priv.h"

#define ENDPOINTS_MAX 1000u /* of one slice, by the API server's validation */

/* AF_INET, AF_INET6; AF_UNSPEC when the type does not say; -1 for one without IP addresses. */
static int decode_family(struct decode *d, const struct json_at *root)
{
    struct json_at at = json_field(root, "addressType");
    const char *type = json_string(&at);
    char quoted[JSON_TEXT_MAX];

    if (type != NULL && strcmp(type, "IPv4") == 0) {
        return AF_INET;
    }
    if (type != NULL && strcmp(type, "IPv6") == 0) {
        return AF_INET6;
    }
    if (type != NULL && strcmp(type, "FQDN") == 0) {
        return -1; /* valid, and no fault until somebody wants to be routed to it */
    }
    if (!at.wrong) {
        decode_say(d, &at, VERDICT_ERROR,
                   type == NULL || type[0] == '\0' ? "AddressTypeMissing" : "InvalidField",
                   "addressType %s: write IPv4 or IPv6",
                   type == NULL || type[0] == '\0' ? "must be given" : json_quote(type, quoted));
    }
    return AF_UNSPEC;
}

static bool check_address(struct decode *d, const struct json_at *at, const char *text, int family,
                          struct netaddr *out)
{
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];
    const char *type = family == AF_INET ? "IPv4" : "IPv6";

    if (netaddr_parse_ip(text, 0, out) < 0) {
        decode_say(d, at, VERDICT_ERROR, "InvalidAddress",
                   "%s %s is no IP address: write it bare, as 10.0.0.1 or fd00::1",
                   json_path(at, path), json_quote(text, quoted));
        return false;
    }
    if (family != AF_UNSPEC && out->family != family) {
        decode_say(d, at, VERDICT_ERROR, "InvalidAddress",
                   "%s %s is no %s address, which addressType says: put it into a slice of its own",
                   json_path(at, path), json_quote(text, quoted), type);
        return false;
    }
    return true;
}

/* All consumers use the first only; what further ones mean is not defined. */
static bool decode_address(struct decode *d, const struct json_at *endpoint, int family,
                           struct netaddr *out)
{
    struct json_at list = json_array(endpoint, "addresses"), item = {0};
    const char *text;
    char path[JSON_PATH_MAX];

    if (list.wrong) {
        return false;
    }
    if (!json_next(&list, &item)) {
        decode_say(d, &list, VERDICT_ERROR, "InvalidAddress", "%s must have an address",
                   json_path(&list, path));
        return false;
    }
    text = json_string(&item);
    return !item.wrong && check_address(d, &item, text != NULL ? text : "", family, out);
}

static bool decode_endpoint(struct decode *d, struct json_at *item, int family,
                            struct slice_endpoint *out)
{
    struct json_at conditions, ready, serving, terminating;

    if (!json_is_object(item) || !decode_address(d, item, family, &out->ip)) {
        return false;
    }
    conditions = json_object(item, "conditions");
    ready = json_field(&conditions, "ready");
    serving = json_field(&conditions, "serving");
    terminating = json_field(&conditions, "terminating");
    out->ready = json_bool(&ready, true);
    out->serving = json_bool(&serving, out->ready);
    out->terminating = json_bool(&terminating, false);
    /* An endpoint whose state cannot be read is no endpoint: it may be meant to be down. */
    return !conditions.wrong && !ready.wrong && !serving.wrong && !terminating.wrong;
}

void decode_endpointslice(struct decode *d, const struct json_at *root, struct objmeta *o)
{
    struct endpoint_slice *out = (struct endpoint_slice *)(void *)o;
    struct json_at list = json_array(root, "endpoints"), ports = json_array(root, "ports");
    struct json_at item = {0};
    struct slice_endpoint *endpoints;
    int family;

    if (list.wrong || ports.wrong) {
        d->refused = true;
        return;
    }
    out->service = decode_keep(d, decode_meta_label(root, "kubernetes.io/service-name"));
    out->ports = decode_ports(d, &ports, &out->n_ports);
    family = decode_family(d, root);
    if (json_count(&list) > ENDPOINTS_MAX) {
        decode_say(d, &list, VERDICT_ERROR, "TooManyEndpoints",
                   "endpoints has more than %u: spread them over several slices", ENDPOINTS_MAX);
    }
    out->is_fqdn = family < 0;
    if (out->is_fqdn) {
        return;
    }
    endpoints = decode_calloc(d, json_count(&list), sizeof(*endpoints));
    while (endpoints != NULL && json_next(&list, &item)) {
        out->n_endpoints += decode_endpoint(d, &item, family, &endpoints[out->n_endpoints]);
    }
    out->endpoints = endpoints;
}
