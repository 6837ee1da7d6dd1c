/* What a connection costs in each of its states: measured over thousands, as a table, with a cap
 * for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "support/form.h"
#include "support/manifest_writer.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"

#define CLIENTS      form_pick(4000, 2000, 200)
#define FULL_CLIENTS form_pick(2000, 500, 50) /* they cost the kernel a hundred times as much */
#define WARM         100u                     /* before them, so that what comes once has come */
#define PROMPT_MS    60000u

#define STALLED_HOST "stalled.scene.test"
#define UNKNOWN_HOST "unknown.scene.test"

/* A row of the table: what the clients send, and how much each may cost then. */
struct row {
    const char *state;
    enum mass_kind backend;
    const char *host;   /* NULL: no hello */
    size_t hello_bytes; /* of the message; 0: as short as it comes */
    size_t sent;        /* of it, at most; 0: all */
    bool deaf;
    unsigned most_bytes;
};

static const struct row rows[] = {
    {"READING_HELLO, 0 bytes", MASS_ECHO, NULL, 0, 0, false, 2048},
    {"READING_HELLO, 100 bytes", MASS_ECHO, SCENE_HOST, 0, 100, false, 6144},
    {"READING_HELLO, 15,000 bytes", MASS_ECHO, SCENE_HOST, 16000, 15000, false, 2 * 16384 + 4096},
    {"DIALLING", MASS_ECHO, STALLED_HOST, 0, 0, false, 4096},
    {"RELAYING, idle", MASS_ECHO, SCENE_HOST, 0, 0, false, 1536},
    {"RELAYING, one way full", MASS_FLOOD, SCENE_HOST, 0, 0, true, LIMIT_RELAY_BYTES + 4096},
    {"LINGERING", MASS_ECHO, UNKNOWN_HOST, 0, 0, true, 2048}, /* who reads its end, ends it */
};

static void make_hello(const struct row *r, struct hello_bytes *out)
{
    struct hello h;

    hello_begin(&h, NULL);
    hello_add_name(&h, r->host, strlen(r->host));
    if (r->hello_bytes != 0) {
        hello_add_padding(&h, r->hello_bytes);
    }
    hello_end(&h);
    hello_records(out, &h.message, LIMIT_RECORD_BYTES);
    hello_free(&h);
    if (r->sent != 0) {
        assert_true(out->len > r->sent);
        out->len = r->sent;
    }
}

/* Connected first, so that all are in a state that does not last at the same time. */
static void bring(struct crowd *c, const struct hello_bytes *hello)
{
    assert_true(crowd_until_count(c, CROWD_OPEN, crowd_clients(c), PROMPT_MS));
    for (unsigned i = 0; hello->len != 0 && i < crowd_clients(c); i++) {
        crowd_send(c, i, hello->data, hello->len);
    }
}

static bool all_have_received(void *ctx)
{
    const struct crowd *c = ctx;

    for (unsigned i = 0; i < crowd_clients(c); i++) {
        if (crowd_member(c, i)->received == 0) {
            return false;
        }
    }
    return true;
}

/* Until the program takes no more. */
static void let_settle(const struct mass_scene *m, struct crowd *c)
{
    struct procinfo_memory before, now;

    procinfo_memory(sealway_pid(m->s->program), &now);
    do {
        before = now;
        crowd_run(c, 250);
        procinfo_memory(sealway_pid(m->s->program), &now);
    } while (now.rss_kib > before.rss_kib);
}

static struct crowd *crowd_in_state(struct mass_scene *m, const struct row *r, unsigned clients)
{
    const struct crowd_config cfg = {.to = m->s->addr, .clients = clients, .deaf = r->deaf};
    struct crowd *c = mass_scene_crowd(m, &cfg);
    struct hello_bytes hello = {0};
    bool is_answered = r->host != NULL && strcmp(r->host, SCENE_HOST) == 0 && r->sent == 0;

    if (r->host != NULL) {
        make_hello(r, &hello);
    }
    bring(c, &hello);
    hello_bytes_free(&hello);
    if (is_answered && !r->deaf) {
        assert_true(crowd_until(c, all_have_received, c, PROMPT_MS));
    } else if (r->host != NULL && strcmp(r->host, UNKNOWN_HOST) == 0) {
        crowd_run(c, LIMIT_LINGER_MS / 3); /* so that all get there, and are still there */
    } else {
        let_settle(m, c);
    }
    return c;
}

static void measure(struct mass_scene *m, const struct row *r)
{
    static const char *const args[] = {"--hello-timeout", "60s", "--connect-timeout", "60s", NULL};
    unsigned clients = crowd_fitting(r->backend == MASS_FLOOD ? FULL_CLIENTS : CLIENTS);
    struct procinfo_memory before, during;
    struct netaddr stalled;
    int fill[2], staller = proxy_fixture_staller(&stalled, fill);
    double rss, pss;

    manifest_route(&m->s->manifests, "stalled", STALLED_HOST, &stalled, 1);
    mass_scene_start(m, r->backend, args);
    (void)crowd_in_state(m, r, WARM);
    procinfo_memory(sealway_pid(m->s->program), &before);
    (void)crowd_in_state(m, r, clients);
    procinfo_memory(sealway_pid(m->s->program), &during);
    rss = (double)(during.rss_kib - before.rss_kib) * 1024 / clients;
    pss = (double)(during.pss_kib - before.pss_kib) * 1024 / clients;
    print_message("             %-28s %6u %8.0f %8.0f %8u\n", r->state, clients, rss, pss,
                  r->most_bytes);
    if (!FORM_SANITIZED) {
        assert_true(rss <= r->most_bytes);
    }
    close(staller);
    close(fill[0]);
    close(fill[1]);
}

static void memory_of_a_connection_is_bounded_in_each_state(void **state)
{
    (void)state;
    print_message("             %-28s %6s %8s %8s %8s\n", "state", "of", "RSS", "PSS", "cap");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *scene;
        assert_int_equal(mass_scene_setup(&scene), 0);
        measure(scene, &rows[i]); /* one that fails leaves its program to die with the test */
        assert_int_equal(mass_scene_teardown(&scene), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_a_connection_is_bounded_in_each_state),
    };

    if (own_net_enter()) {
        own_net_set("ipv4/tcp_wmem", "4096 16384 16384"); /* what is full is full sooner */
    }
    return cmocka_run_group_tests_name("resources_memory", tests, NULL, NULL);
}
