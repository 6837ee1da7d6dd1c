#include "support/kubetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/translate.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/translated.h"

struct kubetable {
    struct registry *registry; /* one, for its key is part of a digest */
    struct translated made;
};

struct kubetable *kubetable_new(void)
{
    struct kubetable *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    t->registry = registry_new(0, 0);
    assert_non_null(t->registry);
    return t;
}

void kubetable_free(struct kubetable *t)
{
    if (t != NULL) {
        registry_free(t->registry);
        free(t);
    }
}

static void make(struct kubetable *t, struct store *objects)
{
    struct translate_config cfg = translated_config();
    struct translated *made = &t->made;
    struct table_builder *b;

    memset(made, 0, sizeof(*made));
    verdicts_init(&made->v);
    unserved_init(&made->unserved);
    made->store = objects;
    made->registry = t->registry;
    b = table_builder_new(t->registry);
    assert_non_null(b);
    assert_int_equal(
        translate(&cfg, objects, b, &(struct translate_outcome){&made->v, &made->unserved, NULL}),
        0);
    made->table = table_builder_freeze(b, 1);
    assert_non_null(made->table);
    table_builder_free(b);
}

static void unmake(struct kubetable *t)
{
    struct translated *made = &t->made;

    table_unref(made->table);
    assert_true(table_free_if_unused(made->table));
    unserved_fini(&made->unserved);
    verdicts_fini(&made->v);
}

uint64_t kubetable_digest(struct kubetable *t, struct store *objects)
{
    uint64_t digest;

    make(t, objects);
    digest = table_digest(t->made.table);
    unmake(t);
    return digest;
}

const char *kubetable_route(struct kubetable *t, struct store *objects, const char *host)
{
    const char *text;

    make(t, objects);
    text = translated_route(&t->made, host); /* in `made`, or a constant */
    unmake(t);
    return text;
}
