/* The end of a listener loses nobody: neither who waits in its queue nor whose handshake is still
 * under way. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/name_backend.h"
#include "support/crowd.h"
#include "support/delay_line.h"
#include "support/form.h"
#include "support/manifest_writer.h"
#include "support/own_net.h"
#include "support/scene.h"

#define PER_SECOND form_pick(1000, 1000, 300)
#define ONE_WAY_MS 50u
#define PROMPT_MS  20000u
#define LATE_MS    300u /* both ways so late, and a handshake takes 700 ms */
#define TRIES      3u

/* The crowd comes for so long, and the program is told to end after a part of it. */
#define CROWD_MS  4000u
#define SIGNAL_MS 1000u

static const char *const args[] = {
    "--listen", DELAY_LINE_NEAR ":0", "--drain-delay", "1s", "--drain-timeout", "20s", NULL};

/* Who was connected has to be answered; who came too late has to be told that nobody listens.  A
 * handshake that is later than the program waits is lost: whether the cable was in time to show
 * that nobody else is. */
static bool is_nobody_lost(const struct crowd *c, const char *answer, uint64_t late_ms)
{
    unsigned answered = crowd_count_answer(c, answer, strlen(answer));
    unsigned refused = crowd_count_end(c, CROWD_REFUSED);
    unsigned lost = crowd_clients(c) - answered - refused;

    print_message("             %u clients, %u a second: %u answered, %u refused, %u lost; the "
                  "cable was up to %" PRIu64 " ms late\n",
                  crowd_clients(c), PER_SECOND, answered, refused, lost, late_ms);
    assert_true(answered > 0);
    assert_true(refused > 0);
    if (late_ms > LATE_MS) {
        return false;
    }
    assert_int_equal(lost, 0);
    return true;
}

/* One crowd and the program's end; false: the cable was too late. */
static bool is_crowd_served(struct scene *s, struct delay_line *cable)
{
    struct crowd *crowd;
    char answer[64];
    bool in_time;

    scene_start(s, args);
    const struct crowd_config cfg = {.to = s->addr,
                                     .clients = PER_SECOND * CROWD_MS / 1000,
                                     .per_second = PER_SECOND,
                                     .hello = s->hello.data,
                                     .hello_len = s->hello.len,
                                     .half_close = true};
    crowd = crowd_new(&cfg);
    delay_line_go_far(cable);
    crowd_run(crowd, SIGNAL_MS);
    sealway_signal(s->program, SIGTERM);
    (void)crowd_until_count(crowd, CROWD_ENDED, cfg.clients, PROMPT_MS);
    delay_line_go_near(cable);
    snprintf(answer, sizeof(answer), "app %zu\n", s->hello.len);
    in_time = is_nobody_lost(crowd, answer, delay_line_latest_ms(cable));
    assert_int_equal(delay_line_lost(cable), 0);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
    scene_stop(s);
    crowd_free(crowd);
    return in_time;
}

static void handshakes_under_way_at_the_end_are_finished_and_served(void **state)
{
    struct scene *s = *state;
    struct delay_line *cable = delay_line_new(ONE_WAY_MS);
    struct name_backend *backend;
    struct netaddr addr;
    bool in_time = false;

    if (cable == NULL) {
        print_message("             skip %s: no TUN device here\n", __func__);
        skip();
    }
    backend = name_backend_start("127.0.0.1", "app");
    addr = name_backend_addr(backend);
    manifest_route(&s->manifests, "app", SCENE_HOST, &addr, 1);
    for (unsigned tries = 0; tries < TRIES && !in_time; tries++) {
        cable = cable != NULL ? cable : delay_line_new(ONE_WAY_MS);
        assert_non_null(cable);
        in_time = is_crowd_served(s, cable);
        delay_line_free(cable);
        cable = NULL;
    }
    name_backend_stop(backend);
    if (!in_time) {
        print_message("             skip %s: the cable was late in %u tries\n", __func__, TRIES);
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(handshakes_under_way_at_the_end_are_finished_and_served,
                                        scene_setup, scene_teardown),
    };

    if (!own_net_enter()) {
        print_message("             skip drain_queue: no network namespace permitted\n");
        return 0;
    }
    return cmocka_run_group_tests_name("drain_queue", tests, NULL, NULL);
}
