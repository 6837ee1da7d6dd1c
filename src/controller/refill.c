#include "controller/refill.h"

#include <errno.h>

#include "controller/endpointfill.h"
#include "controller/servicepool.h"
#include "controller/serviceset.h"
#include "model/store.h"
#include "model/verdict.h"
#include "route/poolwalk.h"
#include "route/table_builder.h"

static int refill_pool(struct endpointfill *fill, const struct service *svc, const struct pool *old)
{
    const struct service_port *port = servicepool_port_of(svc, old->port);
    struct endpointfill_count count;
    struct builder_pool *pool;
    bool is_new;
    int rc;

    if (!port) {
        return 0; /* its endpoints come from elsewhere, or it never has any */
    }
    if (old->n_endpoints == 0) {
        return -EAGAIN; /* as was said of whoever asks for it */
    }
    pool = table_builder_pool(fill->builder, old->ns, old->service, old->port, &is_new);
    if (!pool) {
        return -ENOMEM;
    }
    rc = endpointfill_endpoints(fill, svc, port, pool, &count);
    return rc == 0 && endpointfill_is_worded(&count) ? -EAGAIN : rc;
}

static int refill_service(struct endpointfill *fill, const struct refill_base *base,
                          const struct service *svc)
{
    const struct pool *pool;
    struct poolwalk walk;
    int rc = 0;

    poolwalk_begin(&walk, base->table, svc->meta.ns, svc->meta.name);
    while (rc == 0 && (pool = poolwalk_next(&walk)) != NULL) {
        rc = refill_pool(fill, svc, pool);
    }
    return rc;
}

static int refill_touched(struct endpointfill *fill, const struct refill_base *base)
{
    const struct service *svc = NULL;
    int rc = 0;

    while (rc == 0 && (svc = store_next_touched(fill->store, svc)) != NULL) {
        rc = serviceset_has(base->worded, svc->meta.ns, svc->meta.name)
                 ? -EAGAIN
                 : refill_service(fill, base, svc);
    }
    return rc;
}

/** Where words are not wanted. */
struct unheard {
    struct verdicts verdicts;
    struct endpointfill fill;
};

static void begin(struct unheard *u, const struct translate_config *cfg, const struct store *s,
                  struct table_builder *b)
{
    const struct endpointfill env = {
        .cfg = cfg, .store = s, .builder = b, .verdicts = &u->verdicts};

    verdicts_init(&u->verdicts);
    endpointfill_init(&u->fill, &env);
}

static void end(struct unheard *u)
{
    endpointfill_fini(&u->fill);
    verdicts_fini(&u->verdicts);
}

int refill(const struct translate_config *cfg, const struct store *s,
           const struct refill_base *base, struct table_builder *b)
{
    struct unheard u;
    int rc;

    if (store_changed(s) != STORE_ENDPOINTS) {
        return -EAGAIN;
    }
    begin(&u, cfg, s, b);
    rc = refill_touched(&u.fill, base);
    end(&u);
    return rc;
}

int refill_one(const struct translate_config *cfg, const struct store *s, const struct service *svc,
               const struct refill_base *base, struct table_builder *b)
{
    struct unheard u;
    int rc;

    begin(&u, cfg, s, b);
    rc = refill_service(&u.fill, base, svc);
    end(&u);
    return rc;
}
