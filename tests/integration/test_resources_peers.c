/* Peers that misbehave in numbers: never read, never finish, reset in the middle, vanish.  Each one
 * ends and leaves nothing behind. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "support/delay_line.h"
#include "support/form.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/wait_until.h"

#define CLIENTS   form_pick(2000, 500, 100)
#define WAVES     form_pick(20, 4, 2)
#define PROMPT_MS 20000u

/* Descriptors of the program, and how many it shall have. */
struct fds {
    pid_t pid;
    size_t wanted;
};

static bool has_wanted_fds(void *ctx)
{
    const struct fds *f = ctx;

    return procinfo_fds(f->pid) <= f->wanted;
}

static struct fds fds_now(const struct mass_scene *m)
{
    pid_t pid = sealway_pid(m->s->program);

    return (struct fds){.pid = pid, .wanted = procinfo_fds(pid)};
}

struct lines {
    const struct mass_scene *m;
    const char *text;
    unsigned n;
};

static bool are_written(void *ctx)
{
    const struct lines *l = ctx;

    return mass_scene_logged(l->m, l->text) == l->n;
}

/* Clients finish, the backend never does, and its sockets do not pile up in CLOSE_WAIT. */
static void half_closed_by_clients_they_end_at_the_timeout(void **state)
{
    static const char *const args[] = {"--half-close-timeout", "1s", NULL};
    struct mass_scene *m = *state;
    struct crowd_config cfg;
    struct crowd *crowd;
    struct fds fds;

    mass_scene_start(m, MASS_SILENT, args);
    fds = fds_now(m);
    cfg = mass_scene_clients(m, CLIENTS);
    cfg.half_close = true;
    crowd = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_count(crowd, CROWD_ENDED, CLIENTS, PROMPT_MS));
    assert_true(wait_until(has_wanted_fds, &fds, PROMPT_MS));
    struct lines lines = {.m = m, .text = "reason=half_close_timeout", .n = CLIENTS};
    assert_true(wait_until(are_written, &lines, PROMPT_MS));
    print_message("             %u half-closed by the client: all ended, %zu descriptors as "
                  "before\n",
                  CLIENTS, fds.wanted);
}

/* The backend finishes, clients never do: they do not even look. */
static void half_closed_by_the_backend_they_end_at_the_timeout(void **state)
{
    static const char *const args[] = {"--half-close-timeout", "1s", NULL};
    struct mass_scene *m = *state;
    struct crowd_config cfg;
    struct crowd *crowd;
    struct fds fds;

    mass_scene_start(m, MASS_ECHO, args);
    fds = fds_now(m);
    cfg = mass_scene_clients(m, CLIENTS);
    cfg.deaf = true;
    crowd = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_count(crowd, CROWD_OPEN, CLIENTS, PROMPT_MS));
    while (mass_backend_accepted(m->backend) < CLIENTS) {
        crowd_run(crowd, 10);
    }
    mass_backend_hang_up(m->backend);
    assert_true(wait_until(has_wanted_fds, &fds, PROMPT_MS));
    struct lines lines = {.m = m, .text = "reason=half_close_timeout", .n = CLIENTS};
    assert_true(wait_until(are_written, &lines, PROMPT_MS));
}

/* Lines are written a moment after descriptors were given back. */
static bool most_were_reset(void *ctx)
{
    return mass_scene_logged(ctx, "reason=client_reset") > WAVES * CLIENTS / 2;
}

/* Resets while output waits for the peer: writing to it must not raise SIGPIPE. */
static void resets_with_output_pending_hurt_nobody(void **state)
{
    struct mass_scene *m = *state;
    struct fds fds;

    mass_scene_start(m, MASS_FLOOD, NULL);
    fds = fds_now(m);
    for (unsigned i = 0; i < WAVES; i++) {
        struct crowd_config cfg = mass_scene_clients(m, CLIENTS);
        struct crowd *wave;
        cfg.deaf = i % 2 == 0;
        wave = crowd_new(&cfg);
        assert_true(crowd_until_count(wave, CROWD_OPEN, CLIENTS, PROMPT_MS));
        crowd_run(wave, 100);
        crowd_free(wave); /* closing with input unread resets */
        assert_true(wait_until(has_wanted_fds, &fds, PROMPT_MS));
    }
    assert_true(wait_until(most_were_reset, m, PROMPT_MS));
    print_message("             %u resets of clients with output pending: %u lines say so\n",
                  WAVES * CLIENTS, mass_scene_logged(m, "reason=client_reset"));
}

/* The other way round: the backend dies with what clients sent unread. */
static void a_dying_backend_ends_all_of_its_connections(void **state)
{
    struct mass_scene *m = *state;
    struct crowd_config cfg;
    struct crowd *crowd;
    struct fds fds;

    mass_scene_start(m, MASS_HOLD, NULL);
    fds = fds_now(m);
    cfg = mass_scene_clients(m, CLIENTS);
    crowd = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_count(crowd, CROWD_OPEN, CLIENTS, PROMPT_MS));
    while (mass_backend_accepted(m->backend) < CLIENTS) {
        crowd_run(crowd, 10);
    }
    mass_backend_stop(m->backend);
    m->backend = NULL;
    assert_true(crowd_until_count(crowd, CROWD_ENDED, CLIENTS, PROMPT_MS));
    assert_int_equal(crowd_count_end(crowd, CROWD_RESET), CLIENTS);
    assert_true(wait_until(has_wanted_fds, &fds, PROMPT_MS));
}

/* The cable is pulled, or the window stays shut: found out by the user timeout, five minutes, and
 * whoever is idle by the next keepalive probe behind it. */
static void peers_that_vanish_are_found_out(void **state)
{
    static const char *const args[] = {"--listen", DELAY_LINE_NEAR ":0", NULL};
    const unsigned each = 20;
    struct mass_scene *m = *state;
    struct delay_line *cable = form_is_full() ? delay_line_new(1) : NULL;
    struct crowd_config cfg;
    struct crowd *idle, *flooded, *shut;
    uint64_t cut_us;
    struct fds fds;
    bool found;

    if (cable == NULL) {
        print_message("             skip %s: only in the full form, with TUN devices\n", __func__);
        skip();
    }
    mass_scene_start(m, MASS_FLOOD, args);
    fds = fds_now(m);
    cfg = mass_scene_clients(m, each);
    cfg.deaf = true;
    shut = mass_scene_crowd(m, &cfg); /* of the near end: the window stays shut */
    assert_true(crowd_until_count(shut, CROWD_OPEN, each, PROMPT_MS));
    delay_line_go_far(cable);
    cfg.deaf = false;
    flooded = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_count(flooded, CROWD_OPEN, each, PROMPT_MS));
    cfg = mass_scene_shorts(m, each, 0);
    cfg.half_close = false;
    idle = mass_scene_crowd(m, &cfg);
    assert_true(crowd_until_count(idle, CROWD_OPEN, each, PROMPT_MS));
    crowd_run(idle, 500);
    delay_line_go_near(cable);
    delay_line_cut(cable, true);
    cut_us = clock_now_us();
    found = wait_until(has_wanted_fds, &fds, 400000);
    print_message("             after %" PRIu64 " s %zu descriptors, at first there were %zu\n",
                  (clock_now_us() - cut_us) / 1000000, procinfo_fds(fds.pid), fds.wanted);
    assert_true(found);
    delay_line_free(cable);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(half_closed_by_clients_they_end_at_the_timeout),
        WITH_SCENE(half_closed_by_the_backend_they_end_at_the_timeout),
        WITH_SCENE(resets_with_output_pending_hurt_nobody),
        WITH_SCENE(a_dying_backend_ends_all_of_its_connections),
        WITH_SCENE(peers_that_vanish_are_found_out),
    };

    if (own_net_enter()) {
        own_net_set("ipv4/tcp_wmem", "4096 16384 16384"); /* what is full is full sooner */
    }
    return cmocka_run_group_tests_name("resources_peers", tests, NULL, NULL);
}
