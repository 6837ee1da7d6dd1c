#include "reflectorwait_priv.h"

void reflectorwait_rest(struct reflector *r, uint8_t state, uint64_t now_ms, uint64_t wait_ms)
{
    r->state = state;
    r->opened = r->probing = r->dead = false;
    r->wait_until_ms = wait_ms ? now_ms + wait_ms : 0;
}

uint64_t reflectorwait_backoff_ms(struct reflector *r, uint64_t now_ms, uint32_t random)
{
    return backoff_next_ms(&r->backoff, &backoff_reflector, now_ms, random);
}

void reflectorwait_trust(struct reflector *r, uint64_t now_ms)
{
    if (r->opened && now_ms - r->asked_ms >= REFLECTOR_STEADY_MS) {
        r->backoff = (struct backoff){0};
    }
}

uint64_t reflectorwait_mend_ms(struct reflector *r, uint64_t now_ms, uint32_t random)
{
    if (r->synced && now_ms - r->listed_ms >= REFLECTOR_STEADY_MS) {
        return 0;
    }
    return reflectorwait_backoff_ms(r, now_ms, random);
}

static uint64_t asked_ms(const struct kubestatus *why)
{
    uint64_t asked = why->has_retry_after ? (uint64_t)why->retry_after_s * 1000 : 0;

    return asked < REFLECTOR_RETRY_MAX_MS ? asked : REFLECTOR_RETRY_MAX_MS;
}

uint64_t reflectorwait_refusal_ms(struct reflector *r, const struct kubestatus *why,
                                  uint64_t now_ms, uint32_t random)
{
    uint64_t wait = reflectorwait_backoff_ms(r, now_ms, random);
    uint64_t least = asked_ms(why);

    r->unanswered = why->code == 0;
    if (why->code == 401 && wait > REFLECTOR_DENIED_MS) {
        wait = REFLECTOR_DENIED_MS + ((uint64_t)REFLECTOR_DENIED_MS * random >> 32);
    }
    return wait > least ? wait : least;
}

uint64_t reflectorwait_again_ms(struct reflector *r, uint64_t lasted_ms, uint64_t now_ms,
                                uint32_t random)
{
    bool repeats = r->hasty && lasted_ms < REFLECTOR_STEADY_MS;

    r->hasty = true;
    return repeats ? reflectorwait_backoff_ms(r, now_ms, random) : 0;
}

uint64_t reflectorwait_relist_at_ms(uint64_t now_ms, uint32_t random)
{
    const uint64_t first = REFLECTOR_RELIST_MIN_MS;
    const uint64_t span = REFLECTOR_RELIST_MAX_MS - REFLECTOR_RELIST_MIN_MS;

    /* By chance, so that clients which began together do not list together for ever. */
    return now_ms + first + (random * span >> 32);
}

/* A page that follows one that came is no new attempt at anything. */
static bool is_page_after_page(const struct reflector *r)
{
    return r->next_page[0] && r->wait_until_ms == 0;
}

uint64_t reflectorwait_pace_due_ms(const struct reflector *r)
{
    const uint64_t lead = (uint64_t)(REFLECTOR_BURST - 1) * REFLECTOR_PACE_MS;

    if (is_page_after_page(r)) {
        return 0;
    }
    return r->pace_ms > lead ? r->pace_ms - lead : 0;
}

void reflectorwait_pace(struct reflector *r, uint64_t now_ms)
{
    if (!is_page_after_page(r)) {
        r->pace_ms = (r->pace_ms > now_ms ? r->pace_ms : now_ms) + REFLECTOR_PACE_MS;
    }
}
