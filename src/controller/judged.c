#include "controller/judged.h"

#include <string.h>

#include "controller/classfilter.h"
#include "model/store.h"
#include "model/verdict.h"

static bool is_judged(void *ctx, const struct verdict *v)
{
    struct classfilter *f = ctx;
    const struct objmeta *o;

    if (v->refused || strcmp(v->kind, object_kind_name(OBJECT_INGRESS)) != 0) {
        return true;
    }
    o = store_find(f->store, OBJECT_INGRESS, v->ns, v->name);
    return !o || classfilter_is_ours(f, (const struct ingress *)o);
}

void judged_filter(const struct translate_config *cfg, const struct store *store,
                   struct verdicts *v)
{
    struct classfilter f;

    classfilter_init(&f, cfg, store);
    verdicts_filter(v, is_judged, &f);
}
