/**
 * watchevent - one object of a watch stream: what happened, and to what.
 */
#ifndef KUBE_WATCHEVENT_H
#define KUBE_WATCHEVENT_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "kube/kubestatus.h"

enum watchevent_type {
    WATCH_ADDED,
    WATCH_MODIFIED,
    WATCH_DELETED,
    WATCH_BOOKMARK,
    WATCH_ERROR,
    WATCH_UNKNOWN, /* a type this program does not know: to be counted and passed over */
};

struct watchevent {
    enum watchevent_type type;
    cJSON *tree;                  /* owned */
    const cJSON *object;          /* in it; NULL where there is none */
    const char *resource_version; /* metadata.resourceVersion in it; "" where absent, no text, or
                                     too long.  Always "" of an ERROR */
    struct kubestatus status;     /* of an ERROR */
};

/**
 * Parse a piece, all of it but for blanks around it.  Of keys that come twice the first counts.
 * Returns 0, -EBADMSG when it is no JSON object and nothing else, has no type, or lacks an object
 * where one is due (all but UNKNOWN), -ENOMEM.  On success watchevent_fini() is due.
 */
MUST_CHECK int watchevent_parse(struct watchevent *e, const char *text, size_t len);
void watchevent_fini(struct watchevent *e);

/** Whether an object says it is of that kind; one that says nothing is (items of a list do not). */
bool watchevent_is_kind(const cJSON *object, const char *api_version, const char *kind);

#endif
