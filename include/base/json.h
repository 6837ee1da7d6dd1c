/**
 * json - typed, checked reading of a cJSON tree that knows where it is.
 *
 * A struct json_at is a place in a tree: the node there and the way to it, so that a complaint can
 * name spec.rules[0].http.paths[1].backend.  Places live on the stack, each pointing to the one
 * above it, which must outlive it.  Absent and null read alike, as in the Kubernetes API.  A value
 * of another type than asked for is complained about once and then reads as absent.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/attr.h"

struct json_at;

/** Who hears of values that are not what was asked for; borrowed by every place of a tree. */
struct json_reader {
    /** `must` ends the sentence "<path> ...": "must be a list, not \"x\"". */
    void (*complain)(void *ctx, const struct json_at *at, const char *must);
    void *ctx;
};

struct json_at {
    const struct json_reader *reader;
    const struct json_at *up; /* NULL at the root */
    const char *key;          /* name in the object above; NULL for the root and for list items */
    size_t index;             /* position in the list above */
    const cJSON *raw;         /* what stands there; NULL when absent */
    const cJSON *node;        /* the same, but NULL when null or of the wrong type */
    bool wrong;               /* the type was wrong, and has been complained about */
};

#define JSON_PATH_MAX 192 /* a longer path loses its beginning */
#define JSON_TEXT_MAX 112 /* a longer value loses its end */

/** The root of a tree.  Complains unless it is an object; `reader` is borrowed. */
struct json_at json_root(const struct json_reader *reader, const cJSON *tree);

/** A field of an object, of whatever type; absent when the object itself is. */
struct json_at json_field(const struct json_at *object, const char *key);

/** A field that must be an object, or a list, if it is there. */
struct json_at json_object(const struct json_at *object, const char *key);
struct json_at json_array(const struct json_at *object, const char *key);

/** Whether this place, an item of a list, holds an object; complains if not (null is one, empty).
 */
bool json_is_object(struct json_at *at);

/** Number of items of a list (or fields of an object); 0 when absent. */
size_t json_count(const struct json_at *at);

/**
 * Step to the next item of a list or field of an object.  Start with an `item` of zeros: `struct
 * json_at item = {0}; while (json_next(&list, &item))`.  Returns false behind the last.
 */
bool json_next(const struct json_at *list, struct json_at *item);

/** The text there, borrowed from the tree; NULL when absent or no text. */
const char *json_string(struct json_at *at);

/** The boolean there; `absent` when there is none. */
bool json_bool(struct json_at *at, bool absent);

/** The node here, or the nearest one above that exists: where a message should point to. */
const cJSON *json_nearest(const struct json_at *at);

/** Write the path of a place, as "spec.rules[0].host"; returns `text`. */
const char *json_path(const struct json_at *at, char text[JSON_PATH_MAX]);

/** Quote a text of any origin for a message: ASCII only, escaped, cut; returns `text`. */
const char *json_quote(const char *value, char text[JSON_TEXT_MAX]);

/** Write what a node is, for a message: a quoted text, a number, "a list"; returns `text`. */
const char *json_describe(const cJSON *node, char text[JSON_TEXT_MAX]);

#endif
