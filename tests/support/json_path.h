/**
 * json_path - what stands somewhere in a JSON tree, by keys and indexes: "routes.0.host".
 */
#ifndef SUPPORT_JSON_PATH_H
#define SUPPORT_JSON_PATH_H

#include <cjson/cJSON.h>

/** Borrowed from the tree; NULL when there is nothing. */
const cJSON *json_path_at(const cJSON *tree, const char *path);

/** The text there; "?" when there is none. */
const char *json_path_text(const cJSON *tree, const char *path);

/** The number there; -1 when there is none. */
int json_path_number(const cJSON *tree, const char *path);

/** How many items the list there has; -1 when there is none. */
int json_path_count(const cJSON *tree, const char *path);

#endif
