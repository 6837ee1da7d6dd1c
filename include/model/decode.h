/**
 * decode - a cJSON tree to one of the objects, with a verdict for everything that is wrong with it.
 *
 * One decoder for both sources (files and the API server).  What an API server would refuse is an
 * error; a field it does not know is a warning.  A problem costs as little as possible: a bad
 * annotation costs the annotation, a bad rule the rule, and only an object whose identity or shape
 * cannot be told is lost.
 */
#ifndef MODEL_DECODE_H
#define MODEL_DECODE_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "model/object.h"

struct verdicts;

/** Where the tree came from.  For the API server file is "" and line_of NULL. */
struct decode_source {
    const char *file;
    unsigned (*line_of)(void *ctx, const cJSON *node); /* 1-based line of a node; 0 when unknown */
    void *ctx;
};

enum decode_result {
    DECODE_OK, /* *out is a new object, one reference held by the caller; verdicts may have been
                  added */
    DECODE_REFUSED,  /* one of our kinds, but not usable: an error verdict says why */
    DECODE_NOT_OURS, /* another kind: not judged */
    DECODE_NO_MEMORY,
};

/**
 * Decode one object (not a List; see decode_list_item()).  Verdicts go to `v`.
 */
MUST_CHECK enum decode_result decode_object(const cJSON *tree, const struct decode_source *src,
                                            struct verdicts *v, struct objmeta **out);

/**
 * Whether a tree, which may have been read with faults, is surely of a kind that is not judged (or
 * a list of such).
 */
bool decode_is_foreign(const cJSON *tree);

/** The items of a `kind: List`, or of an IngressList, ServiceList, ...: NULL when the tree is no
 * list of objects that may be ours. */
const cJSON *decode_list_items(const cJSON *tree);

/**
 * Decode one of the items of a list, as decode_object() does.  An API server's IngressList says
 * apiVersion and kind once, for all its items; this reads them there where an item has neither.
 */
MUST_CHECK enum decode_result decode_list_item(const cJSON *list, const cJSON *item,
                                               const struct decode_source *src, struct verdicts *v,
                                               struct objmeta **out);

/**
 * Which of our kinds a tree says it is, usable or not: an item of `list` as decode_list_item()
 * reads it (NULL: it is none).  False: none of them, and *out is as it was.
 */
bool decode_kind(const cJSON *list, const cJSON *tree, enum object_kind *out);

#endif
