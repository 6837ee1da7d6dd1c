/* Signals at any time: before the program is ready, while it drains, and mixed with reloads.  It
 * ends with status 0 all the same. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/form.h"
#include "support/manifest_writer.h"
#include "support/mass_scene.h"
#include "support/second_signal.h"
#include "support/wait_until.h"

#define PROMPT_MS 20000u

/* So many routes take a while to read, so that signals meet every step of the start. */
#define ROUTES  form_pick(500, 200, 100)
#define ROUNDS  form_pick(40, 5, 2)
#define AT_ONCE 8u
#define STEP_MS 3u /* later each time */

static void write_routes(const struct tempdir *dir)
{
    struct netaddr addr;

    assert_int_equal(netaddr_parse("127.0.0.1:9", &addr), 0);
    for (unsigned i = 0; i < ROUTES; i++) {
        char name[32], host[64];
        snprintf(name, sizeof(name), "r%u", i);
        snprintf(host, sizeof(host), "r%u.signals.test", i);
        manifest_route(dir, name, host, &addr, 1);
    }
}

static pid_t spawn(const char *manifests)
{
    const char *bin = getenv("SEALWAY_BIN");
    char command[PATH_MAX * 2];
    char *const argv[] = {strdup("sh"), strdup("-c"), command, NULL};
    char *const env[] = {NULL};
    pid_t pid;

    snprintf(
        command, sizeof(command),
        "exec '%s' serve --manifests '%s' --listen 127.0.0.1:0 --admin 127.0.0.1:0 --workers 2 "
        "--drain-delay 10ms "
        ">/dev/null 2>&1",
        bin != NULL ? bin : "build/sealway", manifests);
    assert_int_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, env), 0);
    free(argv[0]);
    free(argv[1]);
    return pid;
}

/* Until then SIGTERM ends it in its own way, as any program that has not begun. */
static bool takes_signals(void *ctx)
{
    const pid_t *pid = ctx;
    char path[64], line[256];
    unsigned long long blocked = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)*pid);
    f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL && sscanf(line, "SigBlk: %llx", &blocked) != 1) {
    }
    fclose(f);
    return (blocked & 1ull << (SIGTERM - 1)) != 0;
}

struct child {
    pid_t pid;
    int status;
};

static bool has_ended(void *ctx)
{
    struct child *c = ctx;

    return waitpid(c->pid, &c->status, WNOHANG) == c->pid;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static pid_t start_and_strike(const char *manifests, unsigned i)
{
    static const int first[] = {SIGTERM, SIGHUP, SIGINT, SIGTERM};
    static const int second[] = {0, SIGTERM, SIGHUP, SIGINT};
    pid_t pid = spawn(manifests);

    assert_true(wait_until(takes_signals, &pid, PROMPT_MS));
    (void)wait_until(never, NULL, i * STEP_MS % 100); /* nothing is waited for: this is the time at
                                                         which the signal strikes */
    kill(pid, first[i % 4]);
    if (second[i % 4] != 0) {
        kill(pid, second[i % 4]);
    }
    return pid;
}

static void assert_ends_in_order(struct child *c, unsigned i)
{
    if (!wait_until(has_ended, c, PROMPT_MS)) {
        kill(c->pid, SIGKILL);
        fail_msg("start %u: it does not end", i);
    }
    assert_true(WIFEXITED(c->status));
    assert_int_equal(WEXITSTATUS(c->status), 0);
}

static void signals_during_the_start_end_it_in_order(void **state)
{
    struct mass_scene *m = *state;

    write_routes(&m->s->manifests);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct child children[AT_ONCE];
        for (unsigned i = 0; i < AT_ONCE; i++) {
            children[i].pid = start_and_strike(m->s->manifests.path, round * AT_ONCE + i);
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            assert_ends_in_order(&children[i], round * AT_ONCE + i);
        }
    }
    print_message("             %u starts with %u routes, told to end within 100 ms\n",
                  ROUNDS * AT_ONCE, ROUTES);
}

/* Reloads go on while the controller still runs, and are of no effect when it has ended. */
static void reloads_do_not_disturb_the_end(void **state)
{
    static const char *const args[] = {"--drain-delay", "500ms", "--drain-timeout", "60s", NULL};
    struct mass_scene *m = *state;
    struct crowd *stayers;

    mass_scene_start(m, MASS_ECHO, args);
    stayers = mass_scene_usual_crowd(m, 10);
    assert_true(crowd_until_count(stayers, CROWD_OPEN, 10, PROMPT_MS));
    for (unsigned i = 0; i < 100; i++) {
        sealway_signal(m->s->program, SIGHUP);
        if (i == 10) {
            sealway_signal(m->s->program, SIGTERM);
        }
        crowd_run(stayers, 20);
    }
    assert_int_equal(crowd_ping(stayers, PROMPT_MS), 10);
    assert_int_equal(sealway_wait(m->s->program, 0), -1);
    crowd_leave_all(stayers, false);
    assert_int_equal(sealway_wait(m->s->program, PROMPT_MS), 0);
    assert_int_equal(mass_scene_told(m, "second signal"), 0);
}

static bool accepts_no_longer(void *ctx)
{
    return mass_scene_told(ctx, "no longer accepting: ") != 0;
}

static void a_second_signal_of_any_kind_ends_each_phase(void **state)
{
    static const struct {
        int first, second;
        const char *delay;
        bool is_delay_over;
    } ends[] = {{SIGTERM, SIGINT, "60s", false},
                {SIGINT, SIGTERM, "60s", false},
                {SIGTERM, SIGTERM, "60s", false},
                {SIGTERM, SIGINT, "0s", true}};
    struct mass_scene *m = *state;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const char *const args[] = {"--drain-delay", ends[i].delay, "--drain-timeout", "60s", NULL};
        struct crowd *stayers;
        if (i == 0) {
            mass_scene_start(m, MASS_ECHO, args);
        } else {
            scene_start(m->s, args);
        }
        stayers = mass_scene_usual_crowd(m, 3);
        assert_true(crowd_until_count(stayers, CROWD_OPEN, 3, PROMPT_MS));
        assert_int_equal(crowd_ping(stayers, PROMPT_MS), 3);
        sealway_signal(m->s->program, ends[i].first);
        crowd_run(stayers, 50);
        assert_true(!ends[i].is_delay_over || wait_until(accepts_no_longer, m, PROMPT_MS));
        second_signal_ends(m->s->program, ends[i].second);
        assert_true(crowd_until_count(stayers, CROWD_ENDED, 3, PROMPT_MS));
        scene_stop(m->s);
    }
}

static void sigpipe_is_ignored(void **state)
{
    struct mass_scene *m = *state;
    struct crowd *stayers;

    mass_scene_start(m, MASS_ECHO, NULL);
    sealway_signal(m->s->program, SIGPIPE);
    stayers = mass_scene_usual_crowd(m, 1);
    assert_true(crowd_until_count(stayers, CROWD_OPEN, 1, PROMPT_MS));
    assert_int_equal(crowd_ping(stayers, PROMPT_MS), 1);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(signals_during_the_start_end_it_in_order),
        WITH_SCENE(reloads_do_not_disturb_the_end),
        WITH_SCENE(a_second_signal_of_any_kind_ends_each_phase),
        WITH_SCENE(sigpipe_is_ignored),
    };

    return cmocka_run_group_tests_name("drain_signals", tests, NULL, NULL);
}
