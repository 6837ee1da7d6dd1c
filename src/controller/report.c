#include "controller/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "report_priv.h"
#include "reportmake_priv.h"

#define CHUNK_BYTES 4096

/* ---- life ----------------------------------------------------------------------------------- */

void report_discard(struct report_own *own)
{
    struct arena arena;

    if (own) {
        arena = own->arena; /* it holds the struct */
        arena_fini(&arena);
    }
}

static struct report_own *new_own(const struct report_source *from)
{
    struct arena arena;
    struct report_own *own;

    arena_init(&arena, CHUNK_BYTES);
    own = arena_alloc(&arena, sizeof(*own));
    if (!own) {
        return NULL;
    }
    own->arena = arena;
    own->report.generation = from->generation;
    own->report.published = from->published;
    atomic_init(&own->refs, 1);
    return own;
}

struct report *report_new(const struct report_source *from)
{
    struct report_own *own = new_own(from);

    if (!own) {
        return NULL;
    }
    if (reportmake_fill(own, from) != 0) {
        report_discard(own);
        return NULL;
    }
    own->report.bytes = own->arena.reserved_bytes;
    return &own->report;
}

struct report *report_ref(struct report *r)
{
    struct report_own *own = CONTAINER_OF(r, struct report_own, report);

    (void)atomic_fetch_add_explicit(&own->refs, 1, memory_order_relaxed);
    return r;
}

void report_unref(struct report *r)
{
    struct report_own *own;

    if (!r) {
        return;
    }
    own = CONTAINER_OF(r, struct report_own, report);
    /* Release what was read here; acquire what the others did before they let go. */
    if (atomic_fetch_sub_explicit(&own->refs, 1, memory_order_acq_rel) == 1) {
        report_discard(own);
    }
}

/* ---- looking things up ---------------------------------------------------------------------- */

int report_compare_object(const struct verdict *v, const char *kind, const char *ns,
                          const char *name)
{
    int order = strcmp(v->kind, kind);

    if (order == 0) {
        order = strcmp(v->ns, ns);
    }
    return order != 0 ? order : strcmp(v->name, name);
}

int report_compare_pool(const char *const a[3], const char *const b[3])
{
    int order = 0;

    for (size_t i = 0; i < 3 && order == 0; i++) {
        order = strcmp(a[i], b[i]);
    }
    return order;
}

const struct timespec *report_published(const struct report *r, uint64_t generation)
{
    return r && r->generation == generation ? &r->published : NULL;
}

const struct report_host *report_hosts_of(const struct report *r, const char *host, size_t *n_out)
{
    size_t low = 0, high = r->n_hosts, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(r->hosts[middle].host, host) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (end = low; end < r->n_hosts && strcmp(r->hosts[end].host, host) == 0; end++) {
    }
    *n_out = end - low;
    return &r->hosts[low];
}

const struct verdict *report_verdicts_of(const struct report *r, const char *kind, const char *ns,
                                         const char *name, size_t *n_out)
{
    size_t low = 0, high = r->n_verdicts, end;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (report_compare_object(&r->verdicts[middle], kind, ns, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (end = low;
         end < r->n_verdicts && report_compare_object(&r->verdicts[end], kind, ns, name) == 0;
         end++) {
    }
    *n_out = end - low;
    return &r->verdicts[low];
}

static int compare_key_to_pool(const void *key, const void *item)
{
    const struct report_pool *p = item;
    const char *const names[] = {p->ns, p->service, p->port};

    return report_compare_pool(key, names);
}

const struct report_pool *report_pool_of(const struct report *r, const char *ns,
                                         const char *service, const char *port)
{
    const char *const key[] = {ns, service, port};

    if (r->n_pools == 0) {
        return NULL;
    }
    return bsearch(key, r->pools, r->n_pools, sizeof(*r->pools), compare_key_to_pool);
}

/* ---- whether anything changed ---------------------------------------------------------------- */

/** Texts one behind the other, and a number, to a number.  NULL counts as a text of its own. */
static uint64_t digest_of(const char *const texts[], size_t n, uint64_t number)
{
    struct siphash_key key = {{number, n}};

    for (size_t i = 0; i < n; i++) {
        key.k[0] = siphash(&key, texts[i], texts[i] ? strlen(texts[i]) + 1 : 0);
    }
    return key.k[0];
}

/** Sums, so that the order does not matter. */
static uint64_t digest_of_verdicts(const struct verdicts *v)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < v->n; i++) {
        const struct verdict *one = &v->items[i];
        const char *const texts[] = {one->reason, one->kind, one->ns,
                                     one->name,   one->file, one->message};

        sum += digest_of(texts, ARRAY_LEN(texts), (uint64_t)one->line << 8 | one->severity);
    }
    return sum;
}

static uint64_t digest_of_unserved(const struct unserved *u)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < u->n_hosts; i++) {
        const struct unserved_host *h = &u->hosts[i];
        const char *const texts[] = {h->host, h->ns, h->ingress, h->said};

        sum += digest_of(texts, ARRAY_LEN(texts), h->why);
    }
    for (size_t i = 0; i < u->n_pools; i++) {
        const struct unserved_pool *p = &u->pools[i];
        const char *const texts[] = {p->ns, p->service, p->port, p->said};

        sum += digest_of(texts, ARRAY_LEN(texts), UNSERVED_WHYS);
    }
    return sum;
}

uint64_t report_digest(const struct report_source *from)
{
    const uint64_t parts[] = {from->generation, digest_of_verdicts(from->files),
                              digest_of_verdicts(from->routes), digest_of_unserved(from->unserved)};
    const struct siphash_key key = {{0, 0}};

    return siphash(&key, parts, sizeof(parts));
}
