/*
 * The admin port of the real program: its pages from start to end, who may see what, and what a
 * wrong address for it comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes/scripted_peer.h"
#include "support/ask.h"
#include "support/command.h"
#include "support/http_ask.h"
#include "support/proxy_fixture.h"
#include "support/scene.h"
#include "support/wait_until.h"

#define PROMPT_MS 20000u

static void pages_answer_to_get_and_head_and_nothing_else(void **state)
{
    static const char *const pages[] = {"/metrics", "/healthz", "/readyz", "/routes",
                                        "/explain?name=app.scene.test"};
    struct scene *s = *state;
    struct http_answer get, head;
    struct netaddr admin;

    scene_start_with_backend(s, NULL, NULL);
    admin = sealway_admin(s->program);
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        http_ask(&admin, "GET", pages[i], &get);
        assert_int_equal(get.status, 200);
        assert_true(get.body_len > 0);
        http_ask(&admin, "HEAD", pages[i], &head);
        assert_int_equal(head.status, 200);
        assert_int_equal(head.body_len, 0);
        http_answer_fini(&get);
        http_answer_fini(&head);
        http_ask(&admin, "POST", pages[i], &get);
        assert_int_equal(get.status, 405);
        http_answer_fini(&get);
    }
    assert_true(http_says(&admin, "/readyz", 200, "[+]objects ok\n[+]workers ok\n"));
    assert_true(http_says(&admin, "/routes", 200, "\"app.scene.test\""));
    assert_int_equal(http_status(&admin, "/"), 404);
}

static bool refuses(void *ctx)
{
    const struct scene *s = ctx;
    struct ask_answer answer;

    ask_name(&s->addr, "other.test", &answer);
    return answer.end == ASK_REFUSED;
}

/* Everything the pages say while draining; `admin` answers all the time. */
static void assert_says_draining(const struct netaddr *admin)
{
    assert_true(http_says(admin, "/readyz", 503,
                          "[-]not-draining: stopping: existing connections go on, new ones belong "
                          "elsewhere\nreadyz check failed\n"));
    assert_true(http_says(admin, "/healthz", 200, "[+]workers ok\n[+]controller ok\nok\n"));
    assert_true(http_says(admin, "/metrics", 200, "\nsealway_draining 1\n"));
    assert_true(http_says(admin, "/metrics", 200, "\nsealway_ready 0\n"));
    assert_true(http_says(admin, "/routes", 200, "\"app.scene.test\""));
}

static void from_the_signal_on_it_is_not_ready_but_alive_to_the_end(void **state)
{
    static const char *const args[] = {"--drain-delay", "5s", "--drain-timeout", "60s", NULL};
    struct scene *s = *state;
    struct netaddr admin;
    int client, server;

    scene_start_with_backend(s, NULL, args);
    admin = sealway_admin(s->program);
    client = proxy_fixture_dial(&s->addr);
    assert_int_equal(write(client, s->hello.data, s->hello.len), s->hello.len);
    assert_int_equal(poll(&(struct pollfd){.fd = s->listener, .events = POLLIN}, 1, PROMPT_MS), 1);
    server = accept(s->listener, NULL, NULL);
    sealway_signal(s->program, SIGTERM);
    while (!http_says_yet(&admin, "/metrics", 200, "\nsealway_draining 1\n")) {
        /* the signal is on its way */
    }
    assert_says_draining(&admin); /* during the delay */
    assert_false(refuses(s));
    assert_true(wait_until(refuses, s, PROMPT_MS));
    assert_says_draining(&admin); /* while the connection ends, the controller is gone */
    assert_true(http_says(&admin, "/metrics", 200, ",phase=\"relay\"} 1\n"));
    close(client);
    close(server);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
}

/* ---- a scraper that never rests ---- */

struct scraper {
    struct netaddr admin;
    pthread_t thread;
    atomic_bool over;
    _Atomic unsigned good, bad;
};

static void *scrape(void *ctx)
{
    struct scraper *s = ctx;

    while (!atomic_load(&s->over)) {
        if (http_says_yet(&s->admin, "/metrics", 200, "\nsealway_ready 1\n")) {
            atomic_fetch_add(&s->good, 1);
        } else {
            atomic_fetch_add(&s->bad, 1);
        }
    }
    return NULL;
}

static void scraper_start(struct scraper *s, const struct netaddr *admin)
{
    *s = (struct scraper){.admin = *admin};
    assert_int_equal(pthread_create(&s->thread, NULL, scrape, s), 0);
}

static void scraper_stop(struct scraper *s)
{
    atomic_store(&s->over, true);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
}

struct rereads {
    const struct scene *s;
    unsigned want;
};

static bool has_reread(void *ctx)
{
    const struct rereads *r = ctx;
    char *said = sealway_stderr(r->s->program);
    unsigned n = 0;

    for (const char *at = said; (at = strstr(at, "reading all manifests again")) != NULL; at++) {
        n++;
    }
    free(said);
    return n >= r->want;
}

static void reading_again_disturbs_no_scrape(void **state)
{
    struct scene *s = *state;
    struct rereads r = {.s = s};
    struct scraper scraper;
    struct netaddr admin;

    scene_start_with_backend(s, NULL, NULL);
    admin = sealway_admin(s->program);
    scraper_start(&scraper, &admin);
    for (r.want = 1; r.want <= 20; r.want++) {
        sealway_signal(s->program, SIGHUP);
        assert_true(wait_until(has_reread, &r, PROMPT_MS));
    }
    scraper_stop(&scraper);
    assert_true(scraper.good > 0);
    assert_int_equal(scraper.bad, 0);
    assert_true(http_says(&admin, "/metrics", 200, "\nsealway_config_generation 1\n"));
}

/* A client that asks for many pages and takes none, so that an answer is always under way. */
static int ask_and_turn_away(const struct netaddr *admin)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    int fd = proxy_fixture_dial_narrow(admin);

    for (int i = 0; i < 200; i++) {
        (void)!write(fd, request, strlen(request));
    }
    return fd;
}

static void it_ends_while_answers_are_on_their_way(void **state)
{
    struct scene *s = *state;
    int clients[40];
    struct netaddr admin;

    scene_start_with_backend(s, NULL, NULL);
    admin = sealway_admin(s->program);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        clients[i] = ask_and_turn_away(&admin);
    }
    assert_int_equal(http_status(&admin, "/healthz"), 200);
    sealway_signal(s->program, SIGTERM);
    assert_int_equal(sealway_wait(s->program, PROMPT_MS), 0);
    for (size_t i = 0; i < ARRAY_LEN(clients); i++) {
        close(clients[i]);
    }
}

/* ---- where it listens ---- */

static void an_address_in_use_is_one_line_that_says_how_to_mend_it(void **state)
{
    struct netaddr taken;
    char text[NETADDR_TEXT_MAX], args[256], line[256];
    int fd = peer_listen("127.0.0.1", 1, NULL, &taken);

    (void)state;
    snprintf(args, sizeof(args), "serve --manifests m --listen 127.0.0.1:0 --admin %s 2>&1",
             netaddr_format(&taken, text));
    snprintf(line, sizeof(line),
             "sealway serve: admin port: cannot listen on %s: Address already in use; another "
             "process has it: stop that one, or choose another port with --admin\n",
             text);
    assert_int_equal(command_run(args), 2);
    command_says_one_line(line);
    close(fd);
}

static void it_cannot_have_the_address_of_a_listener(void **state)
{
    (void)state;
    assert_int_equal(
        command_run("serve --manifests m --listen 127.0.0.1:443 --admin 127.0.0.1:443 2>&1"), 2);
    command_says_one_line(
        "sealway serve: --admin 127.0.0.1:443: --listen has that port; choose another one");
    assert_int_equal(
        command_run("serve --manifests m --listen 127.0.0.1:443 --admin [::]:443 2>&1"), 2);
    command_says_one_line("--listen has that port");
}

#define WITH_SCENE(test)     cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)
#define WITH_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, command_setup, command_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(pages_answer_to_get_and_head_and_nothing_else),
        WITH_SCENE(from_the_signal_on_it_is_not_ready_but_alive_to_the_end),
        WITH_SCENE(reading_again_disturbs_no_scrape),
        WITH_SCENE(it_ends_while_answers_are_on_their_way),
        WITH_DIRECTORY(an_address_in_use_is_one_line_that_says_how_to_mend_it),
        WITH_DIRECTORY(it_cannot_have_the_address_of_a_listener),
    };

    return cmocka_run_group_tests_name("admin", tests, NULL, NULL);
}
