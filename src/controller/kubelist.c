#include "kubelist_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/object.h"

#define FIRST_ITEMS 64
#define NAMES_CHUNK 4096

void kubelist_init(struct kubelist *l)
{
    *l = (struct kubelist){0};
    arena_init(&l->names, NAMES_CHUNK);
}

void kubelist_fini(struct kubelist *l)
{
    for (size_t i = 0; i < l->n; i++) {
        object_unref(l->items[i].o);
    }
    free(l->items);
    arena_fini(&l->names);
    kubelist_init(l);
}

static int reserve(struct kubelist *l)
{
    size_t cap = l->cap > 0 ? l->cap * 2 : FIRST_ITEMS;
    struct kubelist_item *items;

    if (l->n < l->cap) {
        return 0;
    }
    items = realloc(l->items, cap * sizeof(*items));
    if (!items) {
        return -ENOMEM;
    }
    l->items = items;
    l->cap = cap;
    return 0;
}

int kubelist_add(struct kubelist *l, const struct kubelist_item *item)
{
    struct kubelist_item one = *item;

    if (reserve(l) != 0) {
        return -ENOMEM;
    }
    if (one.o) {
        one.ns = one.o->ns;
        one.name = one.o->name;
    } else {
        one.ns = arena_strdup(&l->names, item->ns);
        one.name = arena_strdup(&l->names, item->name);
    }
    if (!one.ns || !one.name) {
        return -ENOMEM;
    }
    if (one.o) {
        object_ref(one.o);
    }
    one.at = l->n;
    l->items[l->n++] = one;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct kubelist_item *x = a, *y = b;
    int order = strcmp(x->ns, y->ns);

    return order != 0 ? order : strcmp(x->name, y->name);
}

static int compare(const void *a, const void *b)
{
    const struct kubelist_item *x = a, *y = b;
    int order = compare_names(a, b);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/** Whether the list says something else about the same name further on. */
static bool is_overruled(const struct kubelist *l, size_t i)
{
    return i + 1 < l->n && compare_names(&l->items[i], &l->items[i + 1]) == 0;
}

void kubelist_settle(struct kubelist *l)
{
    size_t n = 0;

    if (l->n > 1) {
        qsort(l->items, l->n, sizeof(*l->items), compare);
    }
    for (size_t i = 0; i < l->n; i++) {
        struct kubelist_item *item = &l->items[i];

        if (is_overruled(l, i) || item->standing == KUBELIST_REFUSED) {
            object_unref(item->o);
        } else {
            l->items[n++] = *item;
        }
    }
    l->n = n;
}

bool kubelist_has(const struct kubelist *l, const char *ns, const char *name)
{
    const struct kubelist_item wanted = {.ns = ns, .name = name};

    return l->n > 0 && bsearch(&wanted, l->items, l->n, sizeof(wanted), compare_names) != NULL;
}
