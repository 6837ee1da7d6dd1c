#include "app/readiness.h"

#include "app/metrics.h"
#include "controller/controller.h"
#include "proxy/proxy.h"

bool readiness_synced(void *metrics, struct err *why)
{
    const struct metrics *m = metrics;
    struct controller_stats stats;

    controller_stats(m->controller, &stats);
    if (stats.generation == 0) {
        err_set(why, "the objects have not all been read yet");
        return false;
    }
    return true;
}

bool readiness_workers(void *metrics, struct err *why)
{
    const struct metrics *m = metrics;

    for (unsigned i = 0; i < proxy_workers(m->proxy); i++) {
        if (!proxy_worker_listens(m->proxy, i)) {
            err_set(why, "worker %u %s", i,
                    proxy_adopted_generation(m->proxy, i) == 0 ? "has no table yet"
                                                               : "could not listen");
            return false;
        }
    }
    return true;
}

bool readiness_not_draining(void *metrics, struct err *why)
{
    const struct metrics *m = metrics;

    if (m->is_draining(m->ctx)) {
        err_set(why, "stopping: existing connections go on, new ones belong elsewhere");
        return false;
    }
    return true;
}
