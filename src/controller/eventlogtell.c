#include "eventlogtell_priv.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "controller/eventlog.h"
#include "kube/kubestatus.h"

#define MESSAGE_MAX 512u

static bool is_due(uint64_t *not_before_ms, uint64_t now_ms)
{
    if (now_ms < *not_before_ms) {
        return false;
    }
    *not_before_ms = now_ms + EVENTLOGTELL_EVERY_MS;
    return true;
}

static void say(const char *message, const struct kubestatus *why)
{
    struct log_line line;

    if (!log_enabled(LOG_WARN)) {
        return;
    }
    log_line_begin(&line, LOG_WARN, message);
    log_line_str(&line, why->code == 0 ? "cause" : "answer", why->message);
    log_line_send(&line);
}

void eventlogtell_failed(struct eventlogtell *t, const char *ns, const struct kubestatus *why,
                         uint64_t now_ms)
{
    const char *where = *ns ? ns : "default";
    char message[MESSAGE_MAX];

    if (why->code == 403 && strstr(why->message, "is being terminated")) {
        return; /* its namespace goes, and the object with it */
    }
    if (why->code == 403) {
        if (is_due(&t->forbidden_ms, now_ms)) {
            snprintf(message, sizeof(message),
                     "cannot write Events in namespace %s: 403 %s; grant the verbs create and "
                     "patch on events in API group events.k8s.io to this service account or user "
                     "by a ClusterRole and a ClusterRoleBinding, or a Role in that namespace",
                     where, why->reason);
            say(message, why);
        }
        return;
    }
    if (is_due(&t->failed_ms, now_ms)) {
        if (why->code == 0) {
            snprintf(message, sizeof(message),
                     "an Event in namespace %s is given up: no answer from the API server", where);
        } else {
            snprintf(message, sizeof(message), "an Event in namespace %s is given up: %d %s", where,
                     why->code, why->reason);
        }
        say(message, why);
    }
}

void eventlogtell_lost(struct eventlogtell *t, uint64_t n)
{
    t->lost += n;
}

void eventlogtell_turn(struct eventlogtell *t, uint64_t now_ms)
{
    if (t->lost == 0 || !is_due(&t->lost_ms, now_ms)) {
        return;
    }
    log_warn("%" PRIu64 " Events are lost: %u wait to be written and no more are kept; the log has "
             "what they say",
             t->lost, EVENTLOG_QUEUE);
    t->lost = 0;
}

uint64_t eventlogtell_due_ms(const struct eventlogtell *t)
{
    return t->lost > 0 ? t->lost_ms : UINT64_MAX;
}
