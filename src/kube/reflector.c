#include "kube/reflector.h"

#include <string.h>

#include "reflectorlist_priv.h"
#include "reflectorquery_priv.h"
#include "reflectorwait_priv.h"

void reflector_init(struct reflector *r)
{
    *r = (struct reflector){.state = REFLECTOR_DUE_LIST, .cause = REFLECTOR_FIRST};
}

static bool is_running(const struct reflector *r)
{
    return r->state == REFLECTOR_LISTING || r->state == REFLECTOR_WATCHING;
}

/* Whether `why` says nothing about our version: no answer, or from a server in trouble. */
static bool is_passing(int code)
{
    return code == 0 || code == 401 || code == 429 || (code >= 502 && code <= 504);
}

/* By its status or by an ERROR event. */
static void watch_refused(struct reflector *r, const struct kubestatus *why, uint64_t now_ms,
                          uint32_t random)
{
    if (why->too_large_version) {
        r->version_gone = true;
        reflectorlist_anew(r, REFLECTOR_BACKWARDS, now_ms,
                           reflectorwait_mend_ms(r, now_ms, random));
    } else if (why->code == 410) {
        reflectorlist_anew(r, REFLECTOR_EXPIRED, now_ms, reflectorwait_mend_ms(r, now_ms, random));
    } else if (is_passing(why->code)) {
        reflectorwait_rest(r, REFLECTOR_DUE_WATCH, now_ms,
                           reflectorwait_refusal_ms(r, why, now_ms, random));
    } else {
        reflectorlist_anew(r, REFLECTOR_BROKEN, now_ms,
                           reflectorwait_refusal_ms(r, why, now_ms, random));
    }
}

int reflector_page(struct reflector *r, const char *version, const char *next_page, uint64_t now_ms,
                   uint32_t random)
{
    ASSERT(r->state == REFLECTOR_LISTING);
    return reflectorlist_page(r, version, next_page, now_ms, random);
}

bool reflector_refused(struct reflector *r, const struct kubestatus *why, uint64_t now_ms,
                       uint32_t random)
{
    ASSERT(is_running(r));
    if (r->state == REFLECTOR_LISTING) {
        return reflectorlist_refused(r, why, now_ms, random);
    }
    watch_refused(r, why, now_ms, random);
    return false;
}

void reflector_spoilt(struct reflector *r, uint64_t now_ms, uint32_t random)
{
    bool is_list = r->state == REFLECTOR_LISTING || r->state == REFLECTOR_DUE_LIST;

    reflectorwait_trust(r, now_ms);
    r->synced = r->synced && !r->is_fresh;
    reflectorlist_anew(r, is_list ? r->cause : REFLECTOR_BROKEN, now_ms,
                       reflectorwait_backoff_ms(r, now_ms, random));
}

void reflector_opened(struct reflector *r, uint64_t now_ms)
{
    if (r->state == REFLECTOR_WATCHING) {
        r->opened = true;
        reflector_heard(r, now_ms);
    }
}

void reflector_heard(struct reflector *r, uint64_t now_ms)
{
    r->heard_ms = now_ms;
    r->is_heard = true;
}

/* Take the version of an event in; false when it is older than what was seen. */
static bool take_version(struct reflector *r, const char *version)
{
    if (!reflectorquery_is_version(version)) {
        return true;
    }
    if (resourceversion_compare(version, r->version) == RV_OLDER) {
        return false;
    }
    memcpy(r->version, version, strlen(version) + 1);
    return true;
}

enum reflector_verdict reflector_event(struct reflector *r, const struct watchevent *e,
                                       uint64_t now_ms, uint32_t random)
{
    if (r->state != REFLECTOR_WATCHING) {
        return REFLECTOR_END;
    }
    reflector_opened(r, now_ms);
    reflectorwait_trust(r, now_ms);
    if (e->type == WATCH_ERROR) {
        watch_refused(r, &e->status, now_ms, random);
        return REFLECTOR_END;
    }
    if (e->type == WATCH_UNKNOWN) {
        return REFLECTOR_SKIP;
    }
    if (!take_version(r, e->resource_version)) {
        r->version_gone = true;
        reflectorlist_anew(r, REFLECTOR_BACKWARDS, now_ms,
                           reflectorwait_mend_ms(r, now_ms, random));
        return REFLECTOR_END;
    }
    r->has_events = true;
    return e->type == WATCH_BOOKMARK ? REFLECTOR_SKIP : REFLECTOR_APPLY;
}

void reflector_ended(struct reflector *r, enum reflector_ending how, uint64_t now_ms,
                     uint32_t random)
{
    uint64_t lasted = now_ms - r->asked_ms;

    if (r->state != REFLECTOR_WATCHING) {
        return;
    }
    reflectorwait_trust(r, now_ms);
    if (how == REFLECTOR_GARBAGE ||
        (how == REFLECTOR_CLEAN && lasted < REFLECTOR_SHORT_MS && !r->has_events)) {
        reflectorlist_anew(r, REFLECTOR_BROKEN, now_ms,
                           reflectorwait_backoff_ms(r, now_ms, random));
    } else if (how == REFLECTOR_CUT || lasted < REFLECTOR_SHORT_MS) {
        reflectorwait_rest(r, REFLECTOR_DUE_WATCH, now_ms,
                           reflectorwait_again_ms(r, lasted, now_ms, random));
    } else {
        r->hasty = false;
        reflectorwait_rest(r, REFLECTOR_DUE_WATCH, now_ms, 0);
    }
}

void reflector_probe_version(struct reflector *r, const char *version)
{
    if (r->probing && !r->is_heard && reflectorquery_is_version(version) &&
        resourceversion_compare(version, r->version) == RV_OLDER) {
        r->relist_due = true;
        r->relist_cause = REFLECTOR_BACKWARDS;
    }
}

void reflector_probed(struct reflector *r, bool answered, uint64_t now_ms)
{
    if (r->probing) {
        r->probing = false;
        r->dead = !answered && !r->is_heard;
        r->heard_ms = now_ms;
    }
}

static uint64_t watch_end_ms(const struct reflector *r)
{
    return r->asked_ms + (r->opened ? r->timeout_ms + REFLECTOR_GRACE_MS : REFLECTOR_OPEN_MS);
}

/* When the watch that runs wants something, if nothing is heard of it. */
static uint64_t watch_due_ms(const struct reflector *r)
{
    uint64_t end = watch_end_ms(r);
    uint64_t silent = r->heard_ms + REFLECTOR_SILENT_MS;

    return !r->probing && silent < end ? silent : end;
}

uint64_t reflector_due_ms(const struct reflector *r)
{
    uint64_t pace = reflectorwait_pace_due_ms(r);

    if (r->relist_due || r->dead) {
        return is_running(r) || r->next_page[0] ? 0 : pace;
    }
    if (r->state == REFLECTOR_LISTING) {
        return UINT64_MAX;
    }
    if (r->state == REFLECTOR_WATCHING) {
        return watch_due_ms(r);
    }
    return r->wait_until_ms > pace ? r->wait_until_ms : pace;
}

static void ask(struct reflector *r, uint64_t now_ms, uint32_t random, struct reflector_step *out)
{
    reflectorwait_pace(r, now_ms);
    r->unanswered = false;
    if (r->state == REFLECTOR_DUE_LIST) {
        r->state = REFLECTOR_LISTING;
        out->what = REFLECTOR_LIST;
        reflectorquery_list(r, out->query);
        return;
    }
    r->state = REFLECTOR_WATCHING;
    r->has_events = r->is_fresh = false;
    r->asked_ms = r->heard_ms = now_ms;
    r->timeout_ms = 1000ull * (REFLECTOR_WATCH_MIN_S +
                               random % (REFLECTOR_WATCH_MAX_S - REFLECTOR_WATCH_MIN_S + 1));
    out->what = REFLECTOR_WATCH;
    reflectorquery_watch(r, (uint32_t)(r->timeout_ms / 1000), out->query);
}

static void close_running(struct reflector *r, uint64_t now_ms, uint32_t random,
                          struct reflector_step *out)
{
    bool is_mute = r->state == REFLECTOR_WATCHING && !r->opened && !r->relist_due;
    uint64_t wait = is_mute ? reflectorwait_backoff_ms(r, now_ms, random) : 0;

    reflectorwait_trust(r, now_ms);
    r->unanswered = is_mute;
    out->what = REFLECTOR_CLOSE;
    reflectorlist_forget(r);
    reflectorwait_rest(r, r->state == REFLECTOR_WATCHING ? REFLECTOR_DUE_WATCH : REFLECTOR_DUE_LIST,
                       now_ms, wait);
}

/* Close what runs, or probe it. */
static void attend(struct reflector *r, uint64_t now_ms, uint32_t random,
                   struct reflector_step *out)
{
    if (r->relist_due || r->dead || now_ms >= watch_end_ms(r)) {
        close_running(r, now_ms, random, out);
        return;
    }
    r->probing = true;
    r->is_heard = false;
    out->what = REFLECTOR_PROBE;
    reflectorquery_probe(out->query);
}

/* A list that nothing asked for in what came, if one is due. */
static void list_unasked(struct reflector *r, uint64_t now_ms)
{
    if (r->relist_due) {
        r->relist_due = false;
        r->version_gone = true;
        reflectorlist_anew(r, r->relist_cause, now_ms, 0);
    } else if (r->state == REFLECTOR_DUE_WATCH && now_ms >= r->relist_at_ms) {
        r->version_gone = true;
        reflectorlist_anew(r, REFLECTOR_PERIODIC, now_ms, 0);
    }
}

void reflector_next(struct reflector *r, uint64_t now_ms, uint32_t random,
                    struct reflector_step *out)
{
    uint64_t due = reflector_due_ms(r);

    out->query[0] = '\0';
    out->at_ms = due;
    if (now_ms < due) {
        out->what = REFLECTOR_WAIT;
        return;
    }
    if (is_running(r) || (r->relist_due && r->next_page[0])) {
        attend(r, now_ms, random, out);
        return;
    }
    list_unasked(r, now_ms);
    ask(r, now_ms, random, out);
}

void reflector_relist(struct reflector *r)
{
    r->relist_due = true;
    r->relist_cause = REFLECTOR_FORCED;
}

void reflector_hurry(struct reflector *r)
{
    if (r->unanswered && !is_running(r) && r->wait_until_ms > 0) {
        r->wait_until_ms = 1; /* 0 is for a page after a page */
    }
}

bool reflector_is_synced(const struct reflector *r)
{
    return r->synced;
}

bool reflector_is_watching(const struct reflector *r)
{
    return r->state == REFLECTOR_WATCHING && r->opened && !r->dead;
}

enum reflector_cause reflector_list_cause(const struct reflector *r)
{
    return r->cause;
}

const char *reflector_cause_word(enum reflector_cause cause)
{
    static const char *const words[] = {
        [REFLECTOR_FIRST] = "first",         [REFLECTOR_EXPIRED] = "expired",
        [REFLECTOR_BACKWARDS] = "backwards", [REFLECTOR_BROKEN] = "broken",
        [REFLECTOR_PERIODIC] = "periodic",   [REFLECTOR_FORCED] = "forced",
    };

    return cause < ARRAY_LEN(words) ? words[cause] : "unknown";
}
