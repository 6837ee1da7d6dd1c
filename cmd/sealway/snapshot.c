#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "controller/judged.h"
#include "controller/report.h"
#include "manifest/manifestdir.h"
#include "model/store.h"
#include "paths.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

static int build_table(struct snapshot *s, const struct translate_config *cfg)
{
    const struct translate_outcome out = {.verdicts = &s->verdicts, .unserved = &s->unserved};
    struct table_builder *b = table_builder_new(s->registry);
    int rc;

    if (b == NULL) {
        return -ENOMEM;
    }
    rc = translate(cfg, s->store, b, &out);
    if (rc == 0) {
        s->table = table_builder_freeze(b, 1);
        rc = s->table != NULL ? 0 : -ENOMEM;
    }
    table_builder_free(b);
    return rc;
}

static int read_paths(struct snapshot *s, const char *const *paths, size_t n)
{
    const char **kept = calloc(n, sizeof(*kept));
    size_t n_kept = 0;
    int rc = kept != NULL ? paths_distinct(paths, n, kept, &n_kept) : -ENOMEM;

    for (size_t i = 0; i < n_kept && rc == 0; i++) {
        rc = manifestdir_read_once(kept[i], s->store, &s->verdicts);
    }
    free(kept);
    return rc;
}

int snapshot_init(struct snapshot *s, const struct translate_config *cfg, const char *const *paths,
                  size_t n_paths)
{
    int rc;

    memset(s, 0, sizeof(*s));
    verdicts_init(&s->verdicts);
    unserved_init(&s->unserved);
    s->store = store_new();
    s->registry = registry_new(0, 0);
    if (s->store == NULL || s->registry == NULL) {
        return -ENOMEM;
    }
    rc = read_paths(s, paths, n_paths);
    if (rc != 0) {
        return rc;
    }
    judged_filter(cfg, s->store, &s->verdicts);
    rc = build_table(s, cfg);
    verdicts_sort(&s->verdicts);
    return rc == 0 && s->verdicts.lost ? -ENOMEM : rc;
}

struct report *snapshot_report(const struct snapshot *s)
{
    struct verdicts none;
    const struct report_source from = {.generation = table_generation(s->table),
                                       .published = clock_wall(),
                                       .files = &s->verdicts,
                                       .routes = &none,
                                       .unserved = &s->unserved};

    verdicts_init(&none);
    return report_new(&from);
}

void snapshot_fini(struct snapshot *s)
{
    if (s->table != NULL) {
        bool freed;

        table_unref(s->table);
        freed = table_free_if_unused(s->table);
        ASSERT(freed); /* nobody else ever had a reference */
    }
    registry_free(s->registry);
    store_free(s->store);
    verdicts_fini(&s->verdicts);
    unserved_fini(&s->unserved);
}
