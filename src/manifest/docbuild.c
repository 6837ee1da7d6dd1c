#include "docbuild_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

_Static_assert(LIMIT_YAML_NODES < (1u << 24) && LIMIT_YAML_DEPTH < 256, "fields of struct docnode");

#define FEW_KEYS 8u /* so many are compared each with each; more are sorted */

void docbuild_init(struct docbuild *b, struct docnodes *nodes, struct doctrees *trees,
                   struct yamldoc_error *error)
{
    *b = (struct docbuild){.nodes = nodes, .trees = trees, .error = error};
}

void docbuild_fini(struct docbuild *b)
{
    free(b->scratch);
    b->scratch = NULL;
    b->scratch_cap = 0;
}

int docbuild_fail(struct docbuild *b, unsigned line, const char *fmt, ...)
{
    va_list args;

    b->error->line = line;
    va_start(args, fmt);
    (void)vsnprintf(b->error->text, sizeof(b->error->text), fmt, args);
    va_end(args);
    return -EINVAL;
}

int docbuild_fault(struct docbuild *b, unsigned line, const char *fmt, ...)
{
    va_list args;

    if (b->fault != NULL) {
        return 0;
    }
    b->fault = arena_calloc(&b->nodes->texts, 1, sizeof(*b->fault));
    if (b->fault == NULL) {
        return -ENOMEM;
    }
    b->fault->error.line = line;
    va_start(args, fmt);
    (void)vsnprintf(b->fault->error.text, sizeof(b->fault->error.text), fmt, args);
    va_end(args);
    return 0;
}

bool docbuild_wants_key(const struct docbuild *b)
{
    const struct doclevel *top;

    if (b->depth == 0) {
        return false;
    }
    top = &b->levels[b->depth - 1];
    return cJSON_IsObject(&top->node->json) && top->key == NULL;
}

static int count(struct docbuild *b, size_t nodes, unsigned line)
{
    if (nodes > LIMIT_YAML_NODES - b->total) {
        return docbuild_fail(b, line,
                             "more than %u values, those behind aliases counted each time: split "
                             "the file, and write out what the aliases stand for",
                             LIMIT_YAML_NODES);
    }
    b->total += nodes;
    return 0;
}

static void append(struct docnode *parent, struct docnode *child)
{
    cJSON *first = parent->json.child;

    if (first == NULL) {
        parent->json.child = &child->json;
        child->json.prev = &child->json; /* as in cJSON: the first one's prev is the last */
        return;
    }
    child->json.prev = first->prev;
    first->prev->next = &child->json;
    first->prev = &child->json;
}

static void attach(struct docbuild *b, struct docnode *node, unsigned line)
{
    struct doclevel *top;

    node->line = line;
    if (b->depth == 0) {
        b->root = node;
        return;
    }
    top = &b->levels[b->depth - 1];
    append(top->node, node);
    top->count++;
    if (top->key != NULL) {
        node->json.string = top->key;
        node->line = top->key_line; /* where a person looks for the field */
        top->key = NULL;
    }
}

/* A finished node's weight and height go to the one it stands in. */
static void settle(struct docbuild *b, const struct docnode *child)
{
    struct doclevel *top;

    if (b->depth == 0) {
        return;
    }
    top = &b->levels[b->depth - 1];
    top->node->weight = (top->node->weight + child->weight) & 0xffffffu;
    if (child->height >= top->node->height) {
        top->node->height = (child->height + 1u) & 0xffu;
    }
}

/* A counted node, not attached yet; NULL with *rc_out saying why. */
static struct docnode *make(struct docbuild *b, int type, unsigned line, int *rc_out)
{
    struct docnode *node;

    *rc_out = count(b, 1, line);
    if (*rc_out < 0) {
        return NULL;
    }
    node = docnodes_new(b->nodes, type);
    if (node == NULL) {
        *rc_out = -ENOMEM;
    }
    return node;
}

static int fail_depth(struct docbuild *b, unsigned line)
{
    return docbuild_fail(b, line, "nested deeper than %u levels: no object of Kubernetes is",
                         LIMIT_YAML_DEPTH);
}

int docbuild_open(struct docbuild *b, bool object, unsigned line, struct docnode **out)
{
    struct docnode *node;
    int rc;

    if (b->depth == LIMIT_YAML_DEPTH) {
        return fail_depth(b, line);
    }
    node = make(b, object ? cJSON_Object : cJSON_Array, line, &rc);
    if (node == NULL) {
        return rc;
    }
    node->height = 1;
    attach(b, node, line);
    b->levels[b->depth++] = (struct doclevel){.node = node};
    if (out != NULL) {
        *out = node;
    }
    return 0;
}

static int fault_duplicate(struct docbuild *b, const cJSON *first, const cJSON *second)
{
    char quoted[JSON_TEXT_MAX];
    unsigned line = ((const struct docnode *)(const void *)second)->line;

    return docbuild_fault(b, line, "the key %s is here twice, first on line %u: remove one of them",
                          json_quote(second->string, quoted),
                          ((const struct docnode *)(const void *)first)->line);
}

static int check_few_keys(struct docbuild *b, const cJSON *object)
{
    for (const cJSON *second = object->child; second != NULL; second = second->next) {
        for (const cJSON *first = object->child; first != second; first = first->next) {
            if (strcmp(first->string, second->string) == 0) {
                return fault_duplicate(b, first, second);
            }
        }
    }
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    int order = strcmp(x->string, y->string);

    if (order != 0) {
        return order;
    }
    return ((const struct docnode *)(const void *)x)->line <
                   ((const struct docnode *)(const void *)y)->line
               ? -1
               : 1;
}

static int check_many_keys(struct docbuild *b, const cJSON *object, size_t n)
{
    size_t i = 0;

    if (n > b->scratch_cap) {
        const cJSON **grown = realloc(b->scratch, n * sizeof(cJSON *));

        if (grown == NULL) {
            return -ENOMEM;
        }
        b->scratch = grown;
        b->scratch_cap = n;
    }
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        b->scratch[i++] = child;
    }
    qsort(b->scratch, n, sizeof(const cJSON *), compare_keys);
    for (i = 1; i < n; i++) {
        if (strcmp(b->scratch[i - 1]->string, b->scratch[i]->string) == 0) {
            return fault_duplicate(b, b->scratch[i - 1], b->scratch[i]);
        }
    }
    return 0;
}

int docbuild_close(struct docbuild *b)
{
    struct doclevel *top = &b->levels[b->depth - 1];
    int rc = 0;

    if (cJSON_IsObject(&top->node->json)) {
        rc = top->count <= FEW_KEYS ? check_few_keys(b, &top->node->json)
                                    : check_many_keys(b, &top->node->json, top->count);
    }
    if (rc < 0) {
        return rc;
    }
    top->node->weight = (top->node->weight + 1u) & 0xffffffu;
    b->depth--;
    settle(b, top->node);
    return 0;
}

/* A terminated copy in which each NUL is U+FFFD: no name that ends at it can be made from it. */
static char *keep_text(struct docbuild *b, const char *text, size_t len)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t nuls = 0;
    char *copy;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        nuls += text[i] == '\0';
    }
    if (nuls == 0) {
        return arena_strndup(&b->nodes->texts, text, len);
    }
    copy = arena_alloc(&b->nodes->texts, len + 2 * nuls + 1);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        const char *from = text[i] != '\0' ? &text[i] : replacement;
        size_t bytes = text[i] != '\0' ? 1 : 3;

        for (size_t j = 0; j < bytes; j++) {
            copy[n++] = from[j]; /* the arena's zero behind it ends the text */
        }
    }
    return copy;
}

int docbuild_key(struct docbuild *b, const char *text, size_t len, unsigned line)
{
    struct doclevel *top = &b->levels[b->depth - 1];

    top->key = keep_text(b, text, len);
    top->key_line = line;
    return top->key != NULL ? 0 : -ENOMEM;
}

int docbuild_key_again(struct docbuild *b, const struct docnode *target, unsigned line)
{
    struct doclevel *top = &b->levels[b->depth - 1];

    if (!cJSON_IsString(&target->json)) {
        int rc = docbuild_fault(b, line, "this alias stands for no text, and cannot be a key");

        return rc < 0 ? rc : docbuild_key(b, "*", 1, line);
    }
    top->key = target->json.valuestring;
    top->key_line = line;
    return 0;
}

static void set_number(cJSON *node, double number)
{
    node->valuedouble = number;
    node->valueint = number >= INT_MAX ? INT_MAX : number <= INT_MIN ? INT_MIN : (int)number;
}

int docbuild_scalar(struct docbuild *b, const struct docscalar *s, unsigned line,
                    struct docnode **out)
{
    int rc;
    struct docnode *node = make(b, s->type, line, &rc);

    if (node == NULL) {
        return rc;
    }
    if (s->type == cJSON_String || s->text != NULL) {
        node->json.valuestring = keep_text(b, s->text, s->len);
        if (node->json.valuestring == NULL) {
            return -ENOMEM;
        }
    }
    if (s->type == cJSON_Number) {
        set_number(&node->json, s->number);
    }
    node->weight = 1;
    attach(b, node, line);
    settle(b, node);
    if (out != NULL) {
        *out = node;
    }
    return 0;
}

static bool is_open(const struct docbuild *b, const struct docnode *node)
{
    for (size_t i = 0; i < b->depth; i++) {
        if (b->levels[i].node == node) {
            return true;
        }
    }
    return false;
}

int docbuild_again(struct docbuild *b, const struct docnode *target, unsigned line)
{
    static const struct docscalar nothing = {.type = cJSON_NULL};
    struct docnode *node;
    int rc;

    if (is_open(b, target)) {
        rc = docbuild_fault(b, line, "this alias stands for a value that holds it, without end");
        return rc < 0 ? rc : docbuild_scalar(b, &nothing, line, NULL);
    }
    if (b->depth + target->height > LIMIT_YAML_DEPTH) {
        return fail_depth(b, line);
    }
    rc = count(b, target->weight - 1u, line);
    if (rc < 0) {
        return rc;
    }
    node = make(b, target->json.type, line, &rc);
    if (node == NULL) {
        return rc;
    }
    node->json.child = target->json.child;
    node->json.valuestring = target->json.valuestring;
    node->json.valueint = target->json.valueint;
    node->json.valuedouble = target->json.valuedouble;
    node->weight = target->weight;
    node->height = target->height;
    attach(b, node, line);
    settle(b, node);
    return 0;
}

/* The fault of the document that ends, if it has one, goes to those of the others. */
static void end_fault(struct docbuild *b)
{
    struct doctrees *t = b->trees;

    if (b->fault == NULL) {
        return;
    }
    b->fault->tree = b->root != NULL ? &b->root->json : NULL;
    if (t->last_fault != NULL) {
        t->last_fault->next = b->fault;
    } else {
        t->faults = b->fault;
    }
    t->last_fault = b->fault;
    b->fault = NULL;
}

int docbuild_end(struct docbuild *b)
{
    struct docnode *root = b->root;
    struct doctrees *t = b->trees;

    end_fault(b);
    b->root = NULL;
    if (root == NULL || cJSON_IsNull(&root->json)) {
        return 0;
    }
    if (t->n == t->cap) {
        size_t cap = t->cap == 0 ? 4 : t->cap * 2;
        const cJSON **items = realloc(t->items, cap * sizeof(cJSON *));

        if (items == NULL) {
            return -ENOMEM;
        }
        t->items = items;
        t->cap = cap;
    }
    t->items[t->n++] = &root->json;
    return 0;
}
