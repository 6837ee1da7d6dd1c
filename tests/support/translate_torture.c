#include "support/translate_torture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controller/unserved.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/failalloc.h"
#include "support/objects.h"

struct torture {
    const struct translate_config *cfg;
    struct store *store;
    struct registry *registry;
};

static void stop_unless(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "translate_torture: %s\n", what);
        abort();
    }
}

/* Whatever failed, the registry must be usable by the next builder. */
static void make_table(struct torture *t, struct table_builder *b, struct verdicts *v)
{
    struct table *table = NULL;
    struct unserved unserved;
    int rc;

    unserved_init(&unserved);
    rc = translate(t->cfg, t->store, b, &(struct translate_outcome){v, &unserved, NULL});
    unserved_fini(&unserved);
    stop_unless(rc == 0 || rc == -ENOMEM, "neither done nor out of memory");
    if (rc == 0) {
        table = table_builder_freeze(b, 1);
    }
    if (table != NULL) {
        table_unref(table);
        stop_unless(table_free_if_unused(table), "the table is still held");
    }
}

static void translate_in_want(void *ctx)
{
    struct torture *t = ctx;
    struct table_builder *b = table_builder_new(t->registry);
    struct verdicts v;

    verdicts_init(&v);
    if (b != NULL) {
        make_table(t, b, &v);
    }
    table_builder_free(b);
    verdicts_fini(&v);
}

size_t translate_torture(const struct translate_config *cfg, const char *yaml)
{
    struct torture t = {.cfg = cfg, .store = objects_store(yaml), .registry = registry_new(0, 0)};
    size_t points;

    stop_unless(t.registry != NULL, "no registry");
    points = failalloc_torture(translate_in_want, &t);
    registry_free(t.registry);
    store_free(t.store);
    return points;
}
