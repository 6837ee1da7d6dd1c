/* The addresses of Ingresses and Services. */
#include <string.h>

#include "base/limits.h"
#include "decode_priv.h"

#define HOST_MAX 253u /* RFC 1035 2.3.4, as text without the last dot */

/* The text of a field; "" when there is none. */
static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

    return text != NULL ? text : "";
}

static const cJSON *entries_of(const struct json_at *root)
{
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(root->node, "status");
    const cJSON *balancer = cJSON_GetObjectItemCaseSensitive(status, "loadBalancer");

    return cJSON_GetObjectItemCaseSensitive(balancer, "ingress");
}

static bool says_more(const cJSON *entry)
{
    const cJSON *field;

    cJSON_ArrayForEach(field, entry)
    {
        if (strcmp(field->string, "ip") != 0 && strcmp(field->string, "hostname") != 0 &&
            !cJSON_IsNull(field)) {
            return true;
        }
    }
    return false;
}

/* The whole entry as JSON; "" when that is too long. */
static const char *keep_json(struct decode *d, const cJSON *entry)
{
    char *json = cJSON_PrintUnformatted(entry);
    const char *kept = "";

    if (json == NULL) {
        d->out_of_memory = true;
    } else if (strlen(json) < LIMIT_STATUS_ENTRY_BYTES) {
        kept = decode_keep(d, json);
    }
    cJSON_free(json);
    return kept;
}

/* Whether there is an address in the entry, and it is kept. */
static bool keep_address(struct decode *d, const cJSON *entry, struct object_address *out)
{
    const char *ip = text_of(entry, "ip"), *hostname = text_of(entry, "hostname");

    if (!cJSON_IsObject(entry) || (ip[0] == '\0' && hostname[0] == '\0') || strlen(ip) > HOST_MAX ||
        strlen(hostname) > HOST_MAX) {
        return false;
    }
    *out = (struct object_address){decode_keep(d, ip), decode_keep(d, hostname), ""};
    return true;
}

/* Whether the entry is kept as a whole. */
static bool keep_entry(struct decode *d, const cJSON *entry, struct object_address *out)
{
    if (!keep_address(d, entry, out)) {
        return false;
    }
    if (!says_more(entry)) {
        return true;
    }
    out->more = keep_json(d, entry);
    return out->more[0] != '\0';
}

void decode_status_ingress(struct decode *d, const struct json_at *root, struct ingress *out)
{
    const cJSON *list = entries_of(root), *entry = NULL;
    size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    struct object_address *kept;

    out->addresses_cut =
        n > LIMIT_STATUS_ADDRESSES || (list != NULL && !cJSON_IsNull(list) && !cJSON_IsArray(list));
    n = n < LIMIT_STATUS_ADDRESSES ? n : LIMIT_STATUS_ADDRESSES;
    kept = decode_calloc(d, n, sizeof(*kept));
    if (kept == NULL) {
        return;
    }
    cJSON_ArrayForEach(entry, list)
    {
        if (out->n_addresses == n) {
            break;
        }
        if (keep_entry(d, entry, &kept[out->n_addresses])) {
            out->n_addresses++;
        } else {
            out->addresses_cut = true;
        }
    }
    out->addresses = kept;
}

static void keep_balancer(struct decode *d, const cJSON *list, struct service *out)
{
    size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    struct object_address *kept;
    const cJSON *entry = NULL;

    n = n < LIMIT_STATUS_ADDRESSES ? n : LIMIT_STATUS_ADDRESSES;
    kept = decode_calloc(d, n, sizeof(*kept));
    if (kept == NULL) {
        return;
    }
    cJSON_ArrayForEach(entry, list)
    {
        if (out->n_addresses == n) {
            break;
        }
        out->n_addresses += keep_address(d, entry, &kept[out->n_addresses]);
    }
    out->addresses = kept;
}

static void keep_external_ips(struct decode *d, const cJSON *list, struct service *out)
{
    size_t n = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    struct netaddr ignored;
    const cJSON *item = NULL;
    const char **kept;

    n = n < LIMIT_STATUS_ADDRESSES ? n : LIMIT_STATUS_ADDRESSES;
    kept = decode_calloc(d, n, sizeof(*kept));
    if (kept == NULL) {
        return;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (out->n_external_ips == n) {
            break;
        }
        if (cJSON_IsString(item) && netaddr_parse_ip(item->valuestring, 0, &ignored) == 0) {
            kept[out->n_external_ips++] = decode_keep(d, item->valuestring);
        }
    }
    out->external_ips = kept;
}

void decode_status_service(struct decode *d, const struct json_at *root, struct service *out)
{
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(root->node, "spec");
    const char *name = text_of(spec, "externalName");
    char text[NETADDR_TEXT_MAX];

    for (size_t i = 0; i < ARRAY_LEN(out->cluster_ip_texts); i++) {
        out->cluster_ip_texts[i] =
            i < out->n_cluster_ips ? decode_keep(d, netaddr_format_ip(&out->cluster_ips[i], text))
                                   : "";
    }
    out->external_name = decode_keep(d, strlen(name) <= HOST_MAX ? name : "");
    keep_external_ips(d, cJSON_GetObjectItemCaseSensitive(spec, "externalIPs"), out);
    keep_balancer(d, entries_of(root), out);
}
