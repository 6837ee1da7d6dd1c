#include "controller/controllerstats.h"

#include "route/table.h"

/* One thread writes, and each figure stands for itself: no order is needed. */
#define SET(field, value) atomic_store_explicit(&(field), (value), memory_order_relaxed)
#define GET(field)        atomic_load_explicit(&(field), memory_order_relaxed)

void controllerstats_round(struct controllerstats *s, enum controller_result how)
{
    SET(s->rounds[how], GET(s->rounds[how]) + 1);
    SET(s->last_failed, how == CONTROLLER_FAILED);
}

void controllerstats_heard(struct controllerstats *s, uint64_t now_ms)
{
    SET(s->heard_ms, now_ms);
}

void controllerstats_well(struct controllerstats *s)
{
    SET(s->last_failed, false);
}

void controllerstats_turned(struct controllerstats *s, uint64_t now_ms)
{
    SET(s->turned_ms, now_ms);
}

void controllerstats_published(struct controllerstats *s, const struct table *t, int64_t wall_ms)
{
    size_t routes;

    (void)table_routes(t, &routes);
    SET(s->routes, routes);
    SET(s->table_bytes, table_bytes(t));
    SET(s->published_ms, wall_ms);
    SET(s->generation, table_generation(t));
}

void controllerstats_read(const struct controllerstats *s, struct controller_stats *out)
{
    *out = (struct controller_stats){
        .generation = GET(s->generation),
        .last_failed = GET(s->last_failed),
        .published_ms = GET(s->published_ms),
        .heard_ms = GET(s->heard_ms),
        .turned_ms = GET(s->turned_ms),
        .routes = GET(s->routes),
        .table_bytes = GET(s->table_bytes),
    };
    for (size_t i = 0; i < CONTROLLER_RESULTS; i++) {
        out->rounds[i] = GET(s->rounds[i]);
    }
}
