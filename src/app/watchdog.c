#include "app/watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/controller.h"
#include "proxy/proxy.h"

#define TICK_S  1
#define AWAY_MS 3000u /* a tick so late: we were stopped, and so may the others have been */

/* How long ago that was; a thread may have turned since `now` was read. */
static uint64_t ms_since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static bool was_away(const struct watchdog *w, uint64_t now_ms)
{
    return ms_since(w->ticked_ms, now_ms) > AWAY_MS;
}

/* How long a thread has not turned, if that is over `limit_ms`; 0 otherwise. */
static uint64_t stall_ms(const struct watchdog *w, uint64_t turned_ms, uint64_t limit_ms)
{
    uint64_t now_ms = clock_now_ms();

    if (was_away(w, now_ms) || ms_since(w->awake_ms, now_ms) <= limit_ms) {
        return 0;
    }
    return ms_since(turned_ms, now_ms) > limit_ms ? ms_since(turned_ms, now_ms) : 0;
}

static uint64_t worker_stall_ms(const struct watchdog *w, unsigned i)
{
    return stall_ms(w, proxy_worker_turned_ms(w->proxy, i), WATCHDOG_WORKER_MS);
}

static uint64_t controller_stall_ms(const struct watchdog *w)
{
    struct controller_stats stats;

    if (w->controller == NULL) {
        return 0;
    }
    controller_stats(w->controller, &stats);
    return stall_ms(w, stats.turned_ms, WATCHDOG_CONTROLLER_MS);
}

static void tell(bool *told, const char *who, uint64_t ms)
{
    if (ms != 0 && !*told) {
        log_error("%s has been stuck for %" PRIu64 " ms; other threads go on", who, ms);
    } else if (ms == 0 && *told) {
        log_warn("%s goes on", who);
    }
    *told = ms != 0;
}

void watchdog_look(struct watchdog *w)
{
    uint64_t now_ms = clock_now_ms();

    if (was_away(w, now_ms)) {
        w->awake_ms = now_ms;
    }
    w->ticked_ms = now_ms;
    for (unsigned i = 0; i < proxy_workers(w->proxy); i++) {
        char who[32];

        (void)snprintf(who, sizeof(who), "worker %u", i);
        tell(&w->stalled[i], who, worker_stall_ms(w, i));
    }
    tell(&w->controller_stalled, "the controller", controller_stall_ms(w));
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    watchdog_look(ctx);
}

int watchdog_init(struct watchdog *w, struct event_base *base, const struct proxy *proxy,
                  const struct controller *controller)
{
    const struct timeval interval = {.tv_sec = TICK_S};
    uint64_t now_ms = clock_now_ms();

    *w = (struct watchdog){
        .proxy = proxy, .controller = controller, .ticked_ms = now_ms, .awake_ms = now_ms};
    w->tick = event_new(base, -1, EV_PERSIST, on_tick, w);
    return w->tick != NULL && event_add(w->tick, &interval) == 0 ? 0 : -ENOMEM;
}

void watchdog_fini(struct watchdog *w)
{
    if (w->tick != NULL) {
        event_free(w->tick);
        w->tick = NULL;
    }
}

void watchdog_forget_controller(struct watchdog *w)
{
    w->controller = NULL;
}

bool watchdog_workers_turn(void *ctx, struct err *why)
{
    const struct watchdog *w = ctx;

    for (unsigned i = 0; i < proxy_workers(w->proxy); i++) {
        uint64_t ms = worker_stall_ms(w, i);

        if (ms != 0) {
            err_set(why, "worker %u has not turned for %" PRIu64 " ms", i, ms);
            return false;
        }
    }
    return true;
}

bool watchdog_controller_turns(void *ctx, struct err *why)
{
    uint64_t ms = controller_stall_ms(ctx);

    if (ms != 0) {
        err_set(why, "the controller has not turned for %" PRIu64 " ms", ms);
        return false;
    }
    return true;
}
