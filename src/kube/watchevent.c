#include "kube/watchevent.h"

#include <errno.h>
#include <string.h>

#include "kube/kubejson.h"
#include "kube/resourceversion.h"

static const char *text_of(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static enum watchevent_type type_of(const char *word)
{
    static const char *const WORDS[] = {
        [WATCH_ADDED] = "ADDED",       [WATCH_MODIFIED] = "MODIFIED", [WATCH_DELETED] = "DELETED",
        [WATCH_BOOKMARK] = "BOOKMARK", [WATCH_ERROR] = "ERROR",
    };

    for (unsigned type = 0; type < ARRAY_LEN(WORDS); type++) {
        if (strcmp(word, WORDS[type]) == 0) {
            return (enum watchevent_type)type;
        }
    }
    return WATCH_UNKNOWN;
}

static const char *version_of(const cJSON *object)
{
    const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *version = text_of(metadata, "resourceVersion");

    return version != NULL && strlen(version) < RESOURCEVERSION_MAX ? version : "";
}

int watchevent_parse(struct watchevent *e, const char *text, size_t len)
{
    struct watchevent event = {.resource_version = ""};
    const cJSON *object;
    const char *type;
    int rc = kubejson_parse(text, len, &event.tree);

    if (rc < 0) {
        return rc;
    }
    type = text_of(event.tree, "type");
    object = cJSON_GetObjectItemCaseSensitive(event.tree, "object");
    event.object = cJSON_IsObject(object) ? object : NULL;
    event.type = type != NULL ? type_of(type) : WATCH_UNKNOWN;
    if (type == NULL || (event.object == NULL && event.type != WATCH_UNKNOWN)) {
        cJSON_Delete(event.tree);
        return -EBADMSG;
    }
    if (event.type == WATCH_ERROR) {
        kubestatus_from_json(&event.status, event.object);
    } else {
        event.resource_version = version_of(event.object);
    }
    *e = event;
    return 0;
}

void watchevent_fini(struct watchevent *e)
{
    cJSON_Delete(e->tree);
    *e = (struct watchevent){.type = WATCH_UNKNOWN, .resource_version = ""};
}

static bool says(const cJSON *object, const char *key, const char *want)
{
    const cJSON *said = cJSON_GetObjectItemCaseSensitive(object, key);

    if (said == NULL || cJSON_IsNull(said)) {
        return true;
    }
    return cJSON_IsString(said) &&
           (said->valuestring[0] == '\0' || strcmp(said->valuestring, want) == 0);
}

bool watchevent_is_kind(const cJSON *object, const char *api_version, const char *kind)
{
    return says(object, "apiVersion", api_version) && says(object, "kind", kind);
}
