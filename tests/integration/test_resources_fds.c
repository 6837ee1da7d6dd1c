/* Descriptors run out: already at start, by the cap made of the limit, and in spite of it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/launcher.h"
#include "support/mass_scene.h"
#include "support/procinfo.h"
#include "support/wait_until.h"

#define CROWD     500u
#define FRIENDS   5u /* connected before the crowd comes */
#define PROMPT_MS 10000u
#define WINDOW_MS form_pick(10000, 3000, 2000)

/* CPU time of the program, not of the machine: below 1 when measured. */
#define MOST_CPU_PERCENT 5u

/* Until everybody is served again once descriptors are there. */
#define RECOVERY_MS 5000u

#define WORKERS  2u
#define PAUSE_MS 100u /* of a worker that cannot accept; it refuses one client before each */

/* The fatal alert internal_error. */
static const char internal_error[7] = {0x15, 3, 3, 0, 2, 2, 80};

static void a_limit_that_leaves_nothing_is_told_at_start(void **state)
{
    struct mass_scene *m = *state;
    const char *program = getenv("SEALWAY_BIN");
    char command[PATH_MAX * 2], said[1024] = "";
    FILE *f;
    int status;

    snprintf(command, sizeof(command),
             "ulimit -n 64; exec '%s' serve --manifests '%s' --listen 127.0.0.1:0 2>&1",
             program != NULL ? program : "build/sealway", m->s->manifests.path);
    f = popen(command, "re");
    assert_non_null(f);
    assert_true(fread(said, 1, sizeof(said) - 1, f) > 0);
    status = pclose(f);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_non_null(strstr(said, "RLIMIT_NOFILE is 64, which leaves no descriptors"));
    assert_null(strchr(strchr(said, '\n') + 1, '\n')); /* one line */
}

/* Each takes its last descriptor with it when the backend has seen its end. */
static bool all_have_left(void *ctx)
{
    const struct mass_scene *m = ctx;

    return mass_backend_open(m->backend) == 0;
}

/* With a limit of 128 and one worker there is room for 27 connections; everybody else is refused
 * by the cap, which needs no further descriptor. */
static void a_small_limit_becomes_a_cap_that_refuses_the_rest(void **state)
{
    struct mass_scene *m = *state;
    static const char *const args[] = {"--workers", "1", NULL};
    const unsigned room = (128 - 64 - 9) / 2;
    struct procinfo_load load;
    struct crowd *crowd, *late;
    unsigned percent;

    launcher_begin(&m->s->manifests, "ulimit -n 128", NULL);
    mass_scene_start(m, MASS_ECHO, args);
    launcher_end();
    crowd = mass_scene_usual_crowd(m, CROWD);
    assert_true(crowd_until_count(crowd, CROWD_ENDED, CROWD - room, PROMPT_MS));
    assert_int_equal(crowd_ping(crowd, PROMPT_MS), room);
    procinfo_load_begin(&load, sealway_pid(m->s->program));
    crowd_run(crowd, WINDOW_MS);
    percent = procinfo_load_percent(&load);
    print_message("             limit 128: %u of %u served, %u refused, then %u %% CPU, %zu "
                  "descriptors\n",
                  crowd_count(crowd, CROWD_OPEN), CROWD, crowd_count(crowd, CROWD_ENDED), percent,
                  procinfo_fds(sealway_pid(m->s->program)));
    assert_true(percent < MOST_CPU_PERCENT);
    assert_in_range(mass_scene_told(m, "--max-connections is reached"), 1, 2);
    crowd_leave_all(crowd, false);
    assert_true(wait_until(all_have_left, m, RECOVERY_MS));
    late = mass_scene_usual_crowd(m, room);
    assert_true(crowd_until_count(late, CROWD_OPEN, room, RECOVERY_MS));
    assert_int_equal(crowd_ping(late, PROMPT_MS), room);
}

/* Change the soft limit of the running program; the hard one stays, so that it can go back. */
static void limit_fds(const struct mass_scene *m, rlim_t soft)
{
    struct rlimit limit;
    pid_t pid = sealway_pid(m->s->program);

    assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
    limit.rlim_cur = soft != 0 ? soft : limit.rlim_max;
    assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* Room for so many descriptors more; or for none, not even for one that the program gave back: of
 * the numbers below this limit none will ever be free. */
static rlim_t limit_with_room_for(const struct mass_scene *m, unsigned room)
{
    return room != 0 ? procinfo_fds(sealway_pid(m->s->program)) + room : STDERR_FILENO + 1;
}

static unsigned count_closed_unheard(const struct crowd *crowd)
{
    unsigned n = 0;

    for (unsigned i = 0; i < crowd_clients(crowd); i++) {
        const struct crowd_member *m = crowd_member(crowd, i);

        n += m->state == CROWD_ENDED && m->received == 0;
    }
    return n;
}

/* Who cannot be accepted waits in the queue; without any descriptor these are all.  Without the
 * pauses it would be empty at once, and there would be nothing to spin for.  Twice as many as the
 * pauses allow: a timer may be early. */
static void most_wait(const struct crowd *crowd, uint64_t since_us)
{
    uint64_t pauses = (clock_now_us() - since_us) / 1000 / PAUSE_MS + 1;

    assert_in_range(count_closed_unheard(crowd), 0, 2 * WORKERS * pauses);
}

static void say_what_happened(const struct crowd *crowd, unsigned percent, unsigned lines)
{
    print_message("             no descriptors: %u of %u served, %u given an alert, %u closed, %u "
                  "wait; %u %% CPU, %u lines\n",
                  crowd_count_echoed(crowd), crowd_clients(crowd),
                  crowd_count_answer(crowd, internal_error, sizeof(internal_error)),
                  crowd_count(crowd, CROWD_ENDED),
                  crowd_count(crowd, CROWD_OPEN) - crowd_count_echoed(crowd), percent, lines);
}

/* Start the program, and connect those who will not suffer. */
static struct crowd *start_with_friends(struct mass_scene *m)
{
    static const char *const args[] = {"--workers", "2", NULL};
    struct crowd *friends;

    mass_scene_start(m, MASS_ECHO, args);
    friends = mass_scene_usual_crowd(m, FRIENDS);
    assert_true(crowd_until_count(friends, CROWD_OPEN, FRIENDS, PROMPT_MS));
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
    return friends;
}

static void run_out_with_room_for(struct mass_scene *m, unsigned room)
{
    struct crowd *friends = start_with_friends(m);
    struct crowd *crowd = mass_scene_usual_crowd(m, CROWD);
    struct procinfo_load load;
    unsigned percent, to_accept, to_dial, most;
    uint64_t limited_us, freed_us;

    limit_fds(m, limit_with_room_for(m, room));
    limited_us = clock_now_us();
    assert_true(crowd_until_begun(crowd, PROMPT_MS));
    crowd_run(crowd, 200);
    most_wait(crowd, limited_us);
    procinfo_load_begin(&load, sealway_pid(m->s->program));
    crowd_run(crowd, WINDOW_MS);
    percent = procinfo_load_percent(&load);
    to_accept = mass_scene_told(m, "for lack of descriptors");
    to_dial = mass_scene_told(m, "cannot connect to an endpoint");
    most = (unsigned)((clock_now_us() - limited_us) / 1000000) + 2; /* one a second of each lack */
    say_what_happened(crowd, percent, to_accept + to_dial);
    assert_true(percent < MOST_CPU_PERCENT);
    assert_true(to_accept + to_dial > 0);
    assert_in_range(to_accept, 0, most);
    assert_in_range(to_dial, 0, most);
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
    limit_fds(m, 0);
    freed_us = clock_now_us();
    assert_true(crowd_until_told(crowd, PROMPT_MS));
    print_message("             descriptors again: all others served after %" PRIu64 " ms\n",
                  (clock_now_us() - freed_us) / 1000);
    assert_true(clock_now_us() - freed_us < RECOVERY_MS * 1000);
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
}

static void out_of_descriptors_nothing_spins_and_all_recover(void **state)
{
    run_out_with_room_for(*state, 40);
}

static void without_a_single_descriptor_nothing_spins_either(void **state)
{
    run_out_with_room_for(*state, 0);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(a_limit_that_leaves_nothing_is_told_at_start),
        WITH_SCENE(a_small_limit_becomes_a_cap_that_refuses_the_rest),
        WITH_SCENE(out_of_descriptors_nothing_spins_and_all_recover),
        WITH_SCENE(without_a_single_descriptor_nothing_spins_either),
    };

    return cmocka_run_group_tests_name("resources_fds", tests, NULL, NULL);
}
