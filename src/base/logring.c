#include "base/logring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A record is a 32-bit length and the line, padded to the header's size, never split: where it
 * does not fit before the end of the ring, a WRAP header sends the consumer back to the start.
 * Positions only grow; masked they are offsets.
 */
#define HEADER_BYTES sizeof(uint32_t)
#define WRAP         UINT32_MAX

struct lane {
    char *bytes; /* set at birth, as is mask */
    size_t mask;
    char pad_to_producer[CACHE_LINE]; /* what two threads write shares no cache line */
    _Atomic size_t head;              /* end of the newest record; the producer writes */
    size_t tail_seen;                 /* the producer's last look at tail */
    _Atomic uint64_t dropped;
    char pad_to_consumer[CACHE_LINE];
    _Atomic size_t tail; /* start of the oldest record; the consumer writes */
    char pad_to_next[CACHE_LINE];
};

struct logring {
    struct logring_bell *bell; /* borrowed; NULL: nobody to wake */
    struct lane lanes[LOG_STREAMS];
};

struct logring *logring_new(size_t bytes)
{
    struct logring *r = calloc(1, sizeof(*r));

    ASSERT(bytes >= HEADER_BYTES && bytes <= WRAP && (bytes & (bytes - 1)) == 0);
    if (r == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        r->lanes[i].mask = bytes - 1;
        r->lanes[i].bytes = malloc(bytes);
        if (r->lanes[i].bytes == NULL) {
            goto fail;
        }
    }
    return r;
fail:
    logring_free(r);
    return NULL;
}

void logring_free(struct logring *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < LOG_STREAMS; i++) {
        free(r->lanes[i].bytes);
    }
    free(r);
}

void logring_set_bell(struct logring *r, struct logring_bell *bell)
{
    r->bell = bell;
}

static size_t record_bytes(size_t len)
{
    return (HEADER_BYTES + len + HEADER_BYTES - 1) & ~(HEADER_BYTES - 1);
}

static void put_header(struct lane *lane, size_t at, uint32_t value)
{
    memcpy(lane->bytes + (at & lane->mask), &value, sizeof(value));
}

static uint32_t get_header(const struct lane *lane, size_t at)
{
    uint32_t value;

    memcpy(&value, lane->bytes + (at & lane->mask), sizeof(value));
    return value;
}

static size_t bytes_to_end(const struct lane *lane, size_t at)
{
    return lane->mask + 1 - (at & lane->mask);
}

/* Looks at the consumer's cache line only when the last look is not enough. */
static bool has_room(struct lane *lane, size_t head, size_t need)
{
    size_t size = lane->mask + 1;

    if (need <= size - (head - lane->tail_seen)) {
        return true;
    }
    lane->tail_seen = atomic_load_explicit(&lane->tail, memory_order_acquire);
    return need <= size - (head - lane->tail_seen);
}

static bool lane_push(struct lane *lane, const char *line, size_t len)
{
    size_t head = atomic_load_explicit(&lane->head, memory_order_relaxed);
    size_t need, skip;

    if (len > lane->mask) {
        return false;
    }
    need = record_bytes(len);
    skip = need <= bytes_to_end(lane, head) ? 0 : bytes_to_end(lane, head);
    if (!has_room(lane, head, skip + need)) {
        return false;
    }
    if (skip > 0) {
        put_header(lane, head, WRAP);
        head += skip;
    }
    put_header(lane, head, (uint32_t)len);
    memcpy(lane->bytes + (head & lane->mask) + HEADER_BYTES, line, len);
    /* Sequentially consistent: see wake(). */
    atomic_store_explicit(&lane->head, head + need, memory_order_seq_cst);
    return true;
}

/*
 * Either this load sees that the consumer sleeps, or the consumer, who sets `wanted` before it
 * looks at head, sees the line: both sides are seq_cst, so the wake-up cannot be lost.
 */
static void wake(struct logring_bell *bell)
{
    const uint64_t one = 1;

    if (bell == NULL || !atomic_load_explicit(&bell->wanted, memory_order_seq_cst)) {
        return;
    }
    if (atomic_exchange_explicit(&bell->wanted, false, memory_order_relaxed)) {
        (void)!write(bell->event_fd, &one, sizeof(one)); /* EAGAIN: it rings already */
    }
}

bool logring_push(struct logring *r, enum log_stream stream, const char *line, size_t len)
{
    struct lane *lane = &r->lanes[stream];
    uint64_t dropped;

    if (!lane_push(lane, line, len)) {
        dropped = atomic_load_explicit(&lane->dropped, memory_order_relaxed);
        atomic_store_explicit(&lane->dropped, dropped + 1, memory_order_relaxed);
        return false;
    }
    wake(r->bell);
    return true;
}

static size_t lane_drain(struct lane *lane, enum log_stream stream, logring_line_fn fn, void *ctx)
{
    size_t head = atomic_load_explicit(&lane->head, memory_order_acquire);
    size_t tail = atomic_load_explicit(&lane->tail, memory_order_relaxed);
    size_t taken = 0;

    while (tail != head) {
        uint32_t len = get_header(lane, tail);

        if (len == WRAP) {
            tail += bytes_to_end(lane, tail);
            continue;
        }
        if (!fn(ctx, stream, lane->bytes + (tail & lane->mask) + HEADER_BYTES, len)) {
            break;
        }
        taken++;
        tail += record_bytes(len);
        atomic_store_explicit(&lane->tail, tail, memory_order_release);
    }
    return taken;
}

size_t logring_drain(struct logring *r, logring_line_fn fn, void *ctx)
{
    size_t taken = 0;

    for (size_t i = 0; i < LOG_STREAMS; i++) {
        taken += lane_drain(&r->lanes[i], (enum log_stream)i, fn, ctx);
    }
    return taken;
}

bool logring_has_lines(const struct logring *r, enum log_stream stream)
{
    const struct lane *lane = &r->lanes[stream];

    return atomic_load_explicit(&lane->head, memory_order_seq_cst) !=
           atomic_load_explicit(&lane->tail, memory_order_relaxed);
}

uint64_t logring_dropped(const struct logring *r, enum log_stream stream)
{
    return atomic_load_explicit(&r->lanes[stream].dropped, memory_order_relaxed);
}
