#include "kubewatchlog_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/log.h"

#define MESSAGE_MAX 512
#define WHERE_MAX   96 /* a namespace has at most 63 characters */

/* What is told apart besides the causes of a kubestatus; each is doubled for the verb. */
enum { KEY_ERRNO = 1000 };

static const char *verb_word(enum kubewatchlog_verb verb)
{
    return verb == KUBEWATCHLOG_LIST ? "list" : "watch";
}

/* Words of the server go to a page of plain text. */
static void set_trouble(struct kubewatchlog *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void set_trouble(struct kubewatchlog *l, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(l->trouble, sizeof(l->trouble), fmt, args);
    va_end(args);
    for (char *c = l->trouble; *c; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
}

static const char *where(const struct kubewatchlog *l, char text[WHERE_MAX])
{
    snprintf(text, WHERE_MAX, "%s%s", l->ns ? "in namespace " : "in all namespaces",
             l->ns ? l->ns : "");
    return text;
}

/* The group is what stands before the version; the core group has none. */
static int group_len(const struct kuberesource *resource)
{
    const char *slash = strchr(resource->api_version, '/');

    return slash ? (int)(slash - resource->api_version) : 0;
}

/* Whether a failure of this sort is due to be told; if so, it is taken as told.  One that is no
 * failure but a remark is due once, until the watch works. */
static bool is_due(struct kubewatchlog *l, uint64_t key, bool is_remark, uint64_t now_ms)
{
    struct kubewatchlog_said *oldest = &l->said[0];

    for (size_t i = 0; i < ARRAY_LEN(l->said); i++) {
        struct kubewatchlog_said *s = &l->said[i];

        if (s->key == key) {
            if (is_remark || now_ms - s->at_ms < KUBEWATCHLOG_EVERY_MS) {
                return false;
            }
            oldest = s;
            break;
        }
        if (s->key == 0 || (oldest->key != 0 && s->at_ms < oldest->at_ms)) {
            oldest = s;
        }
    }
    *oldest = (struct kubewatchlog_said){.key = key, .at_ms = now_ms};
    return true;
}

static void say(struct kubewatchlog *l, enum log_level level, const char *message,
                const struct kubestatus *why)
{
    struct log_line line;

    l->failed = true;
    if (!log_enabled(level)) {
        return;
    }
    log_line_begin(&line, level, message);
    if (why && why->message[0] != '\0') {
        log_line_str(&line, why->code == 0 ? "cause" : "answer", why->message);
    }
    log_line_send(&line);
}

/* How to mend what the server said, as far as its code tells; "" otherwise. */
static void put_remedy(const struct kubewatchlog *l, int code, char *text, size_t room)
{
    const struct kuberesource *r = l->resource;
    int group = group_len(r);

    text[0] = '\0';
    if (code == 401) {
        snprintf(text, room, "; the credentials are not accepted: they are read again and tried");
    } else if (code == 403) {
        snprintf(text, room,
                 "; grant the verbs list and watch on %s in %s%.*s to this service account or user"
                 " by a %s",
                 r->plural, group ? "API group " : "the core API group", group, r->api_version,
                 l->ns ? "Role in that namespace" : "ClusterRole and a ClusterRoleBinding");
    } else if (code == 404) {
        snprintf(text, room, "; the API server does not offer %s in %s", r->plural, r->api_version);
    }
}

static bool is_remark(const struct kubewatchlog *l, const struct kubestatus *why)
{
    return l->is_optional && (why->code == 403 || why->code == 404);
}

static void say_refused(struct kubewatchlog *l, enum kubewatchlog_verb verb,
                        const struct kubestatus *why)
{
    char message[MESSAGE_MAX], remedy[MESSAGE_MAX / 2], at[WHERE_MAX];
    const struct kuberesource *r = l->resource;
    int group = group_len(r);

    if (why->code == 0) {
        snprintf(message, sizeof(message), "cannot %s %s %s: no answer from the API server",
                 verb_word(verb), r->plural, where(l, at));
    } else {
        put_remedy(l, why->code, remedy, sizeof(remedy));
        snprintf(message, sizeof(message), "cannot %s %s%s%.*s %s: %d %s%s%s", verb_word(verb),
                 r->plural, group ? "." : "", group, r->api_version, where(l, at), why->code,
                 why->reason, remedy,
                 is_remark(l, why) ? "; not needed, so all goes on without it" : "");
    }
    say(l, is_remark(l, why) ? LOG_INFO : LOG_WARN, message, why);
}

/* ---- the server's failures ------------------------------------------------------------------ */

/* That it is not yet as far as what was seen is its word on a version, as 410 is. */
static bool is_of_server(const struct kubewatchlog *l, const struct kubestatus *why)
{
    return l->server.failed && !why->too_large_version &&
           (why->code == 0 || why->code == 401 || why->code == 429 || why->code >= 500);
}

static void fail_server(struct kubewatchlog *l, enum kubewatchlog_verb verb,
                        const struct kubestatus *why)
{
    char request[WHERE_MAX * 2], at[WHERE_MAX];
    const struct kubewatch_failure failure = {
        .request = request, .why = why, .again = l->is_cut_off};

    snprintf(request, sizeof(request), "%s %s %s", verb_word(verb), l->resource->plural,
             where(l, at));
    log_debug("cannot %s: %d %s: %s", request, why->code, why->reason, why->message);
    l->is_cut_off = true;
    l->server.failed(l->server.ctx, &failure);
}

static void hear_server(struct kubewatchlog *l)
{
    if (l->is_cut_off) {
        l->is_cut_off = false;
        l->server.answers(l->server.ctx);
    }
}

/* ---- what happens --------------------------------------------------------------------------- */

void kubewatchlog_refused(struct kubewatchlog *l, enum kubewatchlog_verb verb,
                          const struct kubestatus *why, uint64_t now_ms)
{
    if (why->code == 410) {
        hear_server(l);
        return;
    }
    if (why->code == 0) {
        set_trouble(l, "%s: no answer: %s", verb_word(verb), why->message);
    } else {
        set_trouble(l, "%s: %d %s", verb_word(verb), why->code, why->reason);
    }
    if (is_of_server(l, why)) {
        fail_server(l, verb, why);
        return;
    }
    hear_server(l);
    if (is_due(l, (uint64_t)kubestatus_cause(why) * 2 + verb, is_remark(l, why), now_ms)) {
        say_refused(l, verb, why);
    }
}

static const char *why_spoilt(int rc)
{
    switch (rc) {
    case -EBADMSG:
        return "the answer is not what it should be, or cut off";
    case -EMSGSIZE:
        return "an object is too large";
    case -EAGAIN:
        return "the list is older than what was seen";
    case -ENOMEM:
        return "out of memory";
    default:
        return strerror(-rc);
    }
}

void kubewatchlog_spoilt(struct kubewatchlog *l, enum kubewatchlog_verb verb, int rc,
                         uint64_t now_ms)
{
    char message[MESSAGE_MAX], at[WHERE_MAX];

    if (rc != -ENOMEM) {
        hear_server(l);
    }
    set_trouble(l, "%s: %s", verb_word(verb), why_spoilt(rc));
    if (is_due(l, (uint64_t)(KEY_ERRNO - rc) * 2 + verb, false, now_ms)) {
        snprintf(message, sizeof(message), "cannot use the %s of %s %s: %s; what is known is kept",
                 verb_word(verb), l->resource->plural, where(l, at), why_spoilt(rc));
        say(l, LOG_WARN, message, NULL);
    }
}

void kubewatchlog_dead(struct kubewatchlog *l, uint64_t now_ms)
{
    struct kubestatus why;

    kubestatus_unreachable(&why, "a watch was silent, and a request beside it was not answered");
    kubewatchlog_refused(l, KUBEWATCHLOG_WATCH, &why, now_ms);
}

void kubewatchlog_listed(struct kubewatchlog *l, const struct kubewatchlog_list *list)
{
    const char *plural = l->resource->plural;
    char at[WHERE_MAX];

    hear_server(l);
    (void)where(l, at);
    if (list->items == 0 && list->differ > 0) {
        log_warn("the list of %s %s is empty: all %" PRIu64 " that were known are gone", plural, at,
                 list->differ);
    } else if (list->cause == REFLECTOR_PERIODIC && list->differ > 0) {
        log_warn("of %s %s, %" PRIu64 " differ from what the watch told, found by a periodic list",
                 plural, at, list->differ);
    }
    if (list->skipped > 0) {
        log_warn("%" PRIu64 " items in the list of %s %s are no %s in %s: passed over",
                 list->skipped, plural, at, l->resource->kind, l->resource->api_version);
    }
    if (list->is_first) {
        log_debug("%" PRIu64 " %s %s are known", list->items, plural, at);
    } else {
        log_info("listed %s %s anew (%s): %" PRIu64 " objects, %" PRIu64 " changes", plural, at,
                 reflector_cause_word(list->cause), list->items, list->differ);
    }
}

void kubewatchlog_works(struct kubewatchlog *l)
{
    char at[WHERE_MAX];

    l->trouble[0] = '\0';
    hear_server(l);
    if (l->failed) {
        l->failed = false;
        if (l->is_optional) {
            memset(l->said, 0, sizeof(l->said));
        }
        log_info("watching %s %s works again", l->resource->plural, where(l, at));
    }
}

const char *kubewatchlog_trouble(const struct kubewatchlog *l)
{
    return l->trouble;
}
