/**
 * json_text - JSON trees for tests, from text with ' for ", so that it can be read in C.
 */
#ifndef SUPPORT_JSON_TEXT_H
#define SUPPORT_JSON_TEXT_H

#include <cjson/cJSON.h>

/** Parse it; aborts when the text is no JSON.  The caller frees with cJSON_Delete(). */
cJSON *json_text_parse(const char *json);

#endif
