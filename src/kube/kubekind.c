#include "kubekind_priv.h"

#include <errno.h>

#include "kube/kubewatch.h"
#include "kube/watchevent.h"

/* null and "" read as absent, but would be found first by whoever looks. */
static int put_text(cJSON *object, const char *key, const char *value)
{
    cJSON *there = cJSON_GetObjectItemCaseSensitive(object, key);

    if (cJSON_IsString(there) && there->valuestring[0] != '\0') {
        return 0;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    return cJSON_AddStringToObject(object, key, value) ? 0 : -ENOMEM;
}

static bool has_name(const cJSON *object)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(metadata, "name");

    return cJSON_IsString(name) && name->valuestring[0] != '\0';
}

int kubekind_admit(cJSON *object, const struct kuberesource *resource)
{
    int rc;

    if (!cJSON_IsObject(object) ||
        !watchevent_is_kind(object, resource->api_version, resource->kind) || !has_name(object)) {
        return 0;
    }
    rc = put_text(object, "apiVersion", resource->api_version);
    if (rc == 0) {
        rc = put_text(object, "kind", resource->kind);
    }
    return rc == 0 ? 1 : rc;
}
