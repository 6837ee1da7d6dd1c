#include "support/json_path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cJSON *json_path_at(const cJSON *tree, const char *path)
{
    char key[64];

    while (tree != NULL && *path != '\0') {
        size_t n = strcspn(path, ".");

        snprintf(key, sizeof(key), "%.*s", (int)n, path);
        tree = cJSON_IsArray(tree) ? cJSON_GetArrayItem(tree, (int)strtol(key, NULL, 10))
                                   : cJSON_GetObjectItemCaseSensitive(tree, key);
        path += n + (path[n] == '.');
    }
    return tree;
}

const char *json_path_text(const cJSON *tree, const char *path)
{
    const cJSON *node = json_path_at(tree, path);

    return cJSON_IsString(node) ? node->valuestring : "?";
}

int json_path_number(const cJSON *tree, const char *path)
{
    const cJSON *node = json_path_at(tree, path);

    return cJSON_IsNumber(node) ? node->valueint : -1;
}

int json_path_count(const cJSON *tree, const char *path)
{
    const cJSON *node = json_path_at(tree, path);

    return cJSON_IsArray(node) ? cJSON_GetArraySize(node) : -1;
}
