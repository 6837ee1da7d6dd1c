/**
 * eventtopics - what stands about the objects, as what Events are made of.
 *
 * A topic is one object, one type (Warning or Normal) and one reason: its verdicts become one note.
 * Found out here is which topics begin, say something new or cease, and which objects are well
 * again; the Events are eventlog's matter, as are the last fields of a topic.
 */
#ifndef CONTROLLER_EVENTTOPICS_PRIV_H
#define CONTROLLER_EVENTTOPICS_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/siphash.h"
#include "eventseries_priv.h"
#include "eventtext_priv.h"

struct eventobject;
struct store;
struct verdicts;

struct eventtopic {
    struct eventobject *object;
    struct eventtopic *next; /* of the same object */
    const char *reason;
    bool is_warning;
    bool is_resolved; /* said when no warning is left */
    bool stands;
    bool is_new; /* it said something new since eventtopics_seen() */
    char *note;  /* clean; NULL without memory, or when nothing stands */
    size_t len;  /* of it */
    size_t rest; /* messages that had no room in it */
    uint64_t round;

    struct eventseries series;
    TAILQ_ENTRY(eventtopic) link;
    bool is_queued, is_under_way;
    uint64_t at_ms; /* queued: not before */
    unsigned attempts;
};

struct eventtopics {
    struct eventobject *objects;
    struct siphash_key key; /* names come from outside */
    uint64_t *stood;        /* digests of what stood at the last look, sorted */
    size_t n_stood;
    uint64_t round;
    uint64_t lost; /* verdicts for which there was no memory */
};

/** What a look is at, borrowed for the call. */
struct eventtopics_view {
    const struct store *store;
    const struct verdicts *decoded, *translated;
};

/** Nothing stands; allocates nothing. */
void eventtopics_init(struct eventtopics *t);
void eventtopics_fini(struct eventtopics *t);

/**
 * See what stands now.  Returns whether anything differs; without memory it does not, and the next
 * look sees it.  Verdicts about files, and about what has no name, are passed over.
 */
bool eventtopics_look(struct eventtopics *t, const struct eventtopics_view *now);

/** Walk all topics: the first when `after` is NULL, NULL behind the last. */
struct eventtopic *eventtopics_next(const struct eventtopics *t, const struct eventtopic *after);

struct eventtext_object eventtopics_about(const struct eventtopic *t);

/** Users are told of it now: of a warning, so that they are told, too, when its object is well
 * again; or of that. */
void eventtopics_tell(struct eventtopic *t);

/** Nobody was told anything; what stands is new. */
void eventtopics_forget(struct eventtopics *t);

/** Free what neither stands nor waits nor may happen again soon; returns whether some is left to be
 * freed later. */
bool eventtopics_sweep(struct eventtopics *t, uint64_t now_ms);

#endif
