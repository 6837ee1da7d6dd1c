/*
 * The admin port and the data path side by side: neither feels what happens to the other, and a
 * worker that hangs is told while the rest serves.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "fakes/name_backend.h"
#include "support/crowd.h"
#include "support/form.h"
#include "support/http_ask.h"
#include "support/manifest_writer.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"
#include "support/scene.h"
#include "support/traffic.h"
#include "support/wait_until.h"

#define PROMPT_MS 30000u

#define IDLE     100u /* three times as many as may be connected */
#define FLOODERS 2u
#define REQUESTS form_pick(20000, 2000, 300)

/* Descriptors it may have more than before: those of admin clients, and a few. */
#define MOST_FDS (LIMIT_ADMIN_CLIENTS + 8u)

static struct name_backend *start(struct scene *s)
{
    struct name_backend *b = name_backend_start("127.0.0.1", "app");
    const struct netaddr at = name_backend_addr(b);

    manifest_route(&s->manifests, "app", SCENE_HOST, &at, 1);
    scene_start(s, NULL);
    return b;
}

/* ---- many who ask ---- */

struct flood {
    struct netaddr admin;
    pthread_t threads[FLOODERS];
    atomic_bool over;
    _Atomic uint64_t good, bad;
};

static void *scrape(void *ctx)
{
    struct flood *f = ctx;

    while (!atomic_load(&f->over)) {
        bool good = http_says_yet(&f->admin, "/metrics", 200, "\nsealway_ready 1\n");
        atomic_fetch_add(good ? &f->good : &f->bad, 1);
    }
    return NULL;
}

static void flood_start(struct flood *f, const struct netaddr *admin)
{
    *f = (struct flood){.admin = *admin};
    for (unsigned i = 0; i < FLOODERS; i++) {
        assert_int_equal(pthread_create(&f->threads[i], NULL, scrape, f), 0);
    }
}

static void flood_stop(struct flood *f)
{
    atomic_store(&f->over, true);
    for (unsigned i = 0; i < FLOODERS; i++) {
        assert_int_equal(pthread_join(f->threads[i], NULL), 0);
    }
}

/* How long so many further requests take. */
static uint64_t requests_us(const struct traffic *t)
{
    uint64_t began = clock_now_us(), wanted = traffic_asked(t) + REQUESTS;

    while (traffic_asked(t) < wanted) {
        assert_true(traffic_wait_for(t, 1));
    }
    return clock_now_us() - began;
}

static void who_asks_without_pause_or_stays_silent_costs_no_connection(void **state)
{
    struct scene *s = *state;
    struct name_backend *b = start(s);
    const struct netaddr admin = sealway_admin(s->program);
    struct traffic *t = traffic_start(&s->addr, 2, SCENE_HOST, "app");
    uint64_t alone_us = requests_us(t), beside_us;
    struct traffic_report report;
    struct flood flood;
    int idle[IDLE];
    size_t fds;

    flood_start(&flood, &admin);
    for (size_t i = 0; i < IDLE; i++) {
        idle[i] = proxy_fixture_dial(&admin);
    }
    beside_us = requests_us(t);
    assert_int_equal(http_status(&admin, "/healthz"), 200);
    flood_stop(&flood);
    traffic_stop(t, &report);
    fds = procinfo_fds(sealway_pid(s->program));
    for (size_t i = 0; i < IDLE; i++) {
        close(idle[i]);
    }
    print_message("             %u requests in %" PRIu64 " ms, beside %" PRIu64
                  " scrapes and %u silent clients in %" PRIu64 " ms\n",
                  REQUESTS, alone_us / 1000, flood.good, IDLE, beside_us / 1000);
    assert_string_equal(report.first, "");
    assert_true(flood.good > 0);
    assert_int_equal(flood.bad, 0);
    assert_in_range(fds, 1, procinfo_fds(sealway_pid(s->program)) + MOST_FDS);
    name_backend_stop(b);
}

/* ---- one who hangs ---- */

/* The thread that is called so; 0 for none. */
static pid_t thread_of(pid_t pid, const char *name)
{
    char path[300], comm[32];
    struct dirent *entry;
    pid_t found = 0;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    dir = opendir(path);
    assert_non_null(dir);
    while (found == 0 && (entry = readdir(dir)) != NULL) {
        FILE *f;

        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)pid, entry->d_name);
        f = fopen(path, "re");
        if (f != NULL && fgets(comm, sizeof(comm), f) != NULL) {
            comm[strcspn(comm, "\n")] = '\0';
            found = strcmp(comm, name) == 0 ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
        }
        if (f != NULL) {
            fclose(f);
        }
    }
    closedir(dir);
    return found;
}

/* Stop one thread as a debugger would; false where that is not permitted. */
static bool hold(pid_t thread)
{
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) {
        return false;
    }
    assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, NULL, NULL), 0);
    assert_int_equal(waitpid(thread, NULL, __WALL), thread);
    return true;
}

struct asked {
    struct netaddr admin;
    int status;
    const char *words;
};

static bool says(void *ctx)
{
    const struct asked *a = ctx;

    return http_says_yet(&a->admin, "/healthz", a->status, a->words);
}

struct logged {
    const struct scene *s;
    const char *words;
};

static bool is_logged(void *ctx)
{
    const struct logged *l = ctx;
    char *said = sealway_stderr(l->s->program);
    bool yes = strstr(said, l->words) != NULL;

    free(said);
    return yes;
}

static void a_worker_that_hangs_is_named_while_the_others_serve(void **state)
{
    struct scene *s = *state;
    struct name_backend *b = start(s);
    struct asked stuck = {sealway_admin(s->program), 503, "[-]workers: worker 0 has not turned"};
    struct asked well = {stuck.admin, 200, "[+]workers ok\n"};
    struct logged hangs = {s, "level=error msg=\"worker 0 has been stuck for "};
    struct logged goes_on = {s, "level=warn msg=\"worker 0 goes on\""};
    const struct crowd_config cfg = {.to = s->addr,
                                     .clients = 100,
                                     .hello = s->hello.data,
                                     .hello_len = s->hello.len,
                                     .half_close = true};
    pid_t thread = thread_of(sealway_pid(s->program), "worker 0");
    struct crowd *crowd;

    assert_true(thread > 0);
    if (!hold(thread)) {
        name_backend_stop(b);
        print_message("             skip %s: nobody may trace here\n", __func__);
        skip();
    }
    crowd = crowd_new(&cfg);
    assert_true(http_says(&well.admin, "/healthz", 200, well.words)); /* not yet too long */
    crowd_run(crowd, 1000);
    assert_true(wait_until(says, &stuck, PROMPT_MS));
    assert_true(http_says(&stuck.admin, "/readyz", 200, "[+]workers ok\n"));
    assert_true(wait_until(is_logged, &hangs, PROMPT_MS));
    assert_in_range(crowd_count(crowd, CROWD_ENDED), cfg.clients / 10, cfg.clients - 1);
    assert_int_equal(ptrace(PTRACE_DETACH, thread, NULL, NULL), 0);
    assert_true(wait_until(says, &well, PROMPT_MS));
    assert_true(crowd_until_count(crowd, CROWD_ENDED, cfg.clients, PROMPT_MS));
    assert_int_equal(crowd_count_end(crowd, CROWD_FIN), cfg.clients);
    crowd_free(crowd);
    assert_true(wait_until(is_logged, &goes_on, PROMPT_MS));
    name_backend_stop(b);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(who_asks_without_pause_or_stays_silent_costs_no_connection),
        WITH_SCENE(a_worker_that_hangs_is_named_while_the_others_serve),
    };

    return cmocka_run_group_tests_name("admin_load", tests, NULL, NULL);
}
