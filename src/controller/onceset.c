#include "controller/onceset.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct key {
    const void *about;
    uint64_t what;
};

struct onceset_entry {
    struct key key;
    UT_hash_handle hh;
};

void onceset_init(struct onceset *s)
{
    s->entries = NULL;
}

void onceset_fini(struct onceset *s)
{
    struct onceset_entry *e = s->entries;

    HASH_CLEAR(hh, s->entries); /* frees the table; the entries keep their order */
    while (e) {
        struct onceset_entry *next = e->hh.next;

        free(e);
        e = next;
    }
}

bool onceset_add(struct onceset *s, const void *about, uint64_t what)
{
    struct onceset_entry *e;
    struct key key;

    memset(&key, 0, sizeof(key)); /* padding is hashed, too */
    key.about = about;
    key.what = what;
    HASH_FIND(hh, s->entries, &key, sizeof(key), e);
    if (e) {
        return false;
    }
    e = calloc(1, sizeof(*e));
    if (!e) {
        return true;
    }
    e->key = key;
    HASH_ADD(hh, s->entries, key, sizeof(key), e);
    if (!e->hh.tbl) {
        free(e);
    }
    return true;
}
