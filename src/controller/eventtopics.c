#include "eventtopics_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/store.h"
#include "model/verdict.h"

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define TOLD_MAX 4u /* reasons named when an object is well again */
#define JOIN     ". Also: "

struct eventobject {
    UT_hash_handle hh;
    uint64_t key;
    struct eventtext_object about; /* its texts stand in `texts` */
    struct eventtopic *topics;
    const char *told[TOLD_MAX]; /* reasons of warnings that users were told of */
    size_t n_told;              /* more than TOLD_MAX: and others */
    char texts[];
};

/* ---- the table ------------------------------------------------------------------------------- */

void eventtopics_init(struct eventtopics *t)
{
    *t = (struct eventtopics){0};
    if (siphash_key_random(&t->key) < 0) {
        /* Without random bytes (a kernel older than 3.17) names can be aimed at one bucket. */
        memset(&t->key, 0, sizeof(t->key));
    }
}

static void free_topic(struct eventtopic *topic)
{
    free(topic->note);
    free(topic);
}

static void free_object(struct eventobject *o)
{
    while (o->topics) {
        struct eventtopic *topic = o->topics;

        o->topics = topic->next;
        free_topic(topic);
    }
    free(o);
}

void eventtopics_fini(struct eventtopics *t)
{
    struct eventobject *o = t->objects;

    HASH_CLEAR(hh, t->objects); /* frees the table; the entries keep their order */
    while (o) {
        struct eventobject *next = o->hh.next;

        free_object(o);
        o = next;
    }
    free(t->stood);
    *t = (struct eventtopics){0};
}

struct eventtopic *eventtopics_next(const struct eventtopics *t, const struct eventtopic *after)
{
    struct eventobject *o = after ? after->object->hh.next : t->objects;

    if (after && after->next) {
        return after->next;
    }
    while (o && !o->topics) {
        o = o->hh.next;
    }
    return o ? o->topics : NULL;
}

struct eventtext_object eventtopics_about(const struct eventtopic *t)
{
    return t->object->about;
}

/* ---- digests --------------------------------------------------------------------------------- */

static uint64_t digest(const struct siphash_key *key, const char *const *texts, size_t n)
{
    struct siphash_key chained = *key;

    for (size_t i = 0; i < n; i++) {
        chained.k[0] = siphash(&chained, texts[i], strlen(texts[i]));
    }
    return chained.k[0];
}

static uint64_t digest_object(const struct eventtopics *t, const struct verdict *v)
{
    const char *const texts[] = {v->kind, v->ns, v->name, v->uid};

    return digest(&t->key, texts, ARRAY_LEN(texts));
}

static bool is_warning(const struct verdict *v)
{
    return v->severity != VERDICT_NOTE;
}

static uint64_t digest_verdict(const struct eventtopics *t, const struct verdict *v)
{
    const char *const texts[] = {v->kind,   v->ns,     v->name, v->uid, is_warning(v) ? "w" : "n",
                                 v->reason, v->message};

    return digest(&t->key, texts, ARRAY_LEN(texts));
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static bool stood(const struct eventtopics *t, const struct verdict *v)
{
    uint64_t d = digest_verdict(t, v);

    return t->n_stood > 0 && bsearch(&d, t->stood, t->n_stood, sizeof(d), compare) != NULL;
}

static bool is_sayable(const struct verdict *v)
{
    return *v->file == '\0' && eventtext_is_object(v->kind, v->ns, v->name);
}

static size_t digest_all(const struct eventtopics *t, const struct verdicts *v, uint64_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++) {
        if (is_sayable(&v->items[i])) {
            out[n++] = digest_verdict(t, &v->items[i]);
        }
    }
    return n;
}

/* ---- objects and topics ---------------------------------------------------------------------- */

static const char *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    const char *put = memcpy(*at, text, size);

    *at += size;
    return put;
}

static struct eventobject *new_object(uint64_t key, const struct verdict *v)
{
    struct eventobject *o = calloc(1, sizeof(*o) + strlen(v->kind) + strlen(v->ns) +
                                          strlen(v->name) + strlen(v->uid) + 4);
    char *at;

    if (!o) {
        return NULL;
    }
    at = o->texts;
    o->key = key;
    o->about.kind = put_text(&at, v->kind);
    o->about.ns = put_text(&at, v->ns);
    o->about.name = put_text(&at, v->name);
    o->about.uid = put_text(&at, v->uid);
    return o;
}

static struct eventobject *find_or_add_object(struct eventtopics *t, const struct verdict *v)
{
    uint64_t key = digest_object(t, v);
    struct eventobject *o;

    HASH_FIND_BYHASHVALUE(hh, t->objects, &key, sizeof(key), (unsigned)key, o);
    if (o) {
        return o;
    }
    o = new_object(key, v);
    if (!o) {
        return NULL;
    }
    HASH_ADD_BYHASHVALUE(hh, t->objects, key, sizeof(key), (unsigned)key, o);
    if (!o->hh.tbl) {
        free(o);
        return NULL;
    }
    return o;
}

static struct eventtopic *find_or_add_topic(struct eventobject *o, const char *reason, bool warning)
{
    struct eventtopic *topic = o->topics;

    while (topic && (topic->is_warning != warning || strcmp(topic->reason, reason) != 0)) {
        topic = topic->next;
    }
    if (topic) {
        return topic;
    }
    topic = calloc(1, sizeof(*topic));
    if (topic) {
        topic->object = o;
        topic->reason = reason;
        topic->is_warning = warning;
        topic->next = o->topics;
        o->topics = topic;
    }
    return topic;
}

static void clear_note(struct eventtopic *topic)
{
    free(topic->note);
    topic->note = NULL;
    topic->len = topic->rest = 0;
}

/** Put a message behind what the note says; one that has no room there is counted. */
static int add_message(struct eventtopic *topic, const char *message)
{
    char clean[EVENTTEXT_NOTE];
    size_t len = eventtext_clean(message, clean), join = topic->note ? strlen(JOIN) : 0;
    char *note;

    if (topic->note && topic->len + join + len > EVENTLOG_NOTE_MAX) {
        topic->rest++;
        return 0;
    }
    note = realloc(topic->note, topic->len + join + len + 1);
    if (!note) {
        return -ENOMEM;
    }
    // NOLINTNEXTLINE(bugprone-not-null-terminated-result): what is joined to it is
    memcpy(note + topic->len, JOIN, join);
    memcpy(note + topic->len + join, clean, len + 1);
    topic->note = note;
    topic->len += join + len;
    return 0;
}

/* ---- a look ---------------------------------------------------------------------------------- */

static int gather(struct eventtopics *t, const struct verdict *v)
{
    struct eventobject *o = find_or_add_object(t, v);
    struct eventtopic *topic = o ? find_or_add_topic(o, v->reason, is_warning(v)) : NULL;

    if (!topic) {
        return -ENOMEM;
    }
    if (topic->round != t->round) {
        topic->round = t->round;
        topic->stands = true;
        clear_note(topic);
    }
    topic->is_new = topic->is_new || !stood(t, v);
    return add_message(topic, v->message);
}

static void gather_all(struct eventtopics *t, const struct verdicts *v)
{
    for (size_t i = 0; i < v->n; i++) {
        if (is_sayable(&v->items[i]) && gather(t, &v->items[i]) != 0) {
            t->lost++;
        }
    }
}

static bool is_there(const struct store *s, const struct eventtext_object *about)
{
    for (int kind = 0; kind < OBJECT_KINDS; kind++) {
        const struct objmeta *o;

        if (strcmp(object_kind_name((enum object_kind)kind), about->kind) != 0) {
            continue;
        }
        o = store_find(s, (enum object_kind)kind, about->ns, about->name);
        return o && (*about->uid == '\0' || strcmp(o->uid, about->uid) == 0);
    }
    return false;
}

static void describe_mended(const struct eventobject *o, bool is_well, char text[EVENTTEXT_NOTE])
{
    size_t n = o->n_told < TOLD_MAX ? o->n_told : TOLD_MAX, len = 0;

    for (size_t i = 0; i < n; i++) {
        const char *join = i == 0 ? "" : i + 1 < n || o->n_told > TOLD_MAX ? ", " : " and ";

        len += (size_t)snprintf(text + len, EVENTTEXT_NOTE - len, "%s%s", join, o->told[i]);
    }
    snprintf(text + len, EVENTTEXT_NOTE - len, "%s no longer hold%s%s",
             o->n_told > TOLD_MAX ? " and others" : "", o->n_told > 1 ? "" : "s",
             is_well ? "; nothing is left to mend" : "");
}

/** No warning is left on an object of which users were told some. */
static int resolve(struct eventobject *o, bool is_well)
{
    struct eventtopic *topic = find_or_add_topic(o, "Resolved", false);
    char text[EVENTTEXT_NOTE];

    if (!topic) {
        return -ENOMEM;
    }
    describe_mended(o, is_well, text);
    clear_note(topic);
    topic->is_resolved = topic->stands = topic->is_new = true;
    return add_message(topic, text);
}

static void cease(struct eventtopic *topic)
{
    if (topic) {
        topic->stands = topic->is_new = false;
    }
}

static void settle_object(struct eventtopics *t, const struct store *s, struct eventobject *o)
{
    struct eventtopic *resolved = NULL;
    size_t warnings = 0, notes = 0;

    for (struct eventtopic *topic = o->topics; topic; topic = topic->next) {
        if (topic->is_resolved) {
            resolved = topic;
            continue;
        }
        if (topic->round != t->round) {
            cease(topic);
        }
        warnings += topic->stands && topic->is_warning;
        notes += topic->stands && !topic->is_warning;
    }
    if (warnings > 0) {
        cease(resolved);
        return;
    }
    if (o->n_told == 0) {
        return;
    }
    if (!is_there(s, &o->about)) {
        o->n_told = 0;
        cease(resolved);
    } else if (!(resolved && resolved->stands) && resolve(o, notes == 0) != 0) {
        t->lost++;
    }
}

bool eventtopics_look(struct eventtopics *t, const struct eventtopics_view *now)
{
    size_t most = now->decoded->n + now->translated->n, n;
    uint64_t *digests;

    if (now->decoded->lost || now->translated->lost) {
        return false; /* what is missing there would look mended */
    }
    digests = malloc((most > 0 ? most : 1) * sizeof(*digests));
    if (!digests) {
        return false;
    }
    n = digest_all(t, now->decoded, digests);
    n += digest_all(t, now->translated, digests + n);
    qsort(digests, n, sizeof(*digests), compare);
    if (n == t->n_stood && (n == 0 || memcmp(digests, t->stood, n * sizeof(*digests)) == 0)) {
        free(digests);
        return false;
    }
    t->round++;
    gather_all(t, now->decoded);
    gather_all(t, now->translated);
    for (struct eventobject *o = t->objects; o; o = o->hh.next) {
        settle_object(t, now->store, o);
    }
    free(t->stood);
    t->stood = digests;
    t->n_stood = n;
    return true;
}

/* ---- what was told --------------------------------------------------------------------------- */

void eventtopics_tell(struct eventtopic *t)
{
    struct eventobject *o = t->object;

    if (t->is_resolved) {
        o->n_told = 0;
    }
    if (!t->is_warning) {
        return;
    }
    for (size_t i = 0; i < o->n_told && i < TOLD_MAX; i++) {
        if (o->told[i] == t->reason) {
            return;
        }
    }
    if (o->n_told < TOLD_MAX) {
        o->told[o->n_told] = t->reason;
    }
    o->n_told += o->n_told <= TOLD_MAX;
}

void eventtopics_forget(struct eventtopics *t)
{
    for (struct eventobject *o = t->objects; o; o = o->hh.next) {
        o->n_told = 0;
        for (struct eventtopic *topic = o->topics; topic; topic = topic->next) {
            topic->stands = topic->stands && !topic->is_resolved;
            topic->is_new = topic->stands;
            topic->series = (struct eventseries){0};
        }
    }
}

static bool is_idle(const struct eventtopic *topic)
{
    return !topic->is_queued && !topic->is_under_way && (!topic->stands || topic->is_resolved);
}

/** Returns whether an idle one is kept for now. */
static bool sweep_object(struct eventobject *o, uint64_t now_ms)
{
    bool keeps = false;

    for (struct eventtopic **at = &o->topics; *at;) {
        struct eventtopic *topic = *at;

        if (is_idle(topic) && eventseries_is_over(&topic->series, now_ms)) {
            *at = topic->next;
            free_topic(topic);
            continue;
        }
        if (is_idle(topic)) {
            clear_note(topic);
            keeps = true;
        }
        at = &topic->next;
    }
    return keeps;
}

bool eventtopics_sweep(struct eventtopics *t, uint64_t now_ms)
{
    struct eventobject *o, *next;
    bool keeps = false;

    HASH_ITER (hh, t->objects, o, next) {
        keeps = sweep_object(o, now_ms) || keeps;
        if (!o->topics) {
            // NOLINTNEXTLINE(clang-analyzer-*): the table is not empty, for it holds the object
            HASH_DEL(t->objects, o);
            free_object(o);
        }
    }
    return keeps;
}
