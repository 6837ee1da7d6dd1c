#include "bench/load/window.h"

#include <inttypes.h>
#include <stdio.h>

#include "bench/load/pool.h"
#include "bench/load/usage.h"

#define MS_NS 1000000u

static const struct config *cfg;
static enum { NONE, BEFORE, OPEN, SHUT } phase;
static uint64_t opens_ns, shuts_ns;
static uint64_t cpu_ns, wall_ns, units; /* at its begin; once shut, between begin and end */

uint64_t window_start(const struct config *config)
{
    cfg = config;
    phase = BEFORE;
    opens_ns = pool_now_ns() + cfg->warm_ms * MS_NS;
    shuts_ns = opens_ns + cfg->ms * MS_NS;
    return shuts_ns;
}

void window_turn(uint64_t units_now, bool is_last)
{
    uint64_t now = pool_now_ns();

    if (phase == BEFORE && (is_last || now >= opens_ns)) {
        phase = OPEN;
        cpu_ns = usage_cpu_ns(cfg);
        wall_ns = pool_now_ns();
        units = units_now;
    }
    if (phase == OPEN && (is_last || (now >= shuts_ns && units_now > units))) {
        phase = SHUT;
        cpu_ns = usage_cpu_ns_since(cfg, cpu_ns);
        wall_ns = pool_now_ns() - wall_ns;
        units = units_now - units;
    }
}

uint64_t window_next_ns(void)
{
    uint64_t next = phase == BEFORE ? opens_ns : shuts_ns;

    /* What is overdue waits for a unit, and is no reason to wake. */
    return (phase == BEFORE || phase == OPEN) && next > pool_now_ns() ? next : UINT64_MAX;
}

bool window_is_open(void)
{
    return phase == OPEN;
}

void window_print(void)
{
    printf("\"units\": %" PRIu64 ", \"cpu_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64, units, cpu_ns,
           wall_ns > 0 ? wall_ns : 1);
}
