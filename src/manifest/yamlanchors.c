#include "yamlanchors_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A table that cannot grow refuses the new entry (its hh.tbl is then NULL) and stays as it was. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct yamlanchor {
    const struct docnode *node;
    UT_hash_handle hh;
    char name[];
};

void yamlanchors_init(struct yamlanchors *a)
{
    a->table = NULL;
    if (siphash_key_random(&a->hash_key) < 0) {
        memset(&a->hash_key, 0, sizeof(a->hash_key)); /* slower under attack, and no worse */
    }
}

void yamlanchors_fini(struct yamlanchors *a)
{
    struct yamlanchor *entry = a->table;

    HASH_CLEAR(hh, a->table); /* frees the table; the entries keep their order */
    while (entry != NULL) {
        struct yamlanchor *next = entry->hh.next;

        free(entry);
        entry = next;
    }
}

static unsigned hash(const struct yamlanchors *a, const char *name, size_t len)
{
    return (unsigned)siphash(&a->hash_key, name, len);
}

static struct yamlanchor *find(const struct yamlanchors *a, const char *name)
{
    size_t len = strlen(name);
    struct yamlanchor *entry;

    HASH_FIND_BYHASHVALUE(hh, a->table, name, len, hash(a, name, len), entry);
    return entry;
}

static struct yamlanchor *add(struct yamlanchors *a, const char *name)
{
    size_t len = strlen(name);
    struct yamlanchor *entry = calloc(1, sizeof(*entry) + len + 1);

    if (entry == NULL) {
        return NULL;
    }
    memcpy(entry->name, name, len + 1);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, a->table, entry->name, len, hash(a, name, len), entry);
    if (entry->hh.tbl == NULL) {
        free(entry);
        return NULL;
    }
    return entry;
}

int yamlanchors_set(struct yamlanchors *a, const char *name, const struct docnode *node)
{
    struct yamlanchor *entry = find(a, name);

    if (entry == NULL) {
        entry = add(a, name);
    }
    if (entry == NULL) {
        return -ENOMEM;
    }
    entry->node = node;
    return 0;
}

const struct docnode *yamlanchors_find(const struct yamlanchors *a, const char *name)
{
    const struct yamlanchor *entry = find(a, name);

    return entry != NULL ? entry->node : NULL;
}
