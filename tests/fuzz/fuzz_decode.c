/*
 * Whatever a manifest says: every object is decoded whole or refused with a verdict, names in it
 * are names, and the store takes it.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "manifest/yamldoc.h"
#include "model/annotation.h"
#include "model/decode.h"
#include "model/k8sname.h"
#include "model/store.h"
#include "model/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_backend(const struct ingress_backend *b)
{
    ASSERT(b->service != NULL && b->port_name != NULL);
    if (b->type == BACKEND_SERVICE) {
        ASSERT(k8sname_is_service(b->service));
        ASSERT((b->port_number == 0) == k8sname_is_port(b->port_name));
    }
}

static void check_addresses(const struct object_address *addresses, size_t n)
{
    ASSERT(n <= LIMIT_STATUS_ADDRESSES);
    for (size_t i = 0; i < n; i++) {
        ASSERT(addresses[i].ip[0] != '\0' || addresses[i].hostname[0] != '\0');
        ASSERT(strlen(addresses[i].more) < LIMIT_STATUS_ENTRY_BYTES);
    }
}

static void check_ingress(const struct ingress *i)
{
    check_backend(&i->default_backend);
    check_addresses(i->addresses, i->n_addresses);
    for (size_t r = 0; r < i->n_rules; r++) {
        const struct ingress_rule *rule = &i->rules[r];

        ASSERT(rule->host[0] == '\0' || k8sname_host_fault(rule->host) == NULL);
        ASSERT(rule->has_http || rule->n_paths == 0);
        for (size_t p = 0; p < rule->n_paths; p++) {
            ASSERT(rule->paths[p].path != NULL);
            check_backend(&rule->paths[p].backend);
        }
    }
}

static void check_ports(const struct slice_port *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ASSERT(ports[i].name[0] == '\0' || k8sname_is_label(ports[i].name));
    }
}

static void check_slice(const struct endpoint_slice *s)
{
    ASSERT(s->service != NULL);
    check_ports(s->ports, s->n_ports);
    for (size_t i = 0; i < s->n_endpoints; i++) {
        ASSERT(s->endpoints[i].ip.family != AF_UNSPEC && s->endpoints[i].ip.port == 0);
    }
}

static void check_object(struct objmeta *o, struct store *s)
{
    ASSERT(k8sname_is_subdomain(o->name));
    ASSERT(o->ns[0] == '\0' ? o->kind == OBJECT_INGRESS_CLASS : k8sname_is_label(o->ns));
    if (o->kind == OBJECT_INGRESS) {
        check_ingress((const struct ingress *)(const void *)o);
    } else if (o->kind == OBJECT_ENDPOINT_SLICE) {
        check_slice((const struct endpoint_slice *)(const void *)o);
    }
    ASSERT(store_put(s, o) == 0);
    ASSERT(store_find(s, o->kind, o->ns, o->name) == o);
}

static void decode_one(const cJSON *list, const cJSON *tree, const struct decode_source *src,
                       struct store *s)
{
    struct annotation_reading reading;
    struct objmeta *o = NULL;
    struct verdicts v;
    enum decode_result result;

    verdicts_init(&v);
    result =
        list != NULL ? decode_list_item(list, tree, src, &v, &o) : decode_object(tree, src, &v, &o);
    ASSERT(result != DECODE_NO_MEMORY);
    ASSERT((result == DECODE_OK) == (o != NULL));
    ASSERT(result != DECODE_REFUSED || v.errors > 0);
    ASSERT(v.n < 200);
    if (o != NULL) {
        check_object(o, s);
        annotation_read(o, &reading, &v);
    }
    for (size_t i = 0; i < v.n; i++) {
        ASSERT(strchr(v.items[i].message, '\n') == NULL && strchr(v.items[i].name, '\n') == NULL);
    }
    verdicts_fini(&v);
    object_unref(o);
}

static void decode_document(const cJSON *tree, const struct decode_source *src, struct store *s)
{
    const cJSON *items = decode_list_items(tree), *item;

    if (items == NULL) {
        decode_one(NULL, tree, src, s);
        return;
    }
    cJSON_ArrayForEach(item, items)
    {
        decode_one(tree, item, src, s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yamldoc_error e = {0};
    struct yamldoc *d = yamldoc_parse((const char *)data, size, &e);
    struct decode_source src = {"fuzz.yaml", yamldoc_line_of, d};
    struct store *s = store_new();

    for (size_t i = 0; d != NULL && s != NULL && i < yamldoc_count(d); i++) {
        decode_document(yamldoc_tree(d, i), &src, s);
    }
    store_free(s);
    yamldoc_free(d);
    return 0;
}
