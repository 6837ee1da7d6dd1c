/**
 * reflector - list, watch, resume, relist: what to ask the API server next, for one collection.
 *
 * A state machine without I/O, clock or memory of its own.  It is fed what came back, and "now",
 * and says what to do.  The rules are client-go's: list once, watch from the list's version, go on
 * from the last version seen after any end of a watch; list anew only when the server has forgotten
 * that version (410) or answers nonsense; wait with backoff where a server is in trouble.  A plain
 * list and a watch are used, no streaming lists.
 *
 *     reflector_next() -> LIST  -> reflector_page() for each page, or reflector_refused()
 *                      -> WATCH -> reflector_event() for each event, then reflector_ended(),
 *                                  or reflector_refused() where it was not opened
 *                      -> WAIT  -> ask again then
 */
#ifndef KUBE_REFLECTOR_H
#define KUBE_REFLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "kube/backoff.h"
#include "kube/kubestatus.h"
#include "kube/resourceversion.h"
#include "kube/watchevent.h"

#define REFLECTOR_PAGE_LIMIT    500u
#define REFLECTOR_WATCH_MIN_S   300u /* timeoutSeconds: uniform between these */
#define REFLECTOR_WATCH_MAX_S   600u
#define REFLECTOR_GRACE_MS      30000u /* a watch may outlive its timeoutSeconds by so much */
#define REFLECTOR_SHORT_MS      1000u /* a watch that ended before, without an event, is a failure */
#define REFLECTOR_SILENT_MS     150000u   /* no byte for so long: ask in another way if it lives */
#define REFLECTOR_OPEN_MS       60000u    /* a watch's headers must be there by then */
#define REFLECTOR_STEADY_MS     10000u    /* what lasts so long is no loop: waits begin anew */
#define REFLECTOR_RETRY_MAX_MS  300000u   /* a Retry-After is believed up to this */
#define REFLECTOR_DENIED_MS     2000u     /* at most twice this after a 401: tokens are renewed */
#define REFLECTOR_RELIST_MIN_MS 3600000u  /* a list of all that nobody asked for, against */
#define REFLECTOR_RELIST_MAX_MS 21600000u /* what no event tells (a restored server) */

/* Whatever the server does: requests, but for a page after a page, come at this pace once so many
 * came at once. */
#define REFLECTOR_PACE_MS 500u
#define REFLECTOR_BURST   6u

#define REFLECTOR_PAGES_MAX    4000u /* of one list */
#define REFLECTOR_PAGE_TRIES   6u    /* waits in a row, after which a list is begun anew instead */
#define REFLECTOR_CONTINUE_MAX 4096
#define REFLECTOR_QUERY_MAX    (REFLECTOR_CONTINUE_MAX * 3 + 256)

enum reflector_do {
    REFLECTOR_LIST,  /* ask for a page: GET <collection>?<query> */
    REFLECTOR_WATCH, /* open a watch likewise */
    REFLECTOR_PROBE, /* beside the running watch: GET <collection>?<query>, and tell
                        reflector_probed() */
    REFLECTOR_CLOSE, /* end the running watch or request (it is over its time) and its probe, drop
                        what was collected of a list, then ask again; that counts as its end: no
                        reflector_ended() is due */
    REFLECTOR_WAIT,  /* nothing before at_ms */
};

struct reflector_step {
    enum reflector_do what;
    uint64_t at_ms;
    char query[REFLECTOR_QUERY_MAX]; /* percent-encoded; of LIST, WATCH, PROBE; "" for
                                        a list of all in one answer */
};

/** How a list came about, for the log and the counters. */
enum reflector_cause {
    REFLECTOR_FIRST,     /* nothing was known */
    REFLECTOR_EXPIRED,   /* 410: the server has forgotten our version */
    REFLECTOR_BACKWARDS, /* versions went backwards, or are too new for the server: it was restored
                          */
    REFLECTOR_BROKEN,    /* a stream of nonsense, a watch that ends at once, a refused watch */
    REFLECTOR_PERIODIC,
    REFLECTOR_FORCED, /* reflector_relist() */
};

enum reflector_verdict {
    REFLECTOR_APPLY, /* put or take the object */
    REFLECTOR_SKIP,  /* a bookmark, an unknown type: nothing to apply */
    REFLECTOR_END,   /* close the stream and ask reflector_next(); no reflector_ended() is due */
};

enum reflector_ending {
    REFLECTOR_CLEAN,   /* the server closed it in order, between objects */
    REFLECTOR_CUT,     /* a connection error, or in the middle of an object */
    REFLECTOR_GARBAGE, /* no JSON, an object too large, a bad event */
};

/** All fields private. */
struct reflector {
    uint8_t state;
    enum reflector_cause cause;
    char version[RESOURCEVERSION_MAX];      /* last seen; "" when none */
    char list_version[RESOURCEVERSION_MAX]; /* of the first page of the list under way */
    char next_page[REFLECTOR_CONTINUE_MAX];
    bool version_gone; /* ask for the newest: our version cannot be had */
    bool unpaged;      /* a page expired: the whole in one answer */
    bool synced;       /* one list was complete */
    bool is_fresh;     /* that was just now, and the first */
    bool opened, has_events, probing;
    bool is_heard;   /* since the probe */
    bool dead;       /* the running watch is: close it */
    bool hasty;      /* the last watch did not last */
    bool unanswered; /* the last request was, and that is what is waited for */
    bool relist_due; /* end what runs, and list for relist_cause */
    enum reflector_cause relist_cause;
    unsigned pages; /* of the list under way */
    struct backoff backoff;
    uint64_t wait_until_ms; /* 0: no wait */
    uint64_t pace_ms;       /* when the requests so far would have been sent, evenly spaced */
    uint64_t listed_ms, relist_at_ms;
    uint64_t asked_ms, heard_ms, timeout_ms; /* of the running watch */
};

/** Nothing known; the first step is a LIST with resourceVersion=0. */
void reflector_init(struct reflector *r);

/**
 * What to do now.  LIST, WATCH and PROBE are said once: until it is told how that went, the answer
 * is WAIT (until a deadline), CLOSE or, in a watch, PROBE.  `random` is 32 random bits.
 */
void reflector_next(struct reflector *r, uint64_t now_ms, uint32_t random,
                    struct reflector_step *out);

/** When to call reflector_next() again if nothing happens. */
uint64_t reflector_due_ms(const struct reflector *r);

/**
 * A page came whole: its metadata.resourceVersion, and metadata.continue ("" on the last).
 * Returns 1 when there is another, 0 when the list is complete (the caller puts it in place of what
 * it had, then asks on), or -EBADMSG (no version, a token too long or the same again, pages without
 * end) or -EAGAIN (the list is older than what was seen: it must be thrown away); with either, what
 * was collected must be dropped and the next step is another list, after a wait.
 */
MUST_CHECK int reflector_page(struct reflector *r, const char *version, const char *next_page,
                              uint64_t now_ms, uint32_t random);

/**
 * A page could not be had, or a watch not be opened, for `why` (code 0: no answer).  What was
 * collected of a list under way must be dropped, unless the next step goes on with it: returns
 * whether it does (429 and 5xx of a further page are asked again as they were, a few times).
 *
 * A watch is opened again from the same version after no answer, 401, 429, 502, 503 and 504, which
 * say nothing about it; anything else lists.
 */
bool reflector_refused(struct reflector *r, const struct kubestatus *why, uint64_t now_ms,
                       uint32_t random);

/** What came could not be taken (out of memory, a list of nonsense): list anew after a wait.
 * Whatever runs is over: the caller ends it, no CLOSE comes. */
void reflector_spoilt(struct reflector *r, uint64_t now_ms, uint32_t random);

/** The running watch answered 200: its headers are there. */
void reflector_opened(struct reflector *r, uint64_t now_ms);

/** Bytes of the running watch came, whole event or not. */
void reflector_heard(struct reflector *r, uint64_t now_ms);

/** An event came.  Remembers its version, only after which it may be applied. */
MUST_CHECK enum reflector_verdict reflector_event(struct reflector *r, const struct watchevent *e,
                                                  uint64_t now_ms, uint32_t random);

/** The running watch ended. */
void reflector_ended(struct reflector *r, enum reflector_ending how, uint64_t now_ms,
                     uint32_t random);

/** The probe was answered by a list of this version.  Older than what was seen: the server was
 * restored and will say nothing to the watch, so the next step is CLOSE, then a list.  To be called
 * before reflector_probed(), where the version is known. */
void reflector_probe_version(struct reflector *r, const char *version);

/** How the probe went: answered (with whatever status) or not.  Not: the watch is dead, the next
 * step is CLOSE.  Ignored when the watch has been heard since. */
void reflector_probed(struct reflector *r, bool answered, uint64_t now_ms);

/** List anew at the next step, whatever runs (CLOSE comes first). */
void reflector_relist(struct reflector *r);

/** The server answers others: no longer wait because it did not answer us.  Other waits stay. */
void reflector_hurry(struct reflector *r);

/** Whether a list was complete once. */
bool reflector_is_synced(const struct reflector *r);

/** Whether a watch is open and was heard to be: what is stored is what the server has. */
bool reflector_is_watching(const struct reflector *r);

/** The cause of the list that is under way, or was last. */
enum reflector_cause reflector_list_cause(const struct reflector *r);
const char *reflector_cause_word(enum reflector_cause cause); /* "expired", ... */

#endif
