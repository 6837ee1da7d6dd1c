/* Memory runs out: new connections are refused and that is told, those that stand go on, nobody
 * dies, and all is well when there is memory again. */
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

#include "base/clock.h"
#include "support/ask.h"
#include "support/form.h"
#include "support/launcher.h"
#include "support/manifest_writer.h"
#include "support/mass_scene.h"
#include "support/memory_cgroup.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/wait_until.h"

#define CROWD     9000u
#define FRIENDS   20u
#define PROMPT_MS 30000u
#define PRESS_MS  form_pick(10000, 2000, 2000)
#define MIB       (UINT64_C(1024) * 1024)
#define ROOM      MIB /* left when the pressure begins */

#define NEW_HOST "new.scene.test"

/* Change the soft limit of the running program's writable memory; 0: back to the hard one. */
static void limit_data(const struct mass_scene *m, rlim_t soft)
{
    struct rlimit limit;
    pid_t pid = sealway_pid(m->s->program);

    assert_int_equal(prlimit(pid, RLIMIT_DATA, NULL, &limit), 0);
    limit.rlim_cur = soft != 0 ? soft : limit.rlim_max;
    assert_int_equal(prlimit(pid, RLIMIT_DATA, &limit, NULL), 0);
}

static struct crowd *make_friends(struct mass_scene *m)
{
    struct crowd *friends = mass_scene_usual_crowd(m, FRIENDS);

    assert_true(crowd_until_count(friends, CROWD_OPEN, FRIENDS, PROMPT_MS));
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
    return friends;
}

static bool new_host_is_served(void *ctx)
{
    const struct mass_scene *m = ctx;

    return ask_reaches(&m->s->addr, NEW_HOST, "short");
}

static void say_what_happened(const struct crowd *crowd)
{
    unsigned served = crowd_count_echoed(crowd);

    print_message("             no memory: %u of %u served, %u refused, %u wait\n", served,
                  crowd_clients(crowd), crowd_count(crowd, CROWD_ENDED),
                  crowd_count(crowd, CROWD_OPEN) - served);
}

static void without_memory_new_ones_are_refused_and_others_go_on(void **state)
{
    struct mass_scene *m = *state;
    struct crowd *friends, *crowd;
    struct netaddr addr;
    uint64_t since_us;
    unsigned lines;

    if (FORM_SANITIZED) {
        print_message("             skip %s: a sanitizer's own memory counts, too\n", __func__);
        skip();
    }
    mass_scene_start(m, MASS_ECHO, NULL);
    friends = make_friends(m);
    since_us = clock_now_us();
    limit_data(m, procinfo_data_bytes(sealway_pid(m->s->program)) + ROOM);
    crowd = mass_scene_usual_crowd(m, crowd_fitting(CROWD));
    assert_true(crowd_until_begun(crowd, PROMPT_MS));
    addr = name_backend_addr(m->shorts); /* the controller has its work to do as well */
    manifest_route(&m->s->manifests, "new", NEW_HOST, &addr, 1);
    assert_true(crowd_until_count(crowd, CROWD_ENDED, 1, PROMPT_MS)); /* now there is none left */
    crowd_run(crowd, PRESS_MS);
    say_what_happened(crowd);
    lines = mass_scene_told(m, "out of memory") + mass_scene_told(m, "for lack of");
    assert_in_range(lines, 1, (clock_now_us() - since_us) / 1000000 + 3);
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
    limit_data(m, 0);
    (void)make_friends(m);
    assert_true(wait_until(new_host_is_served, m, PROMPT_MS));
    assert_int_equal(crowd_ping(friends, PROMPT_MS), FRIENDS);
}

static struct memory_cgroup group;

/* A control group counts what the kernel has for a connection's sockets, which is most of it, and
 * kills instead of refusing: a limit has to have room for the connections that are let in. */
static void in_a_control_group_of_64_mib_nine_thousand_connections_fit(void **state)
{
    struct mass_scene *m = *state;
    unsigned clients = crowd_fitting(CROWD);
    char prelude[PATH_MAX];
    struct crowd *crowd;
    uint64_t before;

    if (FORM_SANITIZED || !memory_cgroup_make(&group, 64 * MIB)) {
        print_message("             skip %s: no control group may be made, or sanitized\n",
                      __func__);
        skip();
    }
    snprintf(prelude, sizeof(prelude), "echo $$ >'%s/cgroup.procs'", group.path);
    launcher_begin(&m->s->manifests, prelude, NULL);
    mass_scene_start(m, MASS_ECHO, NULL);
    launcher_end();
    before = memory_cgroup_usage(&group);
    crowd = mass_scene_usual_crowd(m, clients);
    assert_true(crowd_until_count(crowd, CROWD_OPEN, clients, PROMPT_MS));
    assert_int_equal(crowd_ping(crowd, PROMPT_MS), clients);
    print_message("             %u connections are charged %" PRIu64
                  " bytes each, the kernel's included\n",
                  clients, (memory_cgroup_usage(&group) - before) / clients);
    assert_int_equal(memory_cgroup_kills(&group), 0);
}

static int teardown(void **state)
{
    int rc = mass_scene_teardown(state);

    memory_cgroup_remove(&group);
    return rc;
}

/* What connections took is there for the next ones: waves do not add up. */
static void waves_of_connections_need_no_more_than_the_first(void **state)
{
    struct mass_scene *m = *state;
    struct procinfo_memory peaks[5];
    unsigned clients = crowd_fitting(form_pick(5000, 2000, 200));

    mass_scene_start(m, MASS_ECHO, NULL);
    for (size_t i = 0; i < 5; i++) {
        struct crowd *wave = mass_scene_usual_crowd(m, clients);
        assert_true(crowd_until_count(wave, CROWD_OPEN, clients, PROMPT_MS));
        assert_int_equal(crowd_ping(wave, PROMPT_MS), clients);
        procinfo_memory(sealway_pid(m->s->program), &peaks[i]);
        crowd_leave_all(wave, i % 2 == 0);
    }
    print_message("             waves of %u connections: %ld, %ld, %ld, %ld, %ld KiB private\n",
                  clients, peaks[0].anonymous_kib, peaks[1].anonymous_kib, peaks[2].anonymous_kib,
                  peaks[3].anonymous_kib, peaks[4].anonymous_kib);
    if (!FORM_SANITIZED) { /* there, what was freed waits in quarantine */
        assert_true(peaks[4].anonymous_kib < peaks[1].anonymous_kib * 5 / 4 + 512);
    }
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, mass_scene_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(without_memory_new_ones_are_refused_and_others_go_on),
        WITH_SCENE(in_a_control_group_of_64_mib_nine_thousand_connections_fit),
        WITH_SCENE(waves_of_connections_need_no_more_than_the_first),
    };

    (void)own_net_enter(); /* so that thousands of ports are nobody else's; if it may be */
    return cmocka_run_group_tests_name("resources_pressure", tests, NULL, NULL);
}
