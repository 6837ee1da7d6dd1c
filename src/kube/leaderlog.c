#include "leaderlog_priv.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/log.h"

#define MESSAGE_MAX 768 /* names of namespace and Lease have at most 63 and 253 characters */

enum { SORT_NO_ANSWER, SORT_CREDENTIALS, SORT_GET, SORT_PATCH, SORT_MISSING, SORT_OTHER };

void leaderlog_init(struct leaderlog *l, const char *ns, const char *name)
{
    *l = (struct leaderlog){.ns = ns, .name = name};
}

static unsigned sort_of(int code, enum leaderlog_verb verb)
{
    switch (code) {
    case 0:
        return SORT_NO_ANSWER;
    case 401:
        return SORT_CREDENTIALS;
    case 403:
        return verb == LEADERLOG_GET ? SORT_GET : SORT_PATCH;
    case 404:
        return SORT_MISSING;
    default:
        return SORT_OTHER;
    }
}

/* If so, it is taken as told. */
static bool is_due(struct leaderlog *l, unsigned sort, uint64_t now_ms)
{
    struct leaderlog_said *said = &l->said[sort];

    if (said->ever && now_ms - said->at_ms < LEADERLOG_EVERY_MS) {
        return false;
    }
    *said = (struct leaderlog_said){.ever = true, .at_ms = now_ms};
    return true;
}

static void put_message(const struct leaderlog *l, enum leaderlog_verb verb,
                        const struct kubestatus *why, char text[MESSAGE_MAX])
{
    const char *word = verb == LEADERLOG_GET ? "get" : "patch";
    int n =
        snprintf(text, MESSAGE_MAX, "cannot %s the Lease %s/%s, without which nobody leads: ", word,
                 l->ns, l->name);
    size_t room = MESSAGE_MAX - (size_t)n;

    text += n;
    switch (sort_of(why->code, verb)) {
    case SORT_NO_ANSWER:
        (void)snprintf(text, room, "no answer from the API server");
        break;
    case SORT_CREDENTIALS:
        (void)snprintf(text, room,
                       "401 %s; the credentials are not accepted: they are read again and tried",
                       why->reason);
        break;
    case SORT_GET:
    case SORT_PATCH:
        (void)snprintf(text, room,
                       "403 %s; grant the verbs get and patch on leases in API group"
                       " coordination.k8s.io, of this name, to this service account or user by a"
                       " Role in that namespace",
                       why->reason);
        break;
    case SORT_MISSING:
        (void)snprintf(text, room,
                       "404 %s; it is not made by itself: create an empty Lease"
                       " (coordination.k8s.io/v1) of this name in that namespace, as the Helm"
                       " chart does",
                       why->reason);
        break;
    default:
        (void)snprintf(text, room, "%d %s", why->code, why->reason);
        break;
    }
}

void leaderlog_refused(struct leaderlog *l, enum leaderlog_verb verb, const struct kubestatus *why,
                       uint64_t now_ms)
{
    char message[MESSAGE_MAX];
    struct log_line line;

    if (why->code == 409) {
        return;
    }
    (void)snprintf(l->trouble, sizeof(l->trouble), "%d %s: %.80s", why->code, why->reason,
                   why->message);
    if (!is_due(l, sort_of(why->code, verb), now_ms)) {
        return;
    }
    l->failed = true;
    if (log_enabled(LOG_WARN)) {
        put_message(l, verb, why, message);
        log_line_begin(&line, LOG_WARN, message);
        log_line_str(&line, why->code == 0 ? "cause" : "answer", why->message);
        log_line_send(&line);
    }
}

void leaderlog_works(struct leaderlog *l)
{
    l->trouble[0] = '\0';
    if (l->failed) {
        l->failed = false;
        log_info("the Lease %s/%s can be used again", l->ns, l->name);
    }
}

/* One line with what belongs to it; NULL: nothing does. */
static void say(enum log_level level, const char *message, const char *key, const char *value)
{
    struct log_line line;

    if (log_enabled(level)) {
        log_line_begin(&line, level, message);
        if (key) {
            log_line_str(&line, key, value);
        }
        log_line_send(&line);
    }
}

void leaderlog_leads(const struct leaderlog *l, const char *identity)
{
    char message[MESSAGE_MAX];

    (void)snprintf(message, sizeof(message), "leading: the Lease %s/%s is held", l->ns, l->name);
    say(LOG_INFO, message, "identity", identity);
}

void leaderlog_lost(const struct leaderlog *l, enum leaderlog_why why, const char *holder)
{
    char message[MESSAGE_MAX];
    int n =
        snprintf(message, sizeof(message), "no longer leading: the Lease %s/%s ", l->ns, l->name);
    size_t room = sizeof(message) - (size_t)n;

    switch (why) {
    case LEADERLOG_RELEASED:
        (void)snprintf(message + n, room, "is given back");
        say(LOG_INFO, message, NULL, NULL);
        break;
    case LEADERLOG_MISSING:
        (void)snprintf(message + n, room, "is gone");
        say(LOG_WARN, message, NULL, NULL);
        break;
    case LEADERLOG_TAKEN:
        (void)snprintf(message + n, room, "was taken away");
        say(LOG_WARN, message, "holder", holder);
        break;
    case LEADERLOG_LATE:
        (void)snprintf(message + n, room, "could not be renewed in time");
        say(LOG_WARN, message, "cause", l->trouble);
        break;
    }
}
