#include "app/routespage.h"

#include "routepools_priv.h"
#include "routesjson_priv.h"
#include "routestable_priv.h"

int routespage_json(const struct routespage *p, struct buf *out)
{
    struct routepools pools;
    int rc = routepools_init(&pools, p);

    if (rc == 0) {
        rc = routesjson_write(p, &pools, out);
    }
    routepools_fini(&pools);
    return rc;
}

int routespage_table(const struct routespage *p, struct buf *out)
{
    struct routepools pools;
    int rc = routepools_init(&pools, p);

    if (rc == 0) {
        rc = routestable_write(p, &pools, out);
    }
    routepools_fini(&pools);
    return rc;
}
