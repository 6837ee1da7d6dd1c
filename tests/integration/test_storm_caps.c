/* --max-connections and --max-connections-per-client hold exactly: never more at once, and none is
 * lost, however connections come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/mass_scene.h"
#include "support/own_net.h"
#include "support/wait_until.h"

#define THREADS   16u
#define HOSTS     2u /* addresses that the threads share */
#define CAP       5u
#define CHURN_MS  form_pick(20000, 2000, 2000)
#define PROMPT_MS 20000u

/* What the threads do and see; the main thread asserts. */
struct churn {
    const struct mass_scene *m;
    unsigned hosts;
    _Atomic bool stop;
    _Atomic int inside[HOSTS];
    _Atomic int most;
    _Atomic unsigned served, refused, broken, redialled;
};

struct churner {
    struct churn *c;
    unsigned number;
    pthread_t thread;
};

/* Returns whether it is connected; false where the port that the kernel chose was refused. */
static bool dial_once(const struct churn *c, unsigned host, int fd)
{
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000301u + host)}};
    const struct timeval limit = {.tv_sec = 10};
    struct sockaddr_storage to;
    socklen_t len = netaddr_to_sockaddr(&c->m->s->addr, &to);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0) {
        if (connect(fd, (const struct sockaddr *)&to, len) == 0) {
            return true;
        }
        if (errno == ECONNREFUSED) {
            return false;
        }
    }
    perror("dial");
    abort();
}

/* Linux loses a reset that meets the other end on its way from FIN_WAIT_2 to a TIME_WAIT socket,
 * and refuses whoever takes that port again within a minute: two of a million dials to a server
 * that does nothing but close.  Hardly twice in a row; a program that is gone refuses all. */
static int dial_from(struct churn *c, unsigned host)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (dial_once(c, host, fd)) {
            return fd;
        }
        close(fd);
        atomic_fetch_add(&c->redialled, 1);
    }
    fprintf(stderr, "dial: nobody listens\n");
    abort();
}

static void leave(int fd, unsigned how)
{
    const struct linger hard = {.l_onoff = 1};
    char bytes[4096];

    switch (how % 3) {
    case 0:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        break;
    case 1:
        shutdown(fd, SHUT_WR);
        while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
        }
        break;
    }
    close(fd);
}

/* Who got its echo is inside until it begins to leave: the program has it counted all that time. */
static void be_inside(struct churn *c, int fd, unsigned host, unsigned how)
{
    int now = atomic_fetch_add(&c->inside[host], 1) + 1;
    int most = atomic_load(&c->most);
    char byte;

    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now)) {
    }
    atomic_fetch_add(&c->served, 1);
    if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1) {
        atomic_fetch_add(&c->broken, 1);
    }
    atomic_fetch_sub(&c->inside[host], 1);
    leave(fd, how);
}

static void visit(struct churn *c, unsigned number, unsigned how)
{
    unsigned host = number % c->hosts;
    int fd = dial_from(c, host);
    char bytes[4096];
    ssize_t n;

    if (how % 5 == 0) { /* one that ends before it says anything */
        leave(fd, how);
        return;
    }
    (void)send(fd, c->m->s->hello.data, c->m->s->hello.len, MSG_NOSIGNAL);
    n = recv(fd, bytes, sizeof(bytes), 0);
    if (n > 0) {
        be_inside(c, fd, host, how);
        return;
    }
    atomic_fetch_add(n == 0 || errno == ECONNRESET ? &c->refused : &c->broken, 1);
    close(fd);
}

static void *come_and_go(void *arg)
{
    struct churner *me = arg;

    for (unsigned i = 0; !atomic_load(&me->c->stop); i++) {
        visit(me->c, me->number, i + me->number);
    }
    return NULL;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static void churn(struct churn *c)
{
    struct churner churners[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        churners[i] = (struct churner){.c = c, .number = i};
        assert_int_equal(pthread_create(&churners[i].thread, NULL, come_and_go, &churners[i]), 0);
    }
    (void)wait_until(never, NULL, CHURN_MS); /* for how long there is a crowd */
    atomic_store(&c->stop, true);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(churners[i].thread, NULL);
    }
    print_message("             %u threads from %u addresses: %u served, %u refused, %d at once at "
                  "most, %u dialled again\n",
                  THREADS, c->hosts, c->served, c->refused, c->most, c->redialled);
    assert_int_equal(c->broken, 0);
    assert_in_range(c->redialled, 0, 2 + (c->served + c->refused) / 10000);
    assert_in_range(c->most, 1, CAP);
    assert_true(c->served > 0);
    assert_true(c->refused > 0);
}

static bool all_have_left(void *ctx)
{
    const struct mass_scene *m = ctx;

    return mass_backend_open(m->backend) == 0;
}

/* Exactly `room` of `room` + 3 who come one after the other are let in; then all leave. */
static bool has_room_for(struct mass_scene *m, unsigned room, unsigned sources)
{
    struct crowd_config cfg = mass_scene_clients(m, room + 3 * sources);
    struct crowd *c;
    unsigned let_in;

    cfg.sources = sources;
    c = crowd_new(&cfg);
    assert_true(crowd_until_count(c, CROWD_ENDED, 3 * sources, PROMPT_MS));
    let_in = crowd_ping(c, PROMPT_MS);
    crowd_free(c);
    assert_true(wait_until(all_have_left, m, PROMPT_MS));
    return let_in == room;
}

struct room {
    struct mass_scene *m;
    unsigned connections, sources;
};

/* The last of those who left may be counted for a moment longer than they were seen. */
static bool room_is_whole(void *ctx)
{
    const struct room *r = ctx;

    return has_room_for(r->m, r->connections, r->sources);
}

static void the_cap_of_all_is_never_exceeded_and_never_shrinks(void **state)
{
    static const char *const args[] = {"--max-connections", "5", NULL};
    struct mass_scene *m = *state;
    struct churn c = {.m = m, .hosts = 1};
    struct room room = {.m = m, .connections = CAP, .sources = 1};

    mass_scene_start(m, MASS_ECHO, args);
    assert_true(wait_until(room_is_whole, &room, PROMPT_MS));
    churn(&c);
    assert_true(wait_until(all_have_left, m, PROMPT_MS));
    assert_true(wait_until(room_is_whole, &room, PROMPT_MS));
    assert_true(room_is_whole(&room));
    assert_true(mass_scene_told(m, "--max-connections is reached") > 0);
    assert_in_range(mass_scene_told(m, "--max-connections is reached"), 1, CHURN_MS / 1000 + 20);
}

static void the_cap_of_each_client_is_never_exceeded_and_never_shrinks(void **state)
{
    static const char *const args[] = {"--max-connections-per-client", "5", NULL};
    struct mass_scene *m = *state;
    struct churn c = {.m = m, .hosts = HOSTS};
    struct room room = {.m = m, .connections = 4 * CAP, .sources = 4};

    mass_scene_start(m, MASS_ECHO, args);
    assert_true(wait_until(room_is_whole, &room, PROMPT_MS));
    churn(&c);
    assert_true(wait_until(all_have_left, m, PROMPT_MS));
    assert_true(wait_until(room_is_whole, &room, PROMPT_MS));
    assert_true(room_is_whole(&room));
    assert_true(mass_scene_told(m, "--max-connections-per-client is reached") > 0);
}

#define WITH_SCENE(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, mass_scene_setup, mass_scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(the_cap_of_all_is_never_exceeded_and_never_shrinks),
        WITH_SCENE(the_cap_of_each_client_is_never_exceeded_and_never_shrinks),
    };

    (void)own_net_enter(); /* so that thousands of ports are nobody else's; if it may be */
    return cmocka_run_group_tests_name("storm_caps", tests, NULL, NULL);
}
