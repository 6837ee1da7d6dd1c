#include "controller/objstatus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/netaddr.h"

static bool same_ip(const char *a, const char *b)
{
    struct netaddr x, y;

    if (strcmp(a, b) == 0) {
        return true;
    }
    return netaddr_parse_ip(a, 0, &x) == 0 && netaddr_parse_ip(b, 0, &y) == 0 &&
           netaddr_same_ip(&x, &y);
}

bool objstatus_same(const struct object_address *a, const struct object_address *b)
{
    return strcmp(a->hostname, b->hostname) == 0 && same_ip(a->ip, b->ip);
}

/* Hostnames, then IPs: each as texts. */
static int compare(const struct object_address *a, const struct object_address *b)
{
    int order = strcmp(a->hostname, b->hostname);

    if ((a->hostname[0] == '\0') != (b->hostname[0] == '\0')) {
        return a->hostname[0] == '\0' ? 1 : -1;
    }
    return order != 0 ? order : strcmp(a->ip, b->ip);
}

static bool holds(const struct objstatus_list *list, const struct object_address *a)
{
    for (size_t i = 0; i < list->n; i++) {
        if (objstatus_same(&list->items[i], a)) {
            return true;
        }
    }
    return false;
}

void objstatus_add(struct objstatus_list *list, const char *ip, const char *hostname)
{
    const struct object_address a = {.ip = ip, .hostname = hostname, .more = ""};
    size_t at = list->n;

    if ((ip[0] == '\0' && hostname[0] == '\0') || list->n == OBJSTATUS_ADDRESSES ||
        holds(list, &a)) {
        return;
    }
    for (; at > 0 && compare(&list->items[at - 1], &a) > 0; at--) {
        list->items[at] = list->items[at - 1];
    }
    list->items[at] = a;
    list->n++;
}

/* What may be either: an API server takes no IP for a hostname. */
static void add_any(struct objstatus_list *out, const char *text)
{
    struct netaddr ignored;
    bool is_ip = netaddr_parse_ip(text, 0, &ignored) == 0;

    objstatus_add(out, is_ip ? text : "", is_ip ? "" : text);
}

static void add_external_ips(const struct service *s, struct objstatus_list *out)
{
    for (size_t i = 0; i < s->n_external_ips; i++) {
        objstatus_add(out, s->external_ips[i], "");
    }
}

static void add_cluster_ips(const struct service *s, struct objstatus_list *out)
{
    for (size_t i = 0; i < s->n_cluster_ips; i++) {
        objstatus_add(out, s->cluster_ip_texts[i], "");
    }
}

static void add_balancer(const struct service *s, struct objstatus_list *out)
{
    for (size_t i = 0; i < s->n_addresses; i++) {
        objstatus_add(out, s->addresses[i].ip, s->addresses[i].hostname);
    }
}

void objstatus_of_service(const struct service *s, struct objstatus_list *out)
{
    out->n = 0;
    switch (s->type) {
    case SERVICE_EXTERNAL_NAME:
        add_any(out, s->external_name);
        break;
    case SERVICE_LOAD_BALANCER:
        add_balancer(s, out);
        add_external_ips(s, out);
        break;
    case SERVICE_NODE_PORT:
        add_external_ips(s, out);
        if (out->n == 0) {
            add_cluster_ips(s, out);
        }
        break;
    case SERVICE_CLUSTER_IP:
        add_cluster_ips(s, out);
        break;
    }
}

void objstatus_of_options(const char *const *addresses, size_t n, struct objstatus_list *out)
{
    out->n = 0;
    for (size_t i = 0; i < n; i++) {
        add_any(out, addresses[i]);
    }
}

/* Others' entries, as long as there is room for them: `has` has no more than a list holds. */
static void keep_others(const struct ingress *has, const struct objstatus_list *want,
                        const struct objstatus_list *before, struct objstatus_list *out)
{
    out->n = 0;
    for (size_t i = 0; i < has->n_addresses && out->n < OBJSTATUS_ADDRESSES; i++) {
        const struct object_address *a = &has->addresses[i];

        if (!holds(want, a) && !holds(before, a)) {
            out->items[out->n++] = *a;
        }
    }
}

/* The entry that stands there for a wanted one: somebody may have added to it. */
static const struct object_address *standing(const struct ingress *has,
                                             const struct object_address *wanted)
{
    for (size_t i = 0; i < has->n_addresses; i++) {
        if (objstatus_same(&has->addresses[i], wanted)) {
            return &has->addresses[i];
        }
    }
    return NULL;
}

bool objstatus_merge(const struct ingress *has, const struct objstatus_list *want,
                     const struct objstatus_list *before, struct objstatus_list *out)
{
    bool differs = false;

    keep_others(has, want, before, out);
    for (size_t i = 0; i < want->n && out->n < OBJSTATUS_ADDRESSES; i++) {
        const struct object_address *stands = standing(has, &want->items[i]);

        differs = differs || !stands;
        out->items[out->n++] = stands ? *stands : want->items[i];
    }
    /* All of `out` stands there, unless one of `want` does not; and nothing but it, if they are as
     * many. */
    return !has->addresses_cut && (differs || out->n != has->n_addresses);
}

static cJSON *entry_of(const struct object_address *a)
{
    cJSON *entry;

    if (a->more[0] != '\0') {
        return cJSON_CreateRaw(a->more);
    }
    entry = cJSON_CreateObject();
    if ((a->ip[0] != '\0' && !cJSON_AddStringToObject(entry, "ip", a->ip)) ||
        (a->hostname[0] != '\0' && !cJSON_AddStringToObject(entry, "hostname", a->hostname))) {
        cJSON_Delete(entry);
        return NULL;
    }
    return entry;
}

/* A list without entries is null: a merge patch takes the field away. */
static int add_entries(cJSON *balancer, const struct objstatus_list *list)
{
    cJSON *entries = list->n > 0 ? cJSON_AddArrayToObject(balancer, "ingress")
                                 : cJSON_AddNullToObject(balancer, "ingress");

    if (!entries) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < list->n; i++) {
        cJSON *entry = entry_of(&list->items[i]);

        if (!entry) {
            return -ENOMEM;
        }
        (void)cJSON_AddItemToArray(entries, entry); /* cannot fail: both are there */
    }
    return 0;
}

static int build(cJSON *root, const char *resource_version, const struct objstatus_list *list)
{
    cJSON *metadata = cJSON_AddObjectToObject(root, "metadata");
    cJSON *status = cJSON_AddObjectToObject(root, "status");
    cJSON *balancer = cJSON_AddObjectToObject(status, "loadBalancer");

    if (!metadata || !cJSON_AddStringToObject(metadata, "resourceVersion", resource_version) ||
        !balancer) {
        return -ENOMEM;
    }
    return add_entries(balancer, list);
}

int objstatus_patch(struct buf *b, const char *resource_version, const struct objstatus_list *list)
{
    cJSON *root = cJSON_CreateObject();
    char *text = NULL;
    int rc = build(root, resource_version, list);

    if (rc == 0) {
        text = cJSON_PrintUnformatted(root);
        rc = text ? buf_append(b, text, strlen(text)) : -ENOMEM;
    }
    cJSON_free(text);
    cJSON_Delete(root);
    return rc;
}
