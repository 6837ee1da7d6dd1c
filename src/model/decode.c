#include "model/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "decode_priv.h"
#include "kindname_priv.h"
#include "model/verdict.h"
#include "object_priv.h"

/* What one hostile object may say: past it a single verdict counts the rest. */
#define VERDICTS_PER_OBJECT 100u

#define NETWORKING_V1 "networking.k8s.io/v1"
#define DISCOVERY_V1  "discovery.k8s.io/v1"

static const struct kind {
    const char *name, *api_version;
    void (*decode)(struct decode *d, const struct json_at *root, struct objmeta *o);
} kinds[OBJECT_KINDS] = {
    [OBJECT_INGRESS] = {"Ingress", NETWORKING_V1, decode_ingress},
    [OBJECT_INGRESS_CLASS] = {"IngressClass", NETWORKING_V1, decode_ingressclass},
    [OBJECT_SERVICE] = {"Service", "v1", decode_service},
    [OBJECT_ENDPOINT_SLICE] = {"EndpointSlice", DISCOVERY_V1, decode_endpointslice},
    [OBJECT_ENDPOINTS] = {"Endpoints", "v1", decode_endpoints},
};

#define INGRESS_TODAY                                                                              \
    "write apiVersion: networking.k8s.io/v1, give each path a pathType, and write "                \
    "backend.service.name and backend.service.port.number for serviceName and servicePort"

static const struct {
    const char *api_version, *kind, *gone_in, *today;
} removed[] = {
    {"extensions/v1beta1", "Ingress", "1.22", INGRESS_TODAY},
    {"networking.k8s.io/v1beta1", "Ingress", "1.22", INGRESS_TODAY},
    {"networking.k8s.io/v1beta1", "IngressClass", "1.22",
     "write apiVersion: networking.k8s.io/v1; nothing else changes"},
    {"discovery.k8s.io/v1beta1", "EndpointSlice", "1.25",
     "write apiVersion: discovery.k8s.io/v1; the zone of an endpoint is its field zone, no longer "
     "in topology"},
};

static void add_verdict(struct decode *d, unsigned line, enum verdict_severity severity,
                        const char *reason, const char *message)
{
    if (!d->kind_known) {
        verdicts_add_at(d->v, d->src->file, line, severity, reason, "%s", message);
    } else {
        verdicts_add(d->v, &d->about, line, severity, reason, "%s", message);
    }
}

void decode_say(struct decode *d, const struct json_at *at, enum verdict_severity severity,
                const char *reason, const char *fmt, ...)
{
    unsigned line;
    char message[1100]; /* more than a verdict takes: it marks the cut */
    va_list args;

    if (d->said >= VERDICTS_PER_OBJECT) {
        d->unsaid++;
        d->worst_unsaid = severity > d->worst_unsaid ? severity : d->worst_unsaid;
        return;
    }
    d->said++;
    line = decode_line(d, at);
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    add_verdict(d, line != 0 ? line : d->about.line, severity, reason, message);
}

unsigned decode_line(const struct decode *d, const struct json_at *at)
{
    const cJSON *node = json_nearest(at);

    return d->src->line_of != NULL && node != NULL ? d->src->line_of(d->src->ctx, node) : 0;
}

const char *decode_keep(struct decode *d, const char *text)
{
    const char *copy = "";

    if (text != NULL && text[0] != '\0') {
        copy = arena_strdup(d->arena, text);
    }
    if (copy == NULL) {
        d->out_of_memory = true;
        return "";
    }
    return copy;
}

void *decode_calloc(struct decode *d, size_t count, size_t size)
{
    void *p = count > 0 ? arena_calloc(d->arena, count, size) : NULL;

    if (p == NULL && count > 0) {
        d->out_of_memory = true;
    }
    return p;
}

/* A value of the wrong type: the API server would refuse the object for it. */
static void on_complaint(void *ctx, const struct json_at *at, const char *must)
{
    static const char text[] = "must be a text";
    char path[JSON_PATH_MAX];

    if (strncmp(must, text, strlen(text)) == 0) {
        decode_text_complain(ctx, at, "InvalidField");
        return;
    }
    decode_say(ctx, at, VERDICT_ERROR, "InvalidField", "%s %s", json_path(at, path), must);
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : "";
}

/* Kinds of these names exist elsewhere, too (Knative, OpenShift): those groups are not judged. */
static bool is_our_group(const char *api_version)
{
    static const char *const groups[] = {"networking.k8s.io/", "discovery.k8s.io/", "extensions/",
                                         "apps/"};

    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (strncmp(api_version, groups[i], strlen(groups[i])) == 0) {
            return true;
        }
    }
    return strchr(api_version, '/') == NULL;
}

static int find_kind(const char *name)
{
    for (int i = 0; i < OBJECT_KINDS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

static void refuse_version(struct decode *d, const struct json_at *root, const struct kind *kind,
                           const char *api_version)
{
    struct json_at at = json_field(root, "apiVersion");
    char quoted[JSON_TEXT_MAX];

    for (size_t i = 0; i < ARRAY_LEN(removed); i++) {
        if (strcmp(api_version, removed[i].api_version) == 0 &&
            strcmp(kind->name, removed[i].kind) == 0) {
            decode_say(d, &at, VERDICT_ERROR, "ApiVersionRemoved",
                       "apiVersion %s of %s is gone since Kubernetes %s: %s", api_version,
                       kind->name, removed[i].gone_in, removed[i].today);
            return;
        }
    }
    decode_say(d, &at, VERDICT_ERROR, "ApiVersionUnknown",
               "no API server knows %s in apiVersion %s: write apiVersion: %s", kind->name,
               json_quote(api_version, quoted), kind->api_version);
}

static void refuse_kind(struct decode *d, const struct json_at *root, const char *meant)
{
    struct json_at at = json_field(root, "kind");
    char quoted[JSON_TEXT_MAX];

    decode_say(d, &at, VERDICT_ERROR, "KindUnknown",
               "no API server knows kind %s in apiVersion %s: write kind: %s",
               json_quote(text_of(root->node, "kind"), quoted), text_of(root->node, "apiVersion"),
               meant);
}

/* DECODE_OK when the tree is of one of our kinds, which d->about.kind then is. */
static enum decode_result recognise(struct decode *d, const struct json_at *root)
{
    const char *api_version = text_of(root->node, "apiVersion");
    const char *name = text_of(root->node, "kind");
    int kind = find_kind(name);

    if (api_version[0] == '\0' || name[0] == '\0') {
        decode_say(d, root, VERDICT_ERROR, "KindMissing",
                   "this is no Kubernetes object: it must say apiVersion and kind, both texts");
        return DECODE_REFUSED;
    }
    if (kind < 0 && kindname_meant(api_version, name) != NULL) {
        refuse_kind(d, root, kindname_meant(api_version, name));
        return DECODE_REFUSED;
    }
    if (kind < 0 || !is_our_group(api_version)) {
        return DECODE_NOT_OURS;
    }
    d->about.kind = (enum object_kind)kind;
    d->kind_known = true;
    if (strcmp(api_version, kinds[kind].api_version) != 0) {
        decode_meta_guess(d, root);
        refuse_version(d, root, &kinds[kind], api_version);
        return DECODE_REFUSED;
    }
    return DECODE_OK;
}

static void decode_init(struct decode *d, const struct decode_source *src, struct verdicts *v)
{
    *d = (struct decode){
        .src = src,
        .v = v,
        .reader = {on_complaint, d},
        .about = {.ns = "", .name = "", .uid = "", .resource_version = "", .file = src->file},
    };
}

/* Whatever could not be said singly, in one verdict as severe as the worst of it. */
static void say_unsaid(struct decode *d)
{
    char message[80];

    if (d->unsaid > 0) {
        (void)snprintf(message, sizeof(message), "%u more problems like these: mend these first",
                       d->unsaid);
        add_verdict(d, d->about.line, d->worst_unsaid, "MoreProblems", message);
    }
}

static struct objmeta *decode_body(struct decode *d, const struct json_at *root)
{
    struct objmeta *o = object_new(d->about.kind);

    if (o == NULL) {
        d->out_of_memory = true;
        return NULL;
    }
    d->arena = object_arena(o);
    decode_meta(d, root, o);
    kinds[o->kind].decode(d, root, o);
    if (d->src->file[0] != '\0') {
        /* An API server has dropped what it does not know: the rest is newer than this program. */
        decode_fields(d, root, o->kind);
    }
    return o;
}

static enum decode_result decode_known(struct decode *d, const struct json_at *root,
                                       struct objmeta **out)
{
    struct objmeta *o = NULL;

    decode_meta_identity(d, root);
    if (!d->refused) {
        o = decode_body(d, root);
    }
    say_unsaid(d);
    if (d->out_of_memory || d->refused) {
        object_unref(o);
        return d->out_of_memory ? DECODE_NO_MEMORY : DECODE_REFUSED;
    }
    *out = o;
    return DECODE_OK;
}

enum decode_result decode_object(const cJSON *tree, const struct decode_source *src,
                                 struct verdicts *v, struct objmeta **out)
{
    struct decode d;
    struct json_at root;
    enum decode_result result;

    decode_init(&d, src, v);
    d.about.line = src->line_of != NULL ? src->line_of(src->ctx, tree) : 0;
    if (!cJSON_IsObject(tree)) {
        verdicts_add_at(v, src->file, d.about.line, VERDICT_ERROR, "NotAnObject",
                        "this document is no mapping: a Kubernetes object begins with apiVersion, "
                        "kind and metadata");
        return DECODE_REFUSED;
    }
    root = json_root(&d.reader, tree);
    result = recognise(&d, &root);
    return result == DECODE_OK ? decode_known(&d, &root, out) : result;
}

/* "Ingress" for "IngressList"; -1 for anything but a list of one of our kinds. */
static int kind_of_list(const char *name)
{
    size_t len = strlen(name);
    char item[32];

    if (len < 4 || len - 4 >= sizeof(item) || strcmp(name + len - 4, "List") != 0) {
        return -1;
    }
    memcpy(item, name, len - 4);
    item[len - 4] = '\0';
    return find_kind(item);
}

const cJSON *decode_list_items(const cJSON *tree)
{
    const char *name = text_of(tree, "kind");
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(tree, "items");
    bool is_list = (strcmp(name, "List") == 0 && strcmp(text_of(tree, "apiVersion"), "v1") == 0) ||
                   kind_of_list(name) >= 0;

    return is_list && cJSON_IsArray(items) ? items : NULL;
}

/* One apiVersion and one kind, both known to be nobody's here; a key that is there twice is open.
 */
static bool is_foreign_object(const cJSON *tree)
{
    const char *api_version = text_of(tree, "apiVersion"), *kind = text_of(tree, "kind");
    unsigned told = 0;

    if (!cJSON_IsObject(tree)) {
        return false;
    }
    for (const cJSON *field = tree->child; field != NULL; field = field->next) {
        told += strcmp(field->string, "apiVersion") == 0 || strcmp(field->string, "kind") == 0;
    }
    return told == 2 && api_version[0] != '\0' && kind[0] != '\0' &&
           kindname_meant(api_version, kind) == NULL &&
           ((find_kind(kind) < 0 && kind_of_list(kind) < 0) || !is_our_group(api_version));
}

bool decode_is_foreign(const cJSON *tree)
{
    const cJSON *items = decode_list_items(tree);

    if (!is_foreign_object(tree)) {
        return false;
    }
    for (const cJSON *item = items != NULL ? items->child : NULL; item != NULL; item = item->next) {
        if (!is_foreign_object(item) || decode_list_items(item) != NULL) {
            return false;
        }
    }
    return items != NULL || strcmp(text_of(tree, "kind"), "List") != 0;
}

/* The kind that a list says for an item which says none itself; -1: it has to. */
static int kind_by_list(const cJSON *list, const cJSON *item)
{
    bool bare = cJSON_IsObject(item) && text_of(item, "kind")[0] == '\0' &&
                text_of(item, "apiVersion")[0] == '\0';

    return bare ? kind_of_list(text_of(list, "kind")) : -1;
}

bool decode_kind(const cJSON *list, const cJSON *tree, enum object_kind *out)
{
    int kind = kind_by_list(list, tree);

    if (kind < 0) {
        kind = find_kind(text_of(tree, "kind"));
    }
    if (kind < 0) {
        return false;
    }
    *out = (enum object_kind)kind;
    return true;
}

enum decode_result decode_list_item(const cJSON *list, const cJSON *item,
                                    const struct decode_source *src, struct verdicts *v,
                                    struct objmeta **out)
{
    int kind = kind_by_list(list, item);
    struct decode d;
    struct json_at root;

    if (kind < 0) {
        return decode_object(item, src, v, out);
    }
    decode_init(&d, src, v);
    d.about.line = src->line_of != NULL ? src->line_of(src->ctx, item) : 0;
    d.about.kind = (enum object_kind)kind;
    d.kind_known = true;
    root = json_root(&d.reader, item);
    if (strcmp(text_of(list, "apiVersion"), kinds[kind].api_version) != 0) {
        decode_meta_guess(&d, &root);
        refuse_version(&d, &root, &kinds[kind], text_of(list, "apiVersion"));
        return DECODE_REFUSED;
    }
    return decode_known(&d, &root, out);
}
