#include "manifest/manifesttext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "manifest/yamldoc.h"
#include "model/decode.h"

#define LIST_DEPTH    4 /* a List within a List: nobody writes one, somebody might */
#define FIRST_OBJECTS 8

struct reading {
    const struct manifestfile_request *want;
    struct manifestcontent *out;
    struct decode_source source;
    size_t unsaid; /* verdicts over LIMIT_VERDICTS_PER_FILE */
};

/** Append an object, taking over the caller's reference unless it fails. */
static int append(struct reading *r, struct objmeta *o)
{
    struct manifestcontent *c = r->out;

    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : FIRST_OBJECTS;
        struct manifestobj *grown = realloc(c->objs, cap * sizeof(*grown));

        if (!grown) {
            return -ENOMEM;
        }
        c->objs = grown;
        c->cap = cap;
    }
    c->objs[c->n] = (struct manifestobj){.meta = o, .path = r->want->path, .order = c->n};
    c->n++;
    return 0;
}

static const char *text_member(const cJSON *tree, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, key));
}

/** The last usable version of an object that is not usable now; NULL when it cannot be told. */
static struct objmeta *find_last(const struct reading *r, const cJSON *list, const cJSON *tree)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(tree, "metadata");
    const char *name = text_member(meta, "name");
    const char *ns = text_member(meta, "namespace");
    enum object_kind kind;

    if (!r->want->find_last || !name || !decode_kind(list, tree, &kind)) {
        return NULL;
    }
    if (kind == OBJECT_INGRESS_CLASS) {
        ns = "";
    } else if (!ns || !*ns) {
        ns = "default";
    }
    return r->want->find_last(r->want->find_ctx, kind, ns, name);
}

static int keep_last(struct reading *r, const cJSON *list, const cJSON *tree, struct verdicts *v)
{
    struct objmeta *last = find_last(r, list, tree);
    int rc;

    if (!last) {
        return 0;
    }
    verdicts_add(v, last, r->source.line_of(r->source.ctx, tree), VERDICT_NOTE, "LastGoodKept",
                 "the object as it was before stays in service until this is mended");
    rc = append(r, object_ref(last));
    if (rc != 0) {
        object_unref(last);
    }
    return rc;
}

/** Decode an object, which may be an item of `list` (NULL: it is none). */
static int decode_one(struct reading *r, const cJSON *list, const cJSON *tree, struct verdicts *v)
{
    size_t said = v->n;
    struct objmeta *o = NULL;
    int rc;

    switch (list ? decode_list_item(list, tree, &r->source, v, &o)
                 : decode_object(tree, &r->source, v, &o)) {
    case DECODE_OK:
        rc = append(r, o);
        if (rc != 0) {
            object_unref(o);
        }
        return rc;
    case DECODE_REFUSED:
        rc = keep_last(r, list, tree, v);
        verdicts_mark_refused(v, said);
        return rc;
    case DECODE_NOT_OURS:
        return 0;
    case DECODE_NO_MEMORY:
        break;
    }
    return -ENOMEM;
}

/** Likewise; its verdicts count against the cap of the file. */
static int decode_capped(struct reading *r, const cJSON *list, const cJSON *tree)
{
    struct verdicts surplus;
    int rc;

    if (r->out->verdicts.n < LIMIT_VERDICTS_PER_FILE) {
        return decode_one(r, list, tree, &r->out->verdicts);
    }
    verdicts_init(&surplus);
    rc = decode_one(r, list, tree, &surplus);
    r->unsaid += surplus.n;
    verdicts_fini(&surplus);
    return rc;
}

/* Recursion: at most LIST_DEPTH deep. */
static int decode_tree(struct reading *r, const cJSON *list, const cJSON *tree, unsigned depth)
{
    const cJSON *items = depth < LIST_DEPTH ? decode_list_items(tree) : NULL;
    const cJSON *item;
    int rc = 0;

    if (!items) {
        return decode_capped(r, list, tree);
    }
    for (item = items->child; item && rc == 0; item = item->next) {
        rc = decode_tree(r, tree, item, depth + 1);
    }
    return rc;
}

static void say_broken(struct reading *r, const struct yamldoc_error *e)
{
    if (r->out->verdicts.n < LIMIT_VERDICTS_PER_FILE) {
        verdicts_add_at(&r->out->verdicts, r->want->path, e->line, VERDICT_ERROR, "ManifestBroken",
                        "%s", e->text);
    } else {
        r->unsaid++;
    }
}

static void say_unsaid(struct reading *r)
{
    if (r->unsaid > 0) {
        verdicts_add_at(&r->out->verdicts, r->want->path, 0, VERDICT_WARNING, "TooManyProblems",
                        "%zu more problems in this file are not listed", r->unsaid);
    }
}

/**
 * Whether a document with a fault is, or may be, of a kind that is judged: then the file is broken.
 * What stands in other documents is for others to judge.
 */
static bool is_broken(struct reading *r, const struct yamldoc *doc)
{
    bool broken = false;

    for (const struct yamldoc_fault *f = yamldoc_faults(doc); f; f = f->next) {
        if (!decode_is_foreign(f->tree)) {
            say_broken(r, &f->error);
            broken = true;
        }
    }
    return broken;
}

static int decode_all(struct reading *r, struct yamldoc *doc)
{
    int rc = 0;

    if (is_broken(r, doc)) {
        return -EINVAL;
    }
    r->source = (struct decode_source){r->want->path, yamldoc_line_of, doc};
    for (size_t i = 0; i < yamldoc_count(doc) && rc == 0; i++) {
        rc = decode_tree(r, NULL, yamldoc_tree(doc, i), 0);
    }
    return rc;
}

int manifesttext_decode(const struct manifestfile_request *want, const char *text, size_t len,
                        struct manifestcontent *out)
{
    struct reading r = {.want = want, .out = out};
    struct yamldoc_error error;
    struct yamldoc *doc = yamldoc_parse(text, len, &error);
    int rc;

    if (!doc && error.line == 0) {
        return -ENOMEM;
    }
    if (!doc) {
        say_broken(&r, &error);
        return -EINVAL;
    }
    rc = decode_all(&r, doc);
    say_unsaid(&r);
    yamldoc_free(doc);
    return rc;
}
