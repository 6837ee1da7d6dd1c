#include "statusqueue_priv.h"

#include <stdlib.h>
#include <string.h>

static int key_differs(const void *a, const void *b)
{
    return !statuskey_same(a, b);
}

#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, n) key_differs(a, b)

void statusqueue_init(struct statusqueue *q, void *owner)
{
    *q = (struct statusqueue){.owner = owner, .wake_ms = UINT64_MAX};
    for (size_t i = 0; i < STATUSTASK_STATES; i++) {
        TAILQ_INIT(&q->lists[i]);
    }
}

static void free_task(struct statustask *t)
{
    ASSERT(t->state != STATUSTASK_FLYING);
    free(t->body);
    free(t);
}

void statusqueue_fini(struct statusqueue *q)
{
    struct statustask *t = q->tasks;

    HASH_CLEAR(hh, q->tasks); /* frees the table; the tasks keep their order */
    while (t) {
        struct statustask *next = t->hh.next;

        free_task(t);
        t = next;
    }
    statusqueue_init(q, q->owner);
}

size_t statusqueue_count(const struct statusqueue *q)
{
    return HASH_COUNT(q->tasks);
}

struct statustask *statusqueue_find(const struct statusqueue *q, const struct statuskey *k)
{
    struct statustask *t;

    HASH_FIND_BYHASHVALUE(hh, q->tasks, k, sizeof(*k), k->hash, t);
    return t;
}

struct statustask *statusqueue_add(struct statusqueue *q, const struct statuskey *k)
{
    size_t ns_size = strlen(k->ns) + 1, name_size = strlen(k->name) + 1;
    struct statustask *t = calloc(1, sizeof(*t) + ns_size + name_size);

    if (!t) {
        return NULL;
    }
    t->key.ns = memcpy(t + 1, k->ns, ns_size);
    t->key.name = memcpy((char *)(t + 1) + ns_size, k->name, name_size);
    t->key.hash = k->hash;
    t->owner = q->owner;
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, q->tasks, &t->key, sizeof(t->key), k->hash, t);
    if (!t->hh.tbl) {
        free(t);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&q->lists[t->state], t, links);
    return t;
}

void statusqueue_remove(struct statusqueue *q, struct statustask *t)
{
    HASH_DEL(q->tasks, t);
    TAILQ_REMOVE(&q->lists[t->state], t, links);
    free_task(t);
}

static void forget_body(struct statustask *t)
{
    free(t->body);
    t->body = NULL;
    t->body_len = 0;
}

void statusqueue_move(struct statusqueue *q, struct statustask *t, enum statustask_state state)
{
    q->n_flying -= t->state == STATUSTASK_FLYING;
    q->n_flying += state == STATUSTASK_FLYING;
    TAILQ_REMOVE(&q->lists[t->state], t, links);
    TAILQ_INSERT_TAIL(&q->lists[state], t, links);
    t->state = state;
    if (state == STATUSTASK_IDLE) {
        forget_body(t);
    }
}

void statusqueue_wait(struct statusqueue *q, struct statustask *t, uint64_t until_ms,
                      bool waits_for_change)
{
    t->not_before_ms = until_ms;
    t->waits_for_change = waits_for_change;
    q->wake_ms = until_ms < q->wake_ms ? until_ms : q->wake_ms;
    statusqueue_move(q, t, STATUSTASK_WAITING);
}

void statusqueue_want(struct statusqueue *q, struct statustask *t, uint64_t digest, char *body,
                      size_t len)
{
    forget_body(t);
    t->want = digest;
    t->body = body;
    t->body_len = len;
    if (t->state == STATUSTASK_FLYING) {
        return; /* decided when it has landed */
    }
    if (digest == 0) {
        statusqueue_move(q, t, STATUSTASK_IDLE);
    } else if (t->state == STATUSTASK_IDLE ||
               (t->state == STATUSTASK_WAITING && t->waits_for_change)) {
        statusqueue_move(q, t, STATUSTASK_READY);
    }
}

/* What is left by then decides when to look again; those that left earlier may have made it early.
 */
void statusqueue_wake(struct statusqueue *q, uint64_t now_ms)
{
    struct statustask *t, *next;

    if (now_ms < q->wake_ms) {
        return;
    }
    q->wake_ms = UINT64_MAX;
    for (t = TAILQ_FIRST(&q->lists[STATUSTASK_WAITING]); t; t = next) {
        next = TAILQ_NEXT(t, links);
        if (t->not_before_ms <= now_ms) {
            statusqueue_move(q, t, STATUSTASK_READY);
        } else if (t->not_before_ms < q->wake_ms) {
            q->wake_ms = t->not_before_ms;
        }
    }
}

uint64_t statusqueue_wake_ms(const struct statusqueue *q)
{
    return q->wake_ms;
}

struct statustask *statusqueue_first(const struct statusqueue *q, enum statustask_state state)
{
    return TAILQ_FIRST(&q->lists[state]);
}
