#include "reflectorlist_priv.h"

#include <errno.h>
#include <string.h>

#include "reflectorquery_priv.h"
#include "reflectorwait_priv.h"

void reflectorlist_forget(struct reflector *r)
{
    r->next_page[0] = '\0';
    r->pages = 0;
}

void reflectorlist_anew(struct reflector *r, enum reflector_cause cause, uint64_t now_ms,
                        uint64_t wait_ms)
{
    r->cause = r->synced ? cause : REFLECTOR_FIRST;
    r->unpaged = false;
    reflectorlist_forget(r);
    reflectorwait_rest(r, REFLECTOR_DUE_LIST, now_ms, wait_ms);
}

/* The first page stands for the whole list: 0, or why it cannot be taken. */
static int check_first_page(const struct reflector *r, const char *version)
{
    if (!reflectorquery_is_version(version)) {
        return -EBADMSG;
    }
    /* The newest there is may be older than what was seen: then the server was restored. */
    if (!r->version_gone && resourceversion_compare(version, r->version) == RV_OLDER) {
        return -EAGAIN;
    }
    return 0;
}

static int check_page(const struct reflector *r, const char *version, const char *next_page)
{
    if (r->pages == 0) {
        int rc = check_first_page(r, version);

        if (rc) {
            return rc;
        }
    }
    if (strlen(next_page) >= REFLECTOR_CONTINUE_MAX) {
        return -EBADMSG;
    }
    if (next_page[0] &&
        (r->pages + 1 >= REFLECTOR_PAGES_MAX || strcmp(next_page, r->next_page) == 0)) {
        return -EBADMSG;
    }
    return 0;
}

static void complete(struct reflector *r, uint64_t now_ms, uint32_t random)
{
    memcpy(r->version, r->list_version, sizeof(r->version));
    r->is_fresh = !r->synced;
    r->synced = true;
    r->version_gone = r->unpaged = false;
    r->listed_ms = now_ms;
    r->relist_at_ms = reflectorwait_relist_at_ms(now_ms, random);
    reflectorlist_forget(r);
    reflectorwait_rest(r, REFLECTOR_DUE_WATCH, now_ms, 0);
}

int reflectorlist_page(struct reflector *r, const char *version, const char *next_page,
                       uint64_t now_ms, uint32_t random)
{
    int rc = check_page(r, version, next_page);

    if (rc) {
        r->version_gone = r->version_gone || rc == -EAGAIN;
        reflectorlist_anew(r, rc == -EAGAIN ? REFLECTOR_BACKWARDS : r->cause, now_ms,
                           reflectorwait_backoff_ms(r, now_ms, random));
        return rc;
    }
    if (r->pages++ == 0) {
        memcpy(r->list_version, version, strlen(version) + 1);
    }
    if (!next_page[0]) {
        complete(r, now_ms, random);
        return 0;
    }
    memcpy(r->next_page, next_page, strlen(next_page) + 1);
    reflectorwait_rest(r, REFLECTOR_DUE_LIST, now_ms, 0);
    return 1;
}

/* Whether the page may be had a little later. */
static bool is_worth_asking_again(const struct reflector *r, const struct kubestatus *why)
{
    return r->next_page[0] && (why->code == 429 || why->code >= 500) &&
           r->backoff.attempts < REFLECTOR_PAGE_TRIES;
}

bool reflectorlist_refused(struct reflector *r, const struct kubestatus *why, uint64_t now_ms,
                           uint32_t random)
{
    if (r->next_page[0] && why->code == 410 && !r->unpaged) {
        /* The rest of this list is gone; in one piece it cannot get lost. */
        reflectorlist_anew(r, r->cause, now_ms, 0);
        r->unpaged = true;
        return false;
    }
    if ((why->code == 410 || why->too_large_version) && !r->version_gone) {
        r->version_gone = true;
        reflectorlist_anew(r, why->code == 410 ? r->cause : REFLECTOR_BACKWARDS, now_ms, 0);
        return false;
    }
    if (is_worth_asking_again(r, why)) {
        reflectorwait_rest(r, REFLECTOR_DUE_LIST, now_ms,
                           reflectorwait_refusal_ms(r, why, now_ms, random));
        return true;
    }
    /* A server that takes our version for nonsense would do so for ever. */
    r->version_gone = r->version_gone || why->code == 400 || why->code == 422;
    reflectorlist_anew(r, r->cause, now_ms, reflectorwait_refusal_ms(r, why, now_ms, random));
    return false;
}
