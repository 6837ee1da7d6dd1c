#include "controller/controlloop.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "controller/rounds.h"

#define TICK_MS     500
#define RELEASE_MS  1000 /* for giving back what is held */
#define ENDING_MS   10   /* between looks whether it was */
#define SWEEP_TICKS 20   /* between looks for what connections have left, while no table retires */

/* ---- when a round is due -------------------------------------------------------------------- */

/** Set the timer to what is due next. */
static void arm(struct controlloop *l)
{
    uint64_t due_us = debounce_due_us(&l->debounce), now_us = clock_now_us();
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    const struct timeval tv = {.tv_sec = (time_t)(wait_us / 1000000),
                               .tv_usec = (suseconds_t)(wait_us % 1000000)};

    if (due_us == DEBOUNCE_NEVER) {
        (void)event_del(l->due);
    } else {
        (void)event_add(l->due, &tv); /* should it fail for memory, the tick makes up for it */
    }
}

/** Look again when the rounds say so. */
static void arm_again(struct controlloop *l)
{
    unsigned again_ms = rounds_again_ms(l->rounds);

    if (again_ms > 0) {
        debounce_again(&l->debounce, clock_now_us() + again_ms * 1000ULL);
    }
    arm(l);
}

static void run_round(struct controlloop *l)
{
    debounce_clear(&l->debounce);
    rounds_run(l->rounds);
    arm_again(l);
}

static bool is_due(const struct controlloop *l)
{
    return debounce_due_us(&l->debounce) <= clock_now_us();
}

void controlloop_notice(void *loop)
{
    struct controlloop *l = loop;
    uint64_t now_us = clock_now_us();

    rounds_turn(l->rounds);
    rounds_notice(l->rounds, now_us);
    debounce_ring(&l->debounce, now_us);
    arm(l);
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    struct controlloop *l = arg;

    (void)fd;
    (void)what;
    rounds_turn(l->rounds);
    if (is_due(l)) {
        run_round(l);
    } else {
        arm(l); /* libevent's clock is a coarse one */
    }
}

/** Free what nobody uses any more: soon after a table retired, else now and then. */
static void sweep(struct controlloop *l)
{
    struct publisher *p = &l->rounds->publisher;

    if (l->ticks_to_sweep == 0 || p->n_retired > 0) {
        publisher_sweep(p);
    }
    l->ticks_to_sweep = l->ticks_to_sweep == 0 ? SWEEP_TICKS : l->ticks_to_sweep - 1;
}

/** Whether to look though nobody rang.  While a ring waits for quiet, a source that was rung for is
 * stale, too, and its time comes. */
static bool is_unrung(const struct controlloop *l)
{
    return debounce_due_us(&l->debounce) == DEBOUNCE_NEVER && rounds_is_stale(l->rounds);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct controlloop *l = arg;

    (void)fd;
    (void)what;
    rounds_turn(l->rounds);
    sweep(l);
    if (is_due(l) || is_unrung(l)) {
        run_round(l);
    } else {
        rounds_hear_silence(l->rounds);
    }
}

static void on_ending(evutil_socket_t fd, short what, void *arg)
{
    struct controlloop *l = arg;

    (void)fd;
    (void)what;
    if (rounds_is_released(l->rounds) || clock_now_ms() >= l->ends_at_ms) {
        (void)event_base_loopbreak(l->base);
    }
}

/** End as soon as nothing is held any more. */
static void begin_ending(struct controlloop *l)
{
    const struct timeval interval = {.tv_usec = ENDING_MS * 1000L};

    l->ends_at_ms = clock_now_ms() + RELEASE_MS;
    rounds_release(l->rounds);
    if (rounds_is_released(l->rounds) || event_add(l->ending, &interval) != 0) {
        (void)event_base_loopbreak(l->base);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct controlloop *l = arg;

    (void)fd;
    (void)what;
    rounds_turn(l->rounds);
    (void)mailbox_take(&l->bell);
    if (atomic_load(&l->stop_wanted)) {
        begin_ending(l);
    } else if (atomic_exchange(&l->reload_wanted, false)) {
        rounds_reload(l->rounds);
        run_round(l);
    }
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void *run(void *arg)
{
    struct controlloop *l = arg;

    log_use_ring(l->log_ring);
    (void)event_base_dispatch(l->base);
    log_use_ring(NULL);
    return NULL;
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0) {
        base = event_base_new_with_config(config);
    }
    if (config) {
        event_config_free(config);
    }
    return base;
}

static int make_events(struct controlloop *l)
{
    int rc = mailbox_init(&l->bell);

    if (rc != 0) {
        return rc;
    }
    l->base = new_base();
    if (!l->base) {
        return -ENOMEM;
    }
    l->wake = event_new(l->base, l->bell.event_fd, EV_READ | EV_PERSIST, on_wake, l);
    l->due = event_new(l->base, -1, 0, on_due, l);
    l->tick = event_new(l->base, -1, EV_PERSIST, on_tick, l);
    l->ending = event_new(l->base, -1, EV_PERSIST, on_ending, l);
    return l->wake && l->due && l->tick && l->ending ? 0 : -ENOMEM;
}

int controlloop_init(struct controlloop *l, struct rounds *rounds, struct err *e)
{
    int rc;

    *l = (struct controlloop){.rounds = rounds, .ticks_to_sweep = SWEEP_TICKS};
    l->bell.event_fd = -1;
    rc = make_events(l);
    if (rc != 0) {
        err_set(e, "cannot make the controller's events: out of memory or descriptors");
    }
    return rc;
}

/** Start the thread with every signal blocked: they belong to the main thread. */
static int start_thread(struct controlloop *l)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    rc = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (rc != 0) {
        return -rc;
    }
    rc = pthread_create(&l->thread, NULL, run, l);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        l->running = true;
        (void)pthread_setname_np(l->thread, "sealway-control");
    }
    return -rc;
}

int controlloop_start(struct controlloop *l, struct err *e)
{
    const struct timeval tick = {.tv_usec = TICK_MS * 1000L};
    int rc;

    if (event_add(l->wake, NULL) != 0 || event_add(l->tick, &tick) != 0) {
        err_set(e, "cannot start the controller's events");
        return -ENOMEM;
    }
    arm_again(l);
    rounds_turn(l->rounds);
    rc = start_thread(l);
    if (rc != 0) {
        err_set(e, "cannot start the controller's thread: %s", strerror(-rc));
    }
    return rc;
}

void controlloop_reload(struct controlloop *l)
{
    atomic_store(&l->reload_wanted, true);
    mailbox_ring(&l->bell);
}

void controlloop_stop(struct controlloop *l)
{
    if (!l->running) {
        return;
    }
    atomic_store(&l->stop_wanted, true);
    mailbox_ring(&l->bell);
    (void)pthread_join(l->thread, NULL);
    l->running = false;
}

void controlloop_fini(struct controlloop *l)
{
    struct event *const all[] = {l->wake, l->due, l->tick, l->ending};

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i]) {
            event_free(all[i]);
        }
    }
    if (l->base) {
        event_base_free(l->base);
    }
    if (l->rounds) {
        mailbox_fini(&l->bell);
    }
    *l = (struct controlloop){0};
}
