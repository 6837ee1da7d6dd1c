/**
 * eventtext - an Event of events.k8s.io/v1 as JSON, and the paths it is sent to.
 *
 * Only what the API server accepts comes out: times of six digits, a note of at most 1024 bytes of
 * UTF-8, a name that is a DNS subdomain.  Pure.
 */
#ifndef CONTROLLER_EVENTTEXT_PRIV_H
#define CONTROLLER_EVENTTEXT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "controller/eventlog.h"

struct buf;

#define EVENTTEXT_NAME     254u /* with the terminator, as all of these */
#define EVENTTEXT_PATH     512u
#define EVENTTEXT_NOTE     (EVENTLOG_NOTE_MAX + 1u)
#define EVENTTEXT_BODY_MAX 16384u

/** Which object; "" for what there is none of. */
struct eventtext_object {
    const char *kind, *ns, *name, *uid;
};

struct eventtext {
    struct eventtext_object about;
    bool is_warning;
    const char *reason;
    const char *note; /* as eventtext_note() makes it */
    const char *controller, *instance;
    int64_t wall_us; /* when; Unix time */
    uint64_t stamp;  /* makes the name unique */
};

/** Whether there can be such an object in an API server, of a kind that is known here. */
bool eventtext_is_object(const char *kind, const char *ns, const char *name);

/**
 * A message as a note: what is no UTF-8, and control characters (notes are printed on terminals),
 * become '?'; what is too long is cut at a character, with "...".  Returns its length.
 */
size_t eventtext_clean(const char *message, char text[EVENTTEXT_NOTE]);

/** A clean note, and that it left `unsaid` more things out; shortened for that if need be. */
void eventtext_note(const char *clean, size_t unsaid, char text[EVENTTEXT_NOTE]);

/** Where Events about the object are created, and where this one is. */
const char *eventtext_list_path(const struct eventtext_object *o, char text[EVENTTEXT_PATH]);
const char *eventtext_path(const struct eventtext_object *o, uint64_t stamp,
                           char text[EVENTTEXT_PATH]);

/** The Event.  0 or as buf_append(). */
MUST_CHECK int eventtext_post(struct buf *b, const struct eventtext *e);

/** The merge patch that says it happened `count` times, last at `wall_us`.  Likewise. */
MUST_CHECK int eventtext_series(struct buf *b, uint32_t count, int64_t wall_us);

#endif
