/*
 * Whatever the bytes: documents and faults whose lines are all within the text, or an error with
 * one; and what was read without a fault, written as JSON, reads the same again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "manifest/yamldoc.h"

#define NODES_WALKED 20000u /* aliases stand for more than the text holds */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    struct yamldoc *d;
    unsigned lines;
    size_t left;
};

static void check_node(struct walk *w, const cJSON *node, unsigned depth)
{
    unsigned line = yamldoc_line_of(w->d, node);

    ASSERT(line >= 1 && line <= w->lines);
    ASSERT(depth <= LIMIT_YAML_DEPTH);
    ASSERT(!cJSON_IsString(node) || node->valuestring != NULL);
    for (const cJSON *c = node->child; c != NULL && w->left > 0; c = c->next) {
        w->left--;
        ASSERT(!cJSON_IsObject(node) || c->string != NULL);
        ASSERT(c->next == NULL || c->next->prev == c);
        check_node(w, c, depth + 1);
    }
}

static bool has_fault(const struct yamldoc *d, const cJSON *tree, unsigned lines)
{
    for (const struct yamldoc_fault *f = yamldoc_faults(d); f != NULL; f = f->next) {
        ASSERT(f->error.line >= 1 && f->error.line <= lines && f->error.text[0] != '\0');
        if (f->tree == tree) {
            return true;
        }
    }
    return false;
}

static void check_again(const cJSON *tree)
{
    char *json = cJSON_PrintUnformatted(tree);
    struct yamldoc_error e = {0};
    struct yamldoc *again = yamldoc_parse(json, strlen(json), &e);

    ASSERT(again != NULL);
    ASSERT(yamldoc_count(again) == 1);
    ASSERT(cJSON_Compare(tree, yamldoc_tree(again, 0), 1));
    yamldoc_free(again);
    cJSON_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yamldoc_error e = {0};
    struct yamldoc *d = yamldoc_parse((const char *)data, size, &e);
    unsigned lines = 2; /* one more than newlines, and libyaml may point behind the last */

    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
    }
    if (d == NULL) {
        ASSERT(e.line >= 1 && e.line <= lines && e.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < yamldoc_count(d); i++) {
        const cJSON *tree = yamldoc_tree(d, i);
        struct walk w = {.d = d, .lines = lines, .left = NODES_WALKED};

        check_node(&w, tree, 0);
        if (w.left > 0 && !has_fault(d, tree, lines) &&
            (cJSON_IsObject(tree) || cJSON_IsArray(tree))) {
            check_again(tree);
        }
    }
    yamldoc_free(d);
    return 0;
}
