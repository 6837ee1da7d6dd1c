#include "leaserecord_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/jsonout.h"
#include "base/timetext.h"
#include "kube/kubejson.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* NULL when absent: as null, which the API takes for the same. */
static const cJSON *field(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNull(node) ? NULL : node;
}

static int read_text(const cJSON *object, const char *key, char *text, size_t room)
{
    const cJSON *node = field(object, key);

    text[0] = '\0';
    if (!node) {
        return 0;
    }
    if (!cJSON_IsString(node) || strlen(node->valuestring) >= room) {
        return -EBADMSG;
    }
    memcpy(text, node->valuestring, strlen(node->valuestring) + 1);
    return 0;
}

/* Whatever its length: a record with an identity we cannot hold is one to be waited for. */
static int read_holder(const cJSON *spec, struct lease_record *r)
{
    const cJSON *node = field(spec, "holderIdentity");

    if (node && !cJSON_IsString(node)) {
        return -EBADMSG;
    }
    (void)snprintf(r->holder, sizeof(r->holder), "%s", node ? node->valuestring : "");
    return 0;
}

/* Of the API's type int32; a server lets nothing below 0 pass. */
static int read_number(const cJSON *spec, const char *key, uint32_t *out)
{
    const cJSON *node = field(spec, key);
    double value = node ? node->valuedouble : 0;

    if (node && (!cJSON_IsNumber(node) || value < 0 || value > INT32_MAX)) {
        return -EBADMSG;
    }
    *out = (uint32_t)value;
    return 0;
}

static int read_spec(const cJSON *spec, struct lease_record *r)
{
    if (spec && !cJSON_IsObject(spec)) {
        return -EBADMSG;
    }
    if (read_holder(spec, r) || read_number(spec, "leaseDurationSeconds", &r->duration_s) ||
        read_number(spec, "leaseTransitions", &r->transitions) ||
        read_text(spec, "acquireTime", r->acquired, sizeof(r->acquired)) ||
        read_text(spec, "renewTime", r->renewed, sizeof(r->renewed))) {
        return -EBADMSG;
    }
    return 0;
}

static bool is_lease(const cJSON *lease)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(lease, "kind"));

    return kind && strcmp(kind, "Lease") == 0;
}

int leaserecord_parse(struct lease_record *r, const cJSON *lease)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(lease, "metadata");
    struct lease_record read = {.holder = ""};

    /* Without a version nothing could be written on condition of it. */
    if (!is_lease(lease) ||
        read_text(metadata, "resourceVersion", read.version, sizeof(read.version)) ||
        read.version[0] == '\0' || read_spec(field(lease, "spec"), &read)) {
        return -EBADMSG;
    }
    *r = read;
    return 0;
}

int leaserecord_read(struct lease_record *r, const void *bytes, size_t len)
{
    cJSON *tree;
    int rc = kubejson_parse(bytes, len, &tree);

    if (rc) {
        return rc;
    }
    rc = leaserecord_parse(r, tree);
    cJSON_Delete(tree);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

int leaserecord_print(const struct lease_record *r, struct buf *out)
{
    struct jsonout j;

    jsonout_init(&j, out, false);
    jsonout_object(&j, NULL);
    jsonout_object(&j, "metadata");
    jsonout_text(&j, "resourceVersion", r->version);
    jsonout_end(&j);
    jsonout_object(&j, "spec");
    jsonout_text(&j, "holderIdentity", r->holder);
    jsonout_uint(&j, "leaseDurationSeconds", r->duration_s);
    jsonout_text(&j, "acquireTime", r->acquired);
    jsonout_text(&j, "renewTime", r->renewed);
    jsonout_uint(&j, "leaseTransitions", r->transitions);
    jsonout_end(&j);
    jsonout_end(&j);
    return jsonout_finish(&j);
}

bool leaserecord_is_same(const struct lease_record *a, const struct lease_record *b)
{
    return a->duration_s == b->duration_s && a->transitions == b->transitions &&
           strcmp(a->holder, b->holder) == 0 && strcmp(a->acquired, b->acquired) == 0 &&
           strcmp(a->renewed, b->renewed) == 0;
}
