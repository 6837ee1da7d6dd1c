#include "ownership_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES sizeof(((struct ownership_item *)NULL)->chunk)
#define POOL_BYTES  256u /* with its texts and a few endpoints, which are made right after it */
#define SMALL_RUN   8u
#define AHEAD       8u

static int compare_age(const struct ownership_claim *a, const struct ownership_claim *b)
{
    int order;

    if (a->claim.created_s != b->claim.created_s) {
        return a->claim.created_s < b->claim.created_s ? -1 : 1;
    }
    order = strcmp(a->claim.ns, b->claim.ns);
    if (order == 0) {
        order = strcmp(a->claim.ingress, b->claim.ingress);
    }
    if (order == 0) {
        order = (a->serial > b->serial) - (a->serial < b->serial);
    }
    return order;
}

static int compare_items_by_age(const void *left, const void *right)
{
    const struct ownership_item *a = left, *b = right;

    return compare_age(a->claim, b->claim);
}

static unsigned __int128 chunk_of(const struct ownership_item *item)
{
    return (unsigned __int128)item->chunk[0] << 64 | item->chunk[1];
}

static void insert_chunks(struct ownership_item *items, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct ownership_item item = items[i];
        size_t k = i;

        for (; k > 0 && chunk_of(&item) < chunk_of(&items[k - 1]); k--) {
            items[k] = items[k - 1];
        }
        items[k] = item;
    }
}

/* Merge the first `half` items with the others; both are sorted. */
static void merge_chunks(struct ownership_item *items, size_t half, size_t n,
                         struct ownership_item *scratch)
{
    struct ownership_item *left = scratch, *left_end = scratch + half;
    struct ownership_item *right = items + half, *right_end = items + n, *to = items;

    memcpy(scratch, items, half * sizeof(*items));
    while (left < left_end && right < right_end) {
        size_t take_right = chunk_of(right) < chunk_of(left);

        *to++ = *(take_right ? right : left);
        right += take_right;
        left += 1 - take_right;
    }
    memcpy(to, left, (size_t)(left_end - left) * sizeof(*items));
}

/*
 * A merge sort of our own, because its inner loop has no branch that depends on the data: three
 * times as quick as qsort(3) where claims come in no order.  Recursion halves.
 */
static void sort_chunks(struct ownership_item *items, size_t n, struct ownership_item *scratch)
{
    if (n <= SMALL_RUN) {
        insert_chunks(items, n);
        return;
    }
    sort_chunks(items, n / 2, scratch);
    sort_chunks(items + n / 2, n - n / 2, scratch);
    merge_chunks(items, n / 2, n, scratch);
}

static bool is_same_chunk(const struct ownership_item *a, const struct ownership_item *b)
{
    return a->chunk[0] == b->chunk[0] && a->chunk[1] == b->chunk[1];
}

/* As many bytes as fit, as numbers that compare as they do; the last byte is 0 if the text ends. */
static void load_chunk(struct ownership_item *item, const char *text)
{
    for (size_t i = 0; i < CHUNK_BYTES; i++) {
        uint64_t *part = &item->chunk[i / sizeof(*part)];

        *part = *part << 8 | (unsigned char)*text;
        text += *text != '\0';
    }
}

static bool host_ends(const struct ownership_item *item)
{
    return (item->chunk[1] & 0xff) == 0;
}

struct ownership_item ownership_item(const struct ownership_claim *c)
{
    struct ownership_item item = {.claim = c, .pool = c->claim.pool};

    load_chunk(&item, c->claim.host);
    return item;
}

void ownership_look_ahead(const struct ownership_item *items, size_t n, size_t i)
{
    const char *pool;

    if (i + AHEAD >= n) {
        return;
    }
    __builtin_prefetch(items[i + AHEAD].claim);
    __builtin_prefetch(items[i + AHEAD].claim->texts);
    pool = (const char *)items[i + AHEAD].pool;
    for (size_t k = 0; k < POOL_BYTES; k += CACHE_LINE) {
        __builtin_prefetch(pool + k);
    }
}

static size_t run_length(const struct ownership_item *items, size_t n)
{
    size_t len = 1;

    while (len < n && is_same_chunk(&items[len], &items[0])) {
        len++;
    }
    return len;
}

/*
 * Sort claims whose hosts are equal before `depth`, where their chunks are from.  Chunk by chunk,
 * because comparing whole hosts would go to two claims for every comparison.  The recursion ends
 * with the longest host.
 */
static void sort_from(struct ownership_item *items, size_t n, size_t depth,
                      struct ownership_item *scratch)
{
    size_t len;

    sort_chunks(items, n, scratch);
    for (size_t i = 0; i < n; i += len) {
        len = run_length(items + i, n - i);
        if (len == 1) {
            continue;
        }
        if (host_ends(&items[i])) {
            qsort(items + i, len, sizeof(*items), compare_items_by_age);
            continue;
        }
        for (size_t k = i; k < i + len; k++) {
            load_chunk(&items[k], items[k].claim->claim.host + depth + CHUNK_BYTES);
        }
        sort_from(items + i, len, depth + CHUNK_BYTES, scratch);
    }
}

int ownership_sort(struct ownership_item *items, size_t n)
{
    struct ownership_item *scratch;

    if (n < 2) {
        return 0;
    }
    scratch = calloc(n / 2, sizeof(*scratch));
    if (scratch == NULL) {
        return -ENOMEM;
    }
    sort_from(items, n, 0, scratch);
    free(scratch);
    return 0;
}

static bool is_same_host(const struct ownership_item *a, const struct ownership_item *b)
{
    return is_same_chunk(a, b) && strcmp(a->claim->claim.host, b->claim->claim.host) == 0;
}

static bool is_same_namespace(const struct claim *a, const struct claim *b)
{
    return strcmp(a->ns, b->ns) == 0;
}

struct ownership_host ownership_settle(const struct ownership_item *items, size_t n)
{
    struct ownership_host h = {.items = items, .n = 1};
    const struct claim *oldest = &items[0].claim->claim;

    while (h.n < n && is_same_host(&items[0], &items[h.n])) {
        h.n++;
    }
    for (size_t i = 0; i < h.n; i++) {
        const struct claim *c = &items[i].claim->claim;

        if (c->marked && is_same_namespace(c, oldest)) {
            h.winner = i;
            break;
        }
    }
    return h;
}

static const struct claim *claim_at(const struct ownership_host *h, size_t i)
{
    return &h->items[i].claim->claim;
}

const struct claim *ownership_winner(const struct ownership_host *h)
{
    return claim_at(h, h->winner);
}

/* The same Ingress with the same backend again: there is nothing to lose. */
static bool is_same_claim(const struct claim *a, const struct claim *b)
{
    return a->pool == b->pool && is_same_namespace(a, b) && strcmp(a->ingress, b->ingress) == 0;
}

bool ownership_is_lost(const struct ownership_host *h, size_t i, enum claim_loss *why_out)
{
    const struct claim *c = claim_at(h, i), *winner = ownership_winner(h);

    if (i == h->winner || is_same_claim(c, winner) ||
        (i > 0 && is_same_claim(c, claim_at(h, i - 1)))) {
        return false;
    }
    if (!is_same_namespace(c, winner)) {
        *why_out = CLAIM_OTHER_NAMESPACE;
    } else if (c->pool == winner->pool) {
        *why_out = CLAIM_SAME_BACKEND;
    } else if (winner->marked && !c->marked && i < h->winner) {
        *why_out = CLAIM_NOT_MARKED;
    } else {
        *why_out = CLAIM_OLDER_IN_NAMESPACE;
    }
    return true;
}
