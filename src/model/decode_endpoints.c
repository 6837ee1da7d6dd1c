/* v1 Endpoints, the elder of EndpointSlice. */
#include "decode_priv.h"

static bool decode_address(struct decode *d, struct json_at *item, struct netaddr *out)
{
    struct json_at at;
    const char *text;
    char path[JSON_PATH_MAX], quoted[JSON_TEXT_MAX];

    if (!json_is_object(item)) {
        return false;
    }
    at = json_field(item, "ip");
    text = json_string(&at);
    if (at.wrong) {
        return false;
    }
    if (text == NULL || netaddr_parse_ip(text, 0, out) < 0) {
        decode_say(d, &at, VERDICT_ERROR, "InvalidAddress",
                   "%s %s is no IP address: write it bare, as 10.0.0.1 or fd00::1",
                   json_path(&at, path), json_quote(text != NULL ? text : "", quoted));
        return false;
    }
    return true;
}

static const struct netaddr *decode_addresses(struct decode *d, const struct json_at *list,
                                              size_t *n_out)
{
    struct netaddr *addresses = decode_calloc(d, json_count(list), sizeof(*addresses));
    struct json_at item = {0};
    size_t n = 0;

    while (addresses != NULL && json_next(list, &item)) {
        n += decode_address(d, &item, &addresses[n]);
    }
    *n_out = n;
    return addresses;
}

static bool decode_subset(struct decode *d, struct json_at *item, struct endpoints_subset *out)
{
    struct json_at ports, ready, not_ready;

    if (!json_is_object(item)) {
        return false;
    }
    ports = json_array(item, "ports");
    ready = json_array(item, "addresses");
    not_ready = json_array(item, "notReadyAddresses");
    out->ports = decode_ports(d, &ports, &out->n_ports);
    out->ready = decode_addresses(d, &ready, &out->n_ready);
    out->not_ready = decode_addresses(d, &not_ready, &out->n_not_ready);
    return true;
}

void decode_endpoints(struct decode *d, const struct json_at *root, struct objmeta *o)
{
    struct endpoints *out = (struct endpoints *)(void *)o;
    struct json_at list = json_array(root, "subsets"), item = {0};
    struct endpoints_subset *subsets;

    if (list.wrong) {
        d->refused = true;
        return;
    }
    subsets = decode_calloc(d, json_count(&list), sizeof(*subsets));
    while (subsets != NULL && json_next(&list, &item)) {
        out->n_subsets += decode_subset(d, &item, &subsets[out->n_subsets]);
    }
    out->subsets = subsets;
}
