/* What a connection costs in each of its states: measured over thousands, as a table, with a cap
 * for each.
 *
 * Nothing that a peer can make grow is without a maximum, and the caps are made of these: of a
 * hello no more than LIMIT_HELLO_DEFAULT_BYTES is kept, in a buffer that doubles; of each way no
 * more than one read, LIMIT_RELAY_BYTES, which is held until it is taken, and nothing is read
 * meanwhile.  What else a connection has (its struct, what the access log will say, the tables that
 * grow with the descriptors) is small: IDLE_BYTES.  What stands beside the caps is what malloc(3)
 * rounds up, and the pages that are shared by objects of different ages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "support/form.h"
#include "support/http_ask.h"
#include "support/manifest_writer.h"
#include "support/mass_scene.h"
#include "support/metric_lines.h"
#include "support/own_net.h"
#include "support/procinfo.h"
#include "support/proxy_fixture.h"

#define CLIENTS      form_pick(4000, 2000, 200)
#define FULL_CLIENTS form_pick(2000, 500, 50) /* they cost the kernel a hundred times as much */
#define WARM         100u                     /* before them, so that what comes once has come */
#define PROMPT_MS    60000u
#define PRESS_BYTES  65536u

#define IDLE_BYTES 1536u

/* What a full way holds is the rest of one read, and how much that read brought depends on who ran
 * when.  So little is less than any machine shows, and many times what an idle one holds. */
#define LEAST_OF_A_WAY (LIMIT_RELAY_BYTES / 8)

#define STALLED_HOST "stalled.scene.test"
#define UNKNOWN_HOST "unknown.scene.test"

/* A row of the table: what the clients send, and how much each may cost then.  That it costs at
 * least so much shows that what is to be held is held. */
struct row {
    const char *state;
    const char *phase; /* of the metric; NULL: it does not last long enough to be asked for */
    enum mass_kind backend;
    const char *host;   /* NULL: no hello */
    size_t hello_bytes; /* of the message; 0: as short as it comes */
    size_t sent;        /* of it, at most; 0: all */
    bool presses;       /* and then bytes without end */
    bool half_closes;   /* or a FIN */
    bool deaf;
    unsigned least_bytes, most_bytes;
};

static const struct row rows[] = {
    {.state = "READING_HELLO, 0 bytes", .phase = "peek", .most_bytes = 2048},
    {.state = "READING_HELLO, 100 bytes",
     .phase = "peek",
     .host = SCENE_HOST,
     .sent = 100,
     .most_bytes = 6144},
    {.state = "READING_HELLO, 15,000 bytes",
     .phase = "peek",
     .host = SCENE_HOST,
     .hello_bytes = 16000,
     .sent = 15000,
     .least_bytes = 15000,
     .most_bytes = 2 * 16384 + 4096},
    {.state = "READING_HELLO, 65,400 bytes",
     .phase = "peek",
     .host = SCENE_HOST,
     .hello_bytes = 65500, /* four heads of records more: just below the limit */
     .sent = 65400,
     .least_bytes = 65400,
     .most_bytes = 2 * LIMIT_HELLO_DEFAULT_BYTES + 4096},
    {.state = "DIALLING", .phase = "connect", .host = STALLED_HOST, .most_bytes = 4096},
    {.state = "RELAYING, idle", .phase = "relay", .host = SCENE_HOST, .most_bytes = IDLE_BYTES},
    {.state = "RELAYING, one way full",
     .phase = "relay",
     .backend = MASS_FLOOD,
     .host = SCENE_HOST,
     .deaf = true,
     .least_bytes = LEAST_OF_A_WAY,
     .most_bytes = LIMIT_RELAY_BYTES + 4096},
    {.state = "RELAYING, both ways full",
     .phase = "relay",
     .backend = MASS_FLOOD,
     .host = SCENE_HOST,
     .presses = true,
     .deaf = true,
     .least_bytes = 2 * LEAST_OF_A_WAY,
     .most_bytes = 2 * (LIMIT_RELAY_BYTES + 4096)},
    {.state = "RELAYING, half-closed",
     .phase = "half_closed",
     .backend = MASS_SILENT,
     .host = SCENE_HOST,
     .half_closes = true,
     .most_bytes = IDLE_BYTES},
    {.state = "RELAYING, half-closed, full",
     .phase = "half_closed",
     .backend = MASS_FLOOD,
     .host = SCENE_HOST,
     .half_closes = true,
     .deaf = true,
     .least_bytes = LEAST_OF_A_WAY,
     .most_bytes = LIMIT_RELAY_BYTES + 4096},
    {.state = "LINGERING", .host = UNKNOWN_HOST, .deaf = true, .most_bytes = 2048}, /* who reads
                                                                    its end, ends it */
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

struct delivery {
    struct crowd *crowd;
    const struct hello_bytes *hello;
};

/* A long hello does not fit into a narrow socket at once. */
static bool is_delivered(void *ctx)
{
    const struct delivery *d = ctx;
    bool all = true;

    for (unsigned i = 0; i < crowd_clients(d->crowd); i++) {
        size_t at = crowd_member(d->crowd, i)->sent;
        if (at < d->hello->len) {
            crowd_send(d->crowd, i, d->hello->data + at, d->hello->len - at);
            all = all && crowd_member(d->crowd, i)->sent == d->hello->len;
        }
    }
    return all;
}

/* Connected first, so that all are in a state that does not last at the same time. */
static void bring(struct crowd *c, const struct row *r)
{
    struct hello_bytes hello = {0};
    struct delivery delivery = {.crowd = c, .hello = &hello};

    if (r->host != NULL) {
        make_hello(r, &hello);
    }
    assert_true(crowd_until_count(c, CROWD_OPEN, crowd_clients(c), PROMPT_MS));
    assert_true(crowd_until(c, is_delivered, &delivery, PROMPT_MS));
    for (unsigned i = 0; r->half_closes && i < crowd_clients(c); i++) {
        assert_int_equal(shutdown(crowd_member(c, i)->fd, SHUT_WR), 0);
    }
    hello_bytes_free(&hello);
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

/* As much as the kernel takes, of each.  Returns how much it took. */
static size_t press(struct crowd *c)
{
    static const char bytes[PRESS_BYTES];
    size_t taken = 0;

    for (unsigned i = 0; i < crowd_clients(c); i++) {
        size_t before = crowd_member(c, i)->sent;
        crowd_send(c, i, bytes, sizeof(bytes));
        taken += crowd_member(c, i)->sent - before;
    }
    return taken;
}

/* Until the program takes no more, and has what it has to have by then, or time is up: the caller
 * looks. */
static void let_settle(const struct mass_scene *m, const struct row *r, struct crowd *c,
                       long least_kib)
{
    uint64_t deadline_us = clock_now_us() + PROMPT_MS * UINT64_C(1000);
    struct procinfo_memory before, now;
    size_t taken;

    procinfo_memory(sealway_pid(m->s->program), &now);
    do {
        before = now;
        taken = r->presses ? press(c) : 0;
        crowd_run(c, 250);
        procinfo_memory(sealway_pid(m->s->program), &now);
    } while ((taken > 0 || now.rss_kib > before.rss_kib || now.rss_kib < least_kib) &&
             clock_now_us() < deadline_us);
}

static struct crowd *crowd_in_state(struct mass_scene *m, const struct row *r, unsigned clients,
                                    long least_kib)
{
    const struct crowd_config cfg = {.to = m->s->addr, .clients = clients, .deaf = r->deaf};
    struct crowd *c = mass_scene_crowd(m, &cfg);
    bool is_answered = r->backend == MASS_ECHO && r->host != NULL &&
                       strcmp(r->host, SCENE_HOST) == 0 && r->sent == 0;

    bring(c, r);
    if (is_answered) {
        assert_true(crowd_until(c, all_have_received, c, PROMPT_MS));
    } else if (r->phase == NULL) {
        crowd_run(c, LIMIT_LINGER_MS / 3); /* so that all get there, and are still there */
    } else {
        let_settle(m, r, c, least_kib);
    }
    return c;
}

struct asked {
    const struct mass_scene *m;
    const char *phase;
    unsigned clients;
};

static bool are_in_phase(void *ctx)
{
    const struct asked *a = ctx;
    char listener[NETADDR_TEXT_MAX], sample[192];
    struct netaddr admin = sealway_admin(a->m->s->program);
    struct http_answer answer;
    uint64_t n;

    netaddr_format(&a->m->s->addr, listener);
    snprintf(sample, sizeof(sample), "sealway_connections_active{listener=\"%s\",phase=\"%s\"}",
             listener, a->phase);
    http_ask(&admin, "GET", "/metrics", &answer);
    n = metric_lines_sum(answer.text, sample);
    http_answer_fini(&answer);
    return n == a->clients;
}

/* Half-closed ones get there by and by. */
static void assert_phase(const struct mass_scene *m, const struct row *r, struct crowd *c,
                         unsigned clients)
{
    struct asked asked = {.m = m, .phase = r->phase, .clients = clients};

    assert_true(r->phase == NULL || crowd_until(c, are_in_phase, &asked, PROMPT_MS));
}

static void say_and_judge(const struct row *r, unsigned clients,
                          const struct procinfo_memory *before,
                          const struct procinfo_memory *during)
{
    double rss = (double)(during->rss_kib - before->rss_kib) * 1024 / clients;
    double pss = (double)(during->pss_kib - before->pss_kib) * 1024 / clients;

    print_message("             %-28s %6u %8.0f %8.0f %8u\n", r->state, clients, rss, pss,
                  r->most_bytes);
    if (!FORM_SANITIZED) {
        assert_true(rss >= r->least_bytes);
        assert_true(rss <= r->most_bytes);
    }
}

static void measure(struct mass_scene *m, const struct row *r)
{
    static const char *const args[] = {"--hello-timeout",
                                       "5m",
                                       "--connect-timeout",
                                       "5m",
                                       "--idle-timeout",
                                       "5m",
                                       "--half-close-timeout",
                                       "5m",
                                       NULL};
    unsigned clients = crowd_fitting(r->most_bytes >= LIMIT_RELAY_BYTES ? FULL_CLIENTS : CLIENTS);
    struct procinfo_memory before, during;
    struct netaddr stalled;
    int fill[2], staller = proxy_fixture_staller(&stalled, fill);
    struct crowd *c;

    manifest_route(&m->s->manifests, "stalled", STALLED_HOST, &stalled, 1);
    mass_scene_start(m, r->backend, args);
    c = crowd_in_state(m, r, WARM, 0);
    assert_phase(m, r, c, WARM); /* a page of metrics is made for the first time now */
    procinfo_memory(sealway_pid(m->s->program), &before);
    c = crowd_in_state(m, r, clients,
                       before.rss_kib + (long)((uint64_t)r->least_bytes * clients / 1024));
    procinfo_memory(sealway_pid(m->s->program), &during);
    assert_phase(m, r, c, WARM + clients);
    say_and_judge(r, clients, &before, &during);
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
