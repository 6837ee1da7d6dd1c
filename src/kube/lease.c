#include "kube/lease.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/timetext.h"
#include "leasepace_priv.h"
#include "leaserecord_priv.h"

#define HTTP_NOT_FOUND    404
#define HTTP_CONFLICT     409
#define HTTP_SERVER_ERROR 500 /* and above: what was asked may have been done */

/* ---- what is known --------------------------------------------------------------------------- */

static bool is_ours(const struct lease *l)
{
    return strcmp(l->seen.holder, l->identity) == 0;
}

static uint64_t duration_ms(const struct lease_record *r)
{
    uint64_t seconds = r->duration_s;

    if (seconds == 0) {
        return LEASE_DURATION_MS;
    }
    return 1000 * (seconds < LEASE_DURATION_MOST_S ? seconds : LEASE_DURATION_MOST_S);
}

/* 0: it is nobody's. */
static uint64_t expires_ms(const struct lease *l)
{
    return l->seen.holder[0] == '\0' ? 0 : l->seen_ms + duration_ms(&l->seen);
}

/* Nobody's, or of one who let it run out before our eyes. */
static bool is_free(const struct lease *l, uint64_t now_ms)
{
    return now_ms >= expires_ms(l);
}

/* A change of something else than the spec, an annotation say, is no sign of life. */
static void see(struct lease *l, const struct lease_record *r, uint64_t now_ms)
{
    if (!leaserecord_is_same(&l->seen, r)) {
        l->seen_ms = now_ms;
    }
    l->seen = *r;
}

static bool is_overdue(const struct lease *l, uint64_t now_ms)
{
    return now_ms >= l->renewed_ms + LEASE_RENEW_MS;
}

bool lease_is_leading(const struct lease *l, uint64_t now_ms)
{
    return l->leading && !is_overdue(l, now_ms);
}

const char *lease_holder(const struct lease *l)
{
    return l->seen.holder;
}

/* ---- when ------------------------------------------------------------------------------------ */

static uint64_t later(const struct lease *l, uint64_t now_ms, uint32_t random)
{
    return l->leading ? leasepace_renew_ms(l->asked_ms, now_ms)
                      : leasepace_look_ms(expires_ms(l), now_ms, random);
}

uint64_t lease_due_ms(const struct lease *l)
{
    uint64_t due_ms = l->asked == LEASE_WAIT ? l->wait_until_ms : UINT64_MAX;

    if (l->releasing) {
        return l->asked == LEASE_WAIT && !lease_is_released(l) ? 0 : UINT64_MAX;
    }
    if (l->leading && l->renewed_ms + LEASE_RENEW_MS < due_ms) {
        return l->renewed_ms + LEASE_RENEW_MS;
    }
    return due_ms;
}

/* ---- what to do ------------------------------------------------------------------------------ */

void lease_init(struct lease *l, const char *identity)
{
    ASSERT(identity[0] != '\0' && strlen(identity) <= LEASE_IDENTITY_MAX - 2);
    *l = (struct lease){.view = LEASE_UNREAD};
    (void)snprintf(l->identity, sizeof(l->identity), "%s", identity);
}

static void write_claim(const struct lease *l, const char *now, struct lease_record *w)
{
    if (!is_ours(l)) {
        memcpy(w->holder, l->identity, sizeof(w->holder));
        w->acquired[0] = '\0';
        w->transitions += w->transitions < INT32_MAX; /* as wide as the API has it */
    }
    if (w->acquired[0] == '\0') {
        memcpy(w->acquired, now, LEASE_TIME_MAX);
    }
    w->duration_s = LEASE_DURATION_MS / 1000;
}

static void write_release(const char *now, struct lease_record *w)
{
    w->holder[0] = '\0';
    memcpy(w->acquired, now, LEASE_TIME_MAX);
    w->duration_s = 1; /* a server refuses 0 */
}

static void write_record(const struct lease *l, int64_t wall_us, struct lease_record *w)
{
    char now[LEASE_TIME_MAX] = "";

    (void)timetext_micro(wall_us, now);
    if (strcmp(now, l->seen.renewed) == 0) { /* the others would see no change */
        (void)timetext_micro(wall_us + 1, now);
    }
    *w = l->seen;
    if (l->releasing) {
        write_release(now, w);
    } else {
        write_claim(l, now, w);
    }
    memcpy(w->renewed, now, LEASE_TIME_MAX);
}

void lease_next(struct lease *l, uint64_t now_ms, int64_t wall_us, struct lease_step *out)
{
    l->leading = lease_is_leading(l, now_ms);
    *out = (struct lease_step){.what = LEASE_WAIT, .at_ms = lease_due_ms(l)};
    if (l->asked != LEASE_WAIT || out->at_ms > now_ms) {
        return;
    }
    if (l->view == LEASE_UNREAD) {
        out->what = LEASE_READ;
    } else {
        out->what = LEASE_WRITE;
        write_record(l, wall_us, &out->write);
    }
    if (l->releasing) {
        l->tries--;
    }
    l->asked = out->what;
    l->asked_ms = now_ms;
}

/* ---- how it went ----------------------------------------------------------------------------- */

static void wrote(struct lease *l, uint64_t now_ms, uint32_t random)
{
    l->leading = is_ours(l) && !l->releasing;
    l->renewed_ms = l->asked_ms;
    l->view = is_ours(l) ? LEASE_WRITTEN : LEASE_UNREAD;
    l->wait_until_ms = later(l, now_ms, random);
}

/* Even where we find ourselves as the holder, only a write makes us lead. */
static void has_read(struct lease *l, uint64_t now_ms, uint32_t random)
{
    bool may_write = is_ours(l) || is_free(l, now_ms);

    l->leading = l->leading && is_ours(l);
    l->view = may_write ? LEASE_FRESH : LEASE_UNREAD;
    l->wait_until_ms = may_write ? now_ms : later(l, now_ms, random);
}

void lease_answered(struct lease *l, const struct lease_record *r, uint64_t now_ms, uint32_t random)
{
    enum lease_do was = l->asked;

    l->asked = LEASE_WAIT;
    l->unsure = false;
    see(l, r, now_ms);
    if (was == LEASE_WRITE) {
        wrote(l, now_ms, random);
    } else {
        has_read(l, now_ms, random);
    }
}

/* It may be made anew, for somebody else. */
static void forget(struct lease *l)
{
    l->leading = false;
    l->unsure = false;
    l->seen = (struct lease_record){.holder = ""};
}

void lease_refused(struct lease *l, const struct kubestatus *why, uint64_t now_ms, uint32_t random)
{
    bool is_outdated = why->code == HTTP_CONFLICT && l->view == LEASE_WRITTEN;
    uint64_t least_ms = now_ms + leasepace_asked_ms(why);

    if (l->asked == LEASE_WRITE) {
        l->unsure = why->code == 0 || why->code >= HTTP_SERVER_ERROR;
    }
    l->asked = LEASE_WAIT;
    l->view = LEASE_UNREAD;
    if (why->code == HTTP_NOT_FOUND) {
        forget(l);
    }
    l->leading = lease_is_leading(l, now_ms);
    l->wait_until_ms = is_outdated ? now_ms : later(l, now_ms, random);
    l->wait_until_ms = l->wait_until_ms > least_ms ? l->wait_until_ms : least_ms;
}

/* ---- giving it back -------------------------------------------------------------------------- */

void lease_release(struct lease *l)
{
    if (!l->releasing) {
        l->leading = false;
        l->releasing = true;
        l->tries = LEASE_RELEASE_TRIES;
    }
}

/* A read under way is not waited for where nothing of ours can come of it. */
bool lease_is_released(const struct lease *l)
{
    bool is_left = is_ours(l) || l->unsure;

    return l->releasing && l->asked != LEASE_WRITE &&
           (!is_left || (l->tries == 0 && l->asked == LEASE_WAIT));
}
