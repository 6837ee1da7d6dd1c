#include "route/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/siphash.h"
#include "series_priv.h"

/* What one writer adds to. */
struct block {
    _Atomic(_Atomic uint64_t *) cells; /* NULL until it counts */
};

struct route_series {
    struct series_set *set;
    _Atomic(struct block *) blocks; /* one per writer; NULL until one counts: most never do */
    uint32_t writers;
    uint32_t routes; /* states that name it; controller only */
    uint32_t hash;
    uint32_t text_len;
    char texts[]; /* namespace, ingress, service, a terminator behind each */
};

struct text {
    const char *bytes;
    size_t len;
};

static bool has_texts(const void *item, const void *key)
{
    const struct route_series *s = item;
    const struct text *text = key;

    return s->text_len == text->len && memcmp(s->texts, text->bytes, text->len) == 0;
}

int series_set_init(struct series_set *set, const struct siphash_key *key, unsigned writers,
                    size_t n_cells)
{
    *set = (struct series_set){.key = key};
    if (writers > 0 && n_cells > 0) {
        set->removed = calloc(n_cells, sizeof(*set->removed));
        if (set->removed == NULL) {
            return -ENOMEM;
        }
        set->writers = writers;
        set->n_cells = n_cells;
    }
    ptrset_init(&set->all, offsetof(struct route_series, hash), has_texts);
    (void)pthread_mutex_init(&set->lock, NULL); /* cannot fail with default attributes */
    return 0;
}

static bool free_series(void *item)
{
    struct route_series *s = item;
    struct block *b = atomic_load_explicit(&s->blocks, memory_order_acquire);

    for (unsigned i = 0; b != NULL && i < s->writers; i++) {
        free(atomic_load_explicit(&b[i].cells, memory_order_acquire));
    }
    free(b);
    free(s);
    return true;
}

void series_set_fini(struct series_set *set)
{
    (void)ptrset_drop_if(&set->all, free_series);
    ptrset_fini(&set->all);
    free(set->removed);
    (void)pthread_mutex_destroy(&set->lock);
}

static struct route_series *add(struct series_set *set, const struct text *text, uint32_t hash)
{
    struct route_series *s = calloc(1, sizeof(*s) + text->len);
    int rc;

    if (s == NULL) {
        return NULL;
    }
    s->set = set;
    s->writers = set->writers;
    s->hash = hash;
    s->text_len = (uint32_t)text->len;
    memcpy(s->texts, text->bytes, text->len);
    (void)pthread_mutex_lock(&set->lock);
    rc = ptrset_add(&set->all, s);
    set->text_bytes += rc == 0 ? text->len : 0;
    (void)pthread_mutex_unlock(&set->lock);
    if (rc < 0) {
        free(s);
        return NULL;
    }
    return s;
}

int series_take(struct series_set *set, const char *texts, size_t len, struct route_series **out)
{
    struct text text = {.bytes = texts, .len = len};
    uint32_t hash;
    struct route_series *s;

    if (set->n_cells == 0) {
        *out = NULL;
        return 0;
    }
    hash = (uint32_t)siphash(set->key, texts, len);
    s = ptrset_find(&set->all, hash, &text);
    if (s == NULL) {
        s = add(set, &text, hash);
    }
    if (s == NULL) {
        return -ENOMEM;
    }
    s->routes++;
    *out = s;
    return 0;
}

/* Add what all writers counted. */
static void add_cells(const struct route_series *s, uint64_t *sum)
{
    struct block *b = atomic_load_explicit(&s->blocks, memory_order_acquire);

    for (unsigned i = 0; b != NULL && i < s->writers; i++) {
        _Atomic uint64_t *cells = atomic_load_explicit(&b[i].cells, memory_order_acquire);

        for (size_t k = 0; cells != NULL && k < s->set->n_cells; k++) {
            sum[k] += atomic_load_explicit(&cells[k], memory_order_relaxed);
        }
    }
}

/*
 * No writer is on it any more: each counted before it left its route state, with release order, and
 * the registry saw that state's last one leave with acquire order.  So what is added is final.
 */
void series_release(struct route_series *s)
{
    struct series_set *set;

    if (s == NULL || --s->routes > 0) {
        return;
    }
    set = s->set;
    (void)pthread_mutex_lock(&set->lock);
    add_cells(s, set->removed);
    set->text_bytes -= s->text_len;
    ptrset_remove(&set->all, s);
    (void)pthread_mutex_unlock(&set->lock);
    (void)free_series(s);
}

/* Several writers may come first. */
static struct block *make_blocks(struct route_series *s)
{
    struct block *b = calloc(s->writers, sizeof(*b));
    struct block *first = NULL;

    if (b != NULL && !atomic_compare_exchange_strong_explicit(
                         &s->blocks, &first, b, memory_order_acq_rel, memory_order_acquire)) {
        free(b);
        return first;
    }
    return b;
}

/* Only the writer itself comes here. */
static _Atomic uint64_t *make_cells(struct block *b, size_t n)
{
    size_t bytes = (n * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *cells = aligned_alloc(CACHE_LINE, bytes);

    if (cells != NULL) {
        memset(cells, 0, bytes);
        atomic_store_explicit(&b->cells, cells, memory_order_release);
    }
    return cells;
}

_Atomic uint64_t *series_cells(struct route_series *s, unsigned writer, size_t n)
{
    struct block *b;
    _Atomic uint64_t *cells;

    if (s == NULL || writer >= s->writers) {
        return NULL;
    }
    b = atomic_load_explicit(&s->blocks, memory_order_acquire);
    if (b == NULL) {
        b = make_blocks(s);
    }
    if (b == NULL) {
        return NULL;
    }
    cells = atomic_load_explicit(&b[writer].cells, memory_order_relaxed);
    if (cells == NULL) {
        ASSERT(n == s->set->n_cells);
        cells = make_cells(&b[writer], n);
    }
    return cells;
}

static const char *next_text(const char *text)
{
    return text + strlen(text) + 1;
}

/* Room for everything there is; what has counted nothing leaves its share untouched. */
static void *snapshot_memory(const struct series_set *set)
{
    size_t numbers = (set->all.n + 1) * set->n_cells * sizeof(uint64_t);

    return malloc(set->all.n * sizeof(struct series_sum) + numbers + set->text_bytes);
}

/* Copy one series to the places given. */
static void copy(const struct route_series *s, uint64_t *cells, char *texts, struct series_sum *out)
{
    memset(cells, 0, s->set->n_cells * sizeof(*cells));
    add_cells(s, cells);
    memcpy(texts, s->texts, s->text_len);
    out->ns = texts;
    out->ingress = next_text(out->ns);
    out->service = next_text(out->ingress);
    out->cells = cells;
}

/* Under the lock.  The memory holds sums, then cells, then texts. */
static void take_snapshot(const struct series_set *set, void *memory, struct series_snapshot *out)
{
    struct series_sum *sums = memory;
    uint64_t *cells = (uint64_t *)(sums + set->all.n);
    char *texts = (char *)(cells + (set->all.n + 1) * set->n_cells);
    size_t n = 0;

    *out = (struct series_snapshot){.series = sums, .removed = cells, .n_cells = set->n_cells};
    memcpy(cells, set->removed, set->n_cells * sizeof(*cells));
    for (size_t i = 0; i < set->all.cap; i++) {
        const struct route_series *s = set->all.slots[i];

        if (s != NULL && atomic_load_explicit(&s->blocks, memory_order_relaxed) != NULL) {
            cells += set->n_cells;
            copy(s, cells, texts, &sums[n++]);
            texts += s->text_len;
        }
    }
    out->n_series = n;
}

int series_set_snapshot(struct series_set *set, struct series_snapshot *out)
{
    void *memory;

    if (set->n_cells == 0) {
        *out = (struct series_snapshot){0};
        return 0;
    }
    (void)pthread_mutex_lock(&set->lock);
    memory = snapshot_memory(set);
    if (memory != NULL) {
        take_snapshot(set, memory, out);
    }
    (void)pthread_mutex_unlock(&set->lock);
    return memory != NULL ? 0 : -ENOMEM;
}

void series_snapshot_fini(struct series_snapshot *s)
{
    free(s->series);
    *s = (struct series_snapshot){0};
}
