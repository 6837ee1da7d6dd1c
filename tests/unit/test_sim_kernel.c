/*
 * The simulated sockets do what the kernel's do: the same random acts on a simulated and on a real
 * connection, and after each both must look the same.  SIM_SEED=n plays one sequence again,
 * SIM_ROUNDS=n that and the next ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attr.h"
#include "support/form.h"
#include "support/proxy_fixture.h"
#include "support/seed.h"
#include "support/sim.h"
#include "support/sim_event.h"
#include "support/sim_kernel.h"
#include "support/sim_pipe.h"
#include "support/sockopt.h"
#include "support/wait_until.h"

#define ROOM        100000
#define ACTS        14
#define PATIENCE_MS 3000

/* One connection twice: `near` is the end the program would have. */
struct twin {
    struct sim_sock *sim;
    struct event event;   /* edge-triggered for writing, as a watch of the proxy is */
    bool sim_told;        /* that it stirred */
    int near, far, epoll; /* the kernel's; far is -1 once reset */
    bool far_ended;
};

/* --- the simulated far end: bytes are all the same ------------------------------------------ */

static void make(const struct sim_sock *s, uint8_t *into, size_t n)
{
    (void)s;
    memset(into, 0, n);
}

static void look_away(const struct sim_sock *s)
{
    (void)s;
}

static void look_away_from(struct sim_sock *s, const uint8_t *bytes, size_t n)
{
    (void)s;
    (void)bytes;
    (void)n;
}

static int dialled(struct sim_sock *s)
{
    (void)s;
    return EINPROGRESS;
}

static void forget(struct sim_sock *s)
{
    sim_kernel_free(s);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    struct twin *t = arg;

    (void)fd;
    (void)what;
    t->sim_told = true;
}

static void begin_sim(struct twin *t)
{
    static const struct sim_far far = {.make = make,
                                       .reading = look_away,
                                       .check = look_away_from,
                                       .shut = look_away,
                                       .dialled = dialled,
                                       .closed = forget};
    static const struct sim_event_hooks no_hooks;
    static const struct sim_weather fair;
    struct netaddr from;

    sim_kernel_begin(&fair, &far);
    sim_event_begin(&no_hooks);
    memset(&from, 0, sizeof(from));
    t->sim = sim_kernel_arrive(sim_kernel_listener(), &from);
    t->sim->room = ROOM;
    t->sim->owner = t;
    assert_true(sim_kernel_accept(SIM_FD_FIRST, &from) >= 0);
    assert_int_equal(
        event_assign(&t->event, NULL, t->sim->fd, EV_WRITE | EV_ET | EV_PERSIST, on_watch, t), 0);
    assert_int_equal(sim_event_add(&t->event, NULL), 0);
}

/* --- the kernel's connection ----------------------------------------------------------------- */

static void watch(struct twin *t)
{
    struct epoll_event ev = {.events = EPOLLOUT | EPOLLET};

    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    assert_true(t->epoll >= 0);
    assert_int_equal(epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->near, &ev), 0);
}

static void begin_real(struct twin *t)
{
    struct proxy_fixture f = {0};

    proxy_fixture_init(&f);
    t->far = proxy_fixture_dial(&f.backend_addr);
    do {
        t->near = accept4(f.backend, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (t->near < 0 && errno == EAGAIN);
    assert_true(t->near >= 0);
    proxy_fixture_fini(&f);
    watch(t);
}

static void end_twin(struct twin *t)
{
    (void)sim_event_del(&t->event);
    (void)sim_kernel_close(t->sim->fd);
    close(t->near);
    if (t->far >= 0) {
        close(t->far);
    }
    close(t->epoll);
}

static uint32_t real_poll(const struct twin *t)
{
    struct pollfd pfd = {.fd = t->near, .events = POLLIN | POLLOUT | POLLRDHUP};

    assert_true(poll(&pfd, 1, 0) >= 0);
    return (uint32_t)pfd.revents;
}

static ssize_t result_of(ssize_t n)
{
    return n >= 0 ? n : -errno;
}

static ssize_t real_fill(int fd)
{
    static const uint8_t bytes[65536];
    ssize_t n;

    do {
        n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
    } while (n > 0);
    return result_of(n);
}

/* A kernel that is full may find room for a little more with any segment from afar. */
static bool looks_the_same(void *ctx)
{
    struct twin *t = ctx;
    uint32_t sim = sim_kernel_poll(t->sim), real = real_poll(t);
    int unread = 0;

    if ((real & ~sim) == EPOLLOUT) {
        (void)real_fill(t->near);
    }
    return real == sim && ioctl(t->near, FIONREAD, &unread) == 0 &&
           (uint64_t)unread == t->sim->arrived - t->sim->read;
}

static bool is_told(void *ctx)
{
    struct twin *t = ctx;
    struct epoll_event ev;

    return epoll_wait(t->epoll, &ev, 1, 0) == 1;
}

/* The kernel may wake a watcher more often, but never less: who waits for it would wait for ever.
 */
static void compare(struct twin *t, const char *act)
{
    bool same = wait_until(looks_the_same, t, PATIENCE_MS);

    SIM_CHECK(same, "after %s: the kernel polls %#x, the simulation %#x", act, real_poll(t),
              sim_kernel_poll(t->sim));
    t->sim_told = false;
    sim_event_turn();
    SIM_CHECK(!t->sim_told || wait_until(is_told, t, PATIENCE_MS),
              "after %s: the kernel does not tell a watcher, the simulation does", act);
    (void)is_told(t); /* until the next act */
}

/* --- the acts -------------------------------------------------------------------------------- */

static void check_result(const char *act, ssize_t real, ssize_t sim)
{
    SIM_CHECK(real == sim, "%s: the kernel says %zd, the simulation %zd", act, real, sim);
}

static void far_data(struct twin *t)
{
    uint8_t bytes[100] = {0};

    if (t->far >= 0 && !t->far_ended) {
        assert_int_equal(send(t->far, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
        sim_kernel_data(t->sim, sizeof(bytes));
    }
}

static void far_fin(struct twin *t)
{
    if (t->far >= 0 && !t->far_ended) {
        assert_int_equal(shutdown(t->far, SHUT_WR), 0);
        sim_kernel_fin(t->sim);
        t->far_ended = true;
    }
}

/* Behind two FINs nothing is left to reset. */
static void far_reset(struct twin *t)
{
    if (t->far >= 0 && !(t->far_ended && t->sim->fin_sent)) {
        sockopt_reset(t->far);
        t->far = -1;
        sim_kernel_break(t->sim, ECONNRESET);
    }
}

static bool is_drained(void *ctx)
{
    struct twin *t = ctx;
    uint8_t bytes[65536];
    int queued = 0;

    while (read(t->far, bytes, sizeof(bytes)) > 0) {
        /* on */
    }
    return ioctl(t->near, SIOCOUTQ, &queued) != 0 || queued == 0;
}

static void far_take(struct twin *t)
{
    if (t->far >= 0) {
        assert_true(wait_until(is_drained, t, PATIENCE_MS));
        sim_kernel_take(t->sim, t->sim->accepted - t->sim->taken);
    }
    if (t->sim->fin_sent && t->far_ended) {
        sim_event_turn(); /* the far kernel may have sent the last ACK before, unread */
    }
}

static ssize_t sim_fill(int fd)
{
    static const uint8_t bytes[65536];
    ssize_t n;

    do {
        n = sim_kernel_send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
    } while (n > 0);
    return result_of(n);
}

/* The far kernel takes some into a buffer of its own, so fill until that is full, too. */
static bool stays_full(void *ctx)
{
    struct twin *t = ctx;
    struct pollfd pfd = {.fd = t->near, .events = POLLOUT};

    return poll(&pfd, 1, 20) == 0 || real_fill(t->near) != -EAGAIN;
}

static void near_fill(struct twin *t)
{
    check_result("filling", real_fill(t->near), sim_fill(t->sim->fd));
    if (t->far >= 0 && !t->sim->fin_sent) {
        assert_true(wait_until(stays_full, t, PATIENCE_MS));
    }
}

static void near_send(struct twin *t)
{
    static const uint8_t byte;

    if ((sim_kernel_poll(t->sim) & EPOLLOUT) != 0) { /* else room is a matter of opinion */
        ssize_t real = result_of(send(t->near, &byte, 1, MSG_NOSIGNAL));
        check_result("send", real, result_of(sim_kernel_send(t->sim->fd, &byte, 1, MSG_NOSIGNAL)));
    }
}

static void near_recv(struct twin *t)
{
    uint8_t bytes[60];
    ssize_t real = result_of(recv(t->near, bytes, sizeof(bytes), 0));

    check_result("recv", real, result_of(sim_kernel_recv(t->sim->fd, bytes, sizeof(bytes))));
}

/* What splice(2) says of either end of a pipe, of a source and a sink that are one socket. */
static void near_splice(struct twin *t)
{
    uint8_t bytes[60];
    int real[2], sim[2];
    ssize_t n;

    assert_int_equal(pipe2(real, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(sim_pipe_open(sim), 0);
    n = result_of(splice(t->near, NULL, real[1], NULL, sizeof(bytes), SPLICE_F_NONBLOCK));
    check_result("splice from it", n,
                 result_of(sim_pipe_splice(t->sim->fd, sim[1], sizeof(bytes))));
    if (n > 0 && (sim_kernel_poll(t->sim) & EPOLLOUT) != 0) {
        ssize_t out = result_of(splice(real[0], NULL, t->near, NULL, (size_t)n, SPLICE_F_NONBLOCK));
        check_result("splice to it", out,
                     result_of(sim_pipe_splice(sim[0], t->sim->fd, (size_t)n)));
    }
    check_result("read of the pipe", result_of(read(real[0], bytes, sizeof(bytes))),
                 result_of(sim_pipe_read(sim[0], bytes, sizeof(bytes))));
    for (unsigned i = 0; i < 2; i++) {
        close(real[i]);
        (void)sim_kernel_close(sim[i]);
    }
}

static void near_error(struct twin *t)
{
    int error = -1;
    socklen_t len = sizeof(error);

    assert_int_equal(getsockopt(t->near, SOL_SOCKET, SO_ERROR, &error, &len), 0);
    check_result("SO_ERROR", error, sim_kernel_take_error(t->sim->fd));
}

static void near_shutdown(struct twin *t)
{
    if (!t->sim->fin_sent) {
        ssize_t real = result_of(shutdown(t->near, SHUT_WR));
        check_result("shutdown", real, result_of(sim_kernel_shutdown(t->sim->fd, SHUT_WR)));
    }
}

static const struct {
    const char *name;
    void (*act)(struct twin *t);
} acts[] = {{"bytes from afar", far_data}, {"a FIN from afar", far_fin},
            {"a reset", far_reset},        {"the far end's reading", far_take},
            {"filling", near_fill},        {"send", near_send},
            {"recv", near_recv},           {"recv", near_recv},
            {"splice", near_splice},       {"SO_ERROR", near_error},
            {"shutdown", near_shutdown}};

static void play(uint64_t seed)
{
    struct twin t = {0};

    sim_begin(seed);
    sim_set_replay(ACTS);
    begin_sim(&t);
    begin_real(&t);
    compare(&t, "connecting");
    for (unsigned i = 0; i < ACTS; i++) {
        uint64_t n = sim_below(ARRAY_LEN(acts));
        sim_step();
        sim_note(acts[n].name, 0, 0);
        acts[n].act(&t);
        compare(&t, acts[n].name);
    }
    end_twin(&t);
}

static void simulated_and_real_sockets_look_alike_after_any_acts(void **state)
{
    uint64_t seed = seed_draw("SIM_SEED");
    uint64_t rounds =
        seed_number("SIM_ROUNDS", getenv("SIM_SEED") != NULL ? 1 : form_pick(3000, 300, 60));

    (void)state;
    seed_tell_both("SIM_SEED", seed, "SIM_ROUNDS", rounds);
    for (uint64_t i = 0; i < rounds; i++) {
        play(seed + i);
    }
}

/* --- dials ----------------------------------------------------------------------------------- */

/* A socket that connects to `to`, twice. */
static void dial_twin(struct twin *t, const struct netaddr *to)
{
    static const uint8_t byte;
    uint8_t got;

    sim_begin(1);
    begin_sim(t);
    (void)sim_event_del(&t->event);
    (void)sim_kernel_close(t->sim->fd);
    t->sim = sim_kernel_sock(sim_kernel_socket());
    t->sim->owner = t;
    assert_int_equal(sim_kernel_connect(t->sim->fd, to), -1);
    t->near = proxy_fixture_begin_dial(to);
    t->far = -1;
    check_result("send while connecting", result_of(send(t->near, &byte, 1, MSG_NOSIGNAL)),
                 result_of(sim_kernel_send(t->sim->fd, &byte, 1, MSG_NOSIGNAL)));
    check_result("recv while connecting", result_of(recv(t->near, &got, 1, 0)),
                 result_of(sim_kernel_recv(t->sim->fd, &got, 1)));
}

static void a_dial_under_way_looks_alike(void **state)
{
    struct twin t = {0};
    struct netaddr to;
    int fill[2];
    int listener = proxy_fixture_staller(&to, fill);

    (void)state;
    dial_twin(&t, &to);
    assert_int_equal(real_poll(&t), sim_kernel_poll(t.sim));
    assert_int_equal(real_poll(&t), 0);
    near_error(&t);
    close(t.near);
    (void)sim_kernel_close(t.sim->fd);
    close(fill[0]);
    close(fill[1]);
    close(listener);
}

static void a_refused_dial_looks_alike(void **state)
{
    struct twin t = {0};
    struct netaddr to;
    int refuser = proxy_fixture_refuser(&to);
    static const uint8_t byte;

    (void)state;
    sim_begin(1);
    begin_sim(&t);
    (void)sim_event_del(&t.event);
    (void)sim_kernel_close(t.sim->fd);
    t.sim = sim_kernel_sock(sim_kernel_socket());
    t.sim->owner = &t;
    assert_int_equal(sim_kernel_connect(t.sim->fd, &to), -1);
    t.near = proxy_fixture_dial(&to);
    t.far = -1;
    sim_kernel_connected(t.sim, ECONNREFUSED);
    assert_true(wait_until(looks_the_same, &t, PATIENCE_MS));
    near_error(&t);
    near_error(&t); /* it is told once */
    assert_int_equal(real_poll(&t), sim_kernel_poll(t.sim));
    near_recv(&t);
    check_result("send", result_of(send(t.near, &byte, 1, MSG_NOSIGNAL)),
                 result_of(sim_kernel_send(t.sim->fd, &byte, 1, MSG_NOSIGNAL)));
    close(t.near);
    close(refuser);
    (void)sim_kernel_close(t.sim->fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulated_and_real_sockets_look_alike_after_any_acts),
        cmocka_unit_test(a_dial_under_way_looks_alike),
        cmocka_unit_test(a_refused_dial_looks_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
