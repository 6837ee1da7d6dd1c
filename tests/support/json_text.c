#include "support/json_text.h"

#include <stdlib.h>
#include <string.h>

cJSON *json_text_parse(const char *json)
{
    char *text = strdup(json);
    cJSON *tree;

    if (text == NULL) {
        abort();
    }
    for (char *p = text; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    tree = cJSON_Parse(text);
    free(text);
    if (tree == NULL) {
        abort(); /* the test itself is wrong */
    }
    return tree;
}
