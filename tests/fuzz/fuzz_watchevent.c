/*
 * Whatever the bytes: an event that holds to its contract, or none; and as the body of an answer, a
 * status with a code, a reason and a message that ends.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "kube/kubestatus.h"
#include "kube/resourceversion.h"
#include "kube/watchevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_status(const struct kubestatus *s)
{
    ASSERT(s->code >= 100 && s->code <= 599);
    ASSERT(memchr(s->message, '\0', sizeof(s->message)) != NULL);
    ASSERT(memchr(s->reason, '\0', sizeof(s->reason)) != NULL && s->reason[0] != '\0');
    ASSERT(s->has_retry_after || s->retry_after_s == 0);
}

static void check_event(const struct watchevent *e)
{
    enum resourceversion_order order;

    ASSERT(e->tree != NULL && e->type <= WATCH_UNKNOWN);
    ASSERT(e->object != NULL || e->type == WATCH_UNKNOWN);
    ASSERT(e->object == NULL || cJSON_IsObject(e->object));
    ASSERT(strlen(e->resource_version) < RESOURCEVERSION_MAX);
    if (e->type == WATCH_ERROR) {
        ASSERT(e->resource_version[0] == '\0');
        check_status(&e->status);
    }
    order = resourceversion_compare(e->resource_version, "18446744073709551616");
    switch (resourceversion_compare("18446744073709551616", e->resource_version)) {
    case RV_OLDER:
        ASSERT(order == RV_NEWER);
        break;
    case RV_NEWER:
        ASSERT(order == RV_OLDER);
        break;
    case RV_SAME:
    case RV_UNKNOWN:
        ASSERT(order == RV_SAME || order == RV_UNKNOWN);
        break;
    }
    (void)watchevent_is_kind(e->object, "v1", "Service");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watchevent e;
    struct kubestatus s;
    int rc = watchevent_parse(&e, (const char *)data, size);

    ASSERT(rc == 0 || rc == -EBADMSG);
    if (rc == 0) {
        check_event(&e);
        watchevent_fini(&e);
    }
    kubestatus_from_answer(&s, 504, "application/json", data, size);
    check_status(&s);
    ASSERT(s.code == 504);
    kubestatus_from_answer(&s, 410, "text/html", data, size);
    check_status(&s);
    ASSERT(!s.too_large_version && !s.has_retry_after);
    return 0;
}
