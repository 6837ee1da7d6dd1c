#include "eventtext_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/jsonout.h"
#include "base/timetext.h"
#include "base/utf8.h"
#include "model/k8sname.h"

#define INSTANCE_MAX 128u /* of reportingInstance */
#define STAMP_CHARS  17u  /* a dot and 16 digits */
#define UNSAID_CHARS 32u  /* ". And 12345 more" and the like */

/* Where the API server wants an Event about an object without namespace. */
#define NS_OF_CLUSTER "default"

static const struct {
    const char *kind, *api_version;
} kinds[] = {
    {"Ingress", "networking.k8s.io/v1"},
    {"IngressClass", "networking.k8s.io/v1"},
    {"Service", "v1"},
    {"Endpoints", "v1"},
    {"EndpointSlice", "discovery.k8s.io/v1"},
};

static const char *api_version_of(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return kinds[i].api_version;
        }
    }
    return NULL;
}

bool eventtext_is_object(const char *kind, const char *ns, const char *name)
{
    return api_version_of(kind) && (*ns == '\0' || k8sname_is_label(ns)) &&
           k8sname_is_subdomain(name);
}

/* ---- notes ----------------------------------------------------------------------------------- */

/** The longest beginning of `max` bytes at most that ends with a character. */
static size_t cut_at_character(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);

    if (len <= max) {
        return len;
    }
    len = max;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
        len--; /* a byte within a character */
    }
    return len;
}

/** Append a character of `n` bytes; false, and "..." in place of the end, when it is too long. */
static bool put_character(char text[EVENTTEXT_NOTE], size_t *len, const char *s, size_t n)
{
    if (*len + n <= EVENTLOG_NOTE_MAX) {
        memcpy(text + *len, s, n);
        *len += n;
        return true;
    }
    text[*len] = '\0';
    *len = cut_at_character(text, EVENTLOG_NOTE_MAX - 3);
    memcpy(text + *len, "...", 3);
    *len += 3;
    return false;
}

size_t eventtext_clean(const char *message, char text[EVENTTEXT_NOTE])
{
    size_t left = strlen(message), len = 0;

    while (left > 0) {
        size_t n = utf8_len(message, left);
        bool is_printable = n > 0 && !utf8_is_control(message, n);

        n = n > 0 ? n : 1;
        if (!put_character(text, &len, is_printable ? message : "?", is_printable ? n : 1)) {
            break;
        }
        message += n;
        left -= n;
    }
    text[len] = '\0';
    return len;
}

void eventtext_note(const char *clean, size_t unsaid, char text[EVENTTEXT_NOTE])
{
    if (unsaid == 0) {
        snprintf(text, EVENTTEXT_NOTE, "%.*s", (int)cut_at_character(clean, EVENTLOG_NOTE_MAX),
                 clean);
        return;
    }
    snprintf(text, EVENTTEXT_NOTE, "%.*s. And %zu more",
             (int)cut_at_character(clean, EVENTLOG_NOTE_MAX - UNSAID_CHARS), clean, unsaid);
}

/* ---- names ----------------------------------------------------------------------------------- */

/** As client-go names Events: the object's name, a dot, hexadecimal digits. */
static const char *put_name(const char *object, uint64_t stamp, char text[EVENTTEXT_NAME])
{
    size_t len = strnlen(object, EVENTTEXT_NAME - 1 - STAMP_CHARS);

    while (len > 0 && (object[len - 1] == '-' || object[len - 1] == '.')) {
        len--; /* only where it was cut */
    }
    snprintf(text, EVENTTEXT_NAME, "%.*s.%016" PRIx64, (int)len, object, stamp);
    return text;
}

static const char *ns_of(const struct eventtext_object *o)
{
    return *o->ns ? o->ns : NS_OF_CLUSTER;
}

const char *eventtext_list_path(const struct eventtext_object *o, char text[EVENTTEXT_PATH])
{
    snprintf(text, EVENTTEXT_PATH, "/apis/events.k8s.io/v1/namespaces/%s/events", ns_of(o));
    return text;
}

const char *eventtext_path(const struct eventtext_object *o, uint64_t stamp,
                           char text[EVENTTEXT_PATH])
{
    char name[EVENTTEXT_NAME];

    snprintf(text, EVENTTEXT_PATH, "/apis/events.k8s.io/v1/namespaces/%s/events/%s", ns_of(o),
             put_name(o->name, stamp, name));
    return text;
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void write_regarding(struct jsonout *j, const struct eventtext_object *o)
{
    jsonout_object(j, "regarding");
    jsonout_text(j, "apiVersion", api_version_of(o->kind));
    jsonout_text(j, "kind", o->kind);
    if (*o->ns) {
        jsonout_text(j, "namespace", o->ns);
    }
    jsonout_text(j, "name", o->name);
    if (*o->uid) {
        jsonout_text(j, "uid", o->uid);
    }
    jsonout_end(j);
}

int eventtext_post(struct buf *b, const struct eventtext *e)
{
    char name[EVENTTEXT_NAME], time[TIMETEXT_MAX];
    struct jsonout j;

    jsonout_init(&j, b, false);
    jsonout_object(&j, NULL);
    jsonout_text(&j, "apiVersion", "events.k8s.io/v1");
    jsonout_text(&j, "kind", "Event");
    jsonout_object(&j, "metadata");
    jsonout_text(&j, "name", put_name(e->about.name, e->stamp, name));
    jsonout_text(&j, "namespace", ns_of(&e->about));
    jsonout_end(&j);
    jsonout_text(&j, "eventTime", timetext_micro(e->wall_us, time));
    jsonout_text(&j, "type", e->is_warning ? "Warning" : "Normal");
    jsonout_text(&j, "reason", e->reason);
    jsonout_text(&j, "action", "Reconcile");
    jsonout_text(&j, "note", e->note);
    jsonout_text(&j, "reportingController", e->controller);
    jsonout_bytes(&j, "reportingInstance", e->instance,
                  cut_at_character(e->instance, INSTANCE_MAX));
    write_regarding(&j, &e->about);
    jsonout_end(&j);
    return jsonout_finish(&j);
}

int eventtext_series(struct buf *b, uint32_t count, int64_t wall_us)
{
    char time[TIMETEXT_MAX];
    struct jsonout j;

    jsonout_init(&j, b, false);
    jsonout_object(&j, NULL);
    jsonout_object(&j, "series");
    jsonout_uint(&j, "count", count);
    jsonout_text(&j, "lastObservedTime", timetext_micro(wall_us, time));
    jsonout_end(&j);
    jsonout_end(&j);
    return jsonout_finish(&j);
}
