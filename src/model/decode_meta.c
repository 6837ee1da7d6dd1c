/* metadata: who an object is, its age, its annotations. */
#include <string.h>
#include <time.h>

#include "decode_priv.h"
#include "model/k8sname.h"

/* kubectl's copy of the whole object: as large as the object, and nobody asks for it. */
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static bool is_name_of(enum object_kind kind, const char *name)
{
    return kind == OBJECT_SERVICE ? k8sname_is_service(name) : k8sname_is_subdomain(name);
}

static void refuse_nameless(struct decode *d, const struct json_at *metadata)
{
    struct json_at generate = json_field(metadata, "generateName");

    d->refused = true;
    if (generate.node != NULL) {
        decode_say(d, &generate, VERDICT_ERROR, "NameMissing",
                   "metadata.generateName alone names no object in a manifest: write "
                   "metadata.name");
    } else {
        decode_say(d, metadata, VERDICT_ERROR, "NameMissing", "metadata.name must be given");
    }
}

static void read_name(struct decode *d, const struct json_at *metadata)
{
    struct json_at at = json_field(metadata, "name");
    const char *name = json_string(&at);
    char quoted[JSON_TEXT_MAX];

    if (at.wrong) {
        d->refused = true;
    } else if (name == NULL || name[0] == '\0') {
        refuse_nameless(d, metadata);
    } else if (!is_name_of(d->about.kind, name)) {
        d->refused = true;
        decode_say(d, &at, VERDICT_ERROR, "InvalidName",
                   "metadata.name %s is no name: write %s of a-z, 0-9 and '-' that begin and end "
                   "with a letter or digit",
                   json_quote(name, quoted),
                   d->about.kind == OBJECT_SERVICE ? "up to 63 characters"
                                                   : "labels (joined by dots, 253 characters)");
    }
}

static void read_namespace(struct decode *d, const struct json_at *metadata)
{
    struct json_at at = json_field(metadata, "namespace");
    const char *ns;
    char quoted[JSON_TEXT_MAX];

    if (d->about.kind == OBJECT_INGRESS_CLASS) {
        return; /* cluster-scoped: the API server drops a namespace, too */
    }
    ns = json_string(&at);
    if (at.wrong) {
        d->refused = true;
    } else if (ns != NULL && ns[0] != '\0' && !k8sname_is_label(ns)) {
        d->refused = true;
        decode_say(d, &at, VERDICT_ERROR, "InvalidNamespace",
                   "metadata.namespace %s is no namespace: write up to 63 characters of a-z, 0-9 "
                   "and '-' that begin and end with a letter or digit",
                   json_quote(ns, quoted));
    }
}

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : "";
}

/* What is no name stays out of it: it may be any bytes, and verdicts are printed. */
void decode_meta_guess(struct decode *d, const struct json_at *root)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(root->node, "metadata");
    const char *ns = text_of(metadata, "namespace"), *name = text_of(metadata, "name");

    d->about.name = is_name_of(d->about.kind, name) ? name : "";
    if (d->about.kind != OBJECT_INGRESS_CLASS) {
        d->about.ns = k8sname_is_label(ns) ? ns : "default";
    }
    d->about.uid = text_of(metadata, "uid");
}

void decode_meta_identity(struct decode *d, const struct json_at *root)
{
    struct json_at metadata;

    decode_meta_guess(d, root);
    metadata = json_object(root, "metadata");
    if (metadata.wrong) {
        d->refused = true;
        return;
    }
    read_namespace(d, &metadata);
    read_name(d, &metadata);
}

const char *decode_meta_label(const struct json_at *root, const char *key)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(root->node, "metadata");
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(metadata, "labels");

    return text_of(labels, key);
}

/* `digits` decimal digits at *p, which moves behind them; -1 when there are none. */
static int number(const char **p, unsigned digits)
{
    int value = 0;

    for (; digits > 0; digits--, (*p)++) {
        if (**p < '0' || **p > '9') {
            return -1;
        }
        value = value * 10 + (**p - '0');
    }
    return value;
}

static bool skip(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

/* Each read stops at the terminator, so reading on behind a failure stays within the text. */
static bool read_clock(const char **p, struct tm *tm)
{
    tm->tm_year = number(p, 4) - 1900;
    if (tm->tm_year < -1900 || !skip(p, '-')) {
        return false;
    }
    tm->tm_mon = number(p, 2) - 1;
    if (tm->tm_mon < 0 || tm->tm_mon > 11 || !skip(p, '-')) {
        return false;
    }
    tm->tm_mday = number(p, 2);
    if (tm->tm_mday < 1 || tm->tm_mday > 31 || !skip(p, 'T')) {
        return false;
    }
    tm->tm_hour = number(p, 2);
    if (tm->tm_hour < 0 || tm->tm_hour > 23 || !skip(p, ':')) {
        return false;
    }
    tm->tm_min = number(p, 2);
    if (tm->tm_min < 0 || tm->tm_min > 59 || !skip(p, ':')) {
        return false;
    }
    tm->tm_sec = number(p, 2);
    return tm->tm_sec >= 0 && tm->tm_sec <= 59;
}

/* "Z" or "+01:00" at *p, in seconds. */
static bool read_zone(const char **p, int *out)
{
    int sign = **p == '-' ? -1 : 1, hours, minutes;

    if (skip(p, 'Z')) {
        *out = 0;
        return true;
    }
    if (!skip(p, '+') && !skip(p, '-')) {
        return false;
    }
    hours = number(p, 2);
    if (hours < 0 || hours > 23 || !skip(p, ':')) {
        return false;
    }
    minutes = number(p, 2);
    if (minutes < 0 || minutes > 59) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool decode_meta_time(const char *text, int64_t *out)
{
    struct tm tm = {0};
    int zone, mday;
    int64_t seconds;

    if (!read_clock(&text, &tm)) {
        return false;
    }
    if (skip(&text, '.')) {
        if (number(&text, 1) < 0) {
            return false;
        }
        text += strspn(text, "0123456789");
    }
    if (!read_zone(&text, &zone) || *text != '\0') {
        return false;
    }
    mday = tm.tm_mday;
    seconds = timegm(&tm);
    if (tm.tm_mday != mday) {
        return false; /* 30 February: timegm() moves it into March */
    }
    *out = seconds - zone;
    return true;
}

static int64_t read_created(struct decode *d, const struct json_at *metadata)
{
    struct json_at at = json_field(metadata, "creationTimestamp");
    const char *text = json_string(&at);
    char quoted[JSON_TEXT_MAX];
    int64_t seconds = INT64_MAX;

    if (text != NULL && !decode_meta_time(text, &seconds)) {
        decode_say(d, &at, VERDICT_ERROR, "InvalidField",
                   "metadata.creationTimestamp %s is no RFC 3339 time: leave it away, or write it "
                   "as 2006-01-02T15:04:05Z",
                   json_quote(text, quoted));
    }
    return seconds;
}

/* Whether a field of metadata.labels or metadata.annotations is a text under a valid key. */
static bool check_pair(struct decode *d, const struct json_at *at, const char *reason)
{
    char path[JSON_PATH_MAX];

    if (!cJSON_IsString(at->raw)) {
        decode_text_complain(d, at, reason);
        return false;
    }
    if (!k8sname_is_qualified(at->key)) {
        decode_say(d, at, VERDICT_ERROR, "InvalidKey",
                   "%s is no valid key: write [prefix/]name, the name of up to 63 letters, digits, "
                   "'-', '_' and '.'",
                   json_path(at, path));
        return false;
    }
    return true;
}

static void check_labels(struct decode *d, const struct json_at *metadata)
{
    struct json_at labels = json_object(metadata, "labels"), item = {0};

    while (json_next(&labels, &item)) {
        (void)check_pair(d, &item, "LabelNotString"); /* only the verdict matters here */
    }
}

static void read_annotations(struct decode *d, const struct json_at *metadata, struct objmeta *out)
{
    struct json_at list = json_object(metadata, "annotations"), item = {0};
    struct annotation *kept = NULL;
    size_t n = 0;

    if (out->kind != OBJECT_ENDPOINT_SLICE && out->kind != OBJECT_ENDPOINTS) {
        kept = decode_calloc(d, json_count(&list), sizeof(*kept));
    }
    while (json_next(&list, &item)) {
        if (!check_pair(d, &item, "AnnotationNotString") || kept == NULL ||
            strcmp(item.key, LAST_APPLIED) == 0) {
            continue;
        }
        kept[n++] = (struct annotation){
            .key = decode_keep(d, item.key),
            .value = decode_keep(d, item.node->valuestring),
            .line = decode_line(d, &item),
        };
    }
    out->annotations = kept;
    out->n_annotations = n;
}

static const char *keep_text(struct decode *d, const struct json_at *metadata, const char *key)
{
    struct json_at at = json_field(metadata, key);

    return decode_keep(d, json_string(&at));
}

void decode_meta(struct decode *d, const struct json_at *root, struct objmeta *out)
{
    struct json_at metadata = json_object(root, "metadata");

    out->ns = decode_keep(d, d->about.ns);
    out->name = decode_keep(d, d->about.name);
    out->uid = keep_text(d, &metadata, "uid");
    out->resource_version = keep_text(d, &metadata, "resourceVersion");
    out->created_s = read_created(d, &metadata);
    out->file = decode_keep(d, d->src->file);
    out->line = d->about.line;
    check_labels(d, &metadata);
    read_annotations(d, &metadata, out);
}
