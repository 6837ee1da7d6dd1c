/* The load of the benchmark: keeps N connections busy and says what each unit of work cost the
 * proxy in CPU time.  One line of JSON on stdout. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/wire.h"
#include "support/hello_builder.h"

#define EVENTS      256
#define CHUNK_BYTES ((size_t)256 * 1024)
#define STUCK_MS    10000
#define MAX_PIDS    16u
#define SOURCES     16u /* client addresses, so that ports do not run out */
#define MAX_SAMPLES 1000000u

enum phase { CONNECTING, AWAIT_REPLY, READY, REQUEST, RESPONSE };

struct conn {
    int fd;
    enum phase phase;
    uint32_t host;
    bool watches_write;
    bool saw_first; /* byte of the reply */
    uint64_t in_left, out_left;
    uint64_t exchanges_left;
    uint64_t began_ns; /* connection (short) or request (others) */
};

static struct {
    const char *mode;
    struct sockaddr_in to;
    long pids[MAX_PIDS];
    size_t n_pids;
    unsigned concurrent;
    uint64_t units; /* connections, requests or bytes in all */
    uint64_t request, response;
    unsigned hold_ms;
} cfg;

static struct {
    uint64_t connections, exchanges, bytes, errors, misroutes;
    uint64_t started; /* connections */
    unsigned ready;   /* connections greeted, waiting for the start */
    uint32_t *us;
    size_t n_us;
} done;

static struct conn *conns;
static struct hello_bytes hello;
static size_t name_at;
static int epoll_fd;
static uint8_t chunk[CHUNK_BYTES];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what the proxy used ---- */

static uint64_t first_number(const char *path)
{
    FILE *f = fopen(path, "r");
    char text[64] = "";

    if (f != NULL) {
        (void)fgets(text, sizeof(text), f); /* a thread that has ended counts as 0 */
        fclose(f);
    }
    return strtoull(text, NULL, 10);
}

/* Nanoseconds on a CPU, over all threads of the proxy's processes. */
static uint64_t proxy_cpu_ns(void)
{
    uint64_t sum = 0;
    char path[400];

    for (size_t i = 0; i < cfg.n_pids; i++) {
        struct dirent *e;
        DIR *d;

        snprintf(path, sizeof(path), "/proc/%ld/task", cfg.pids[i]);
        d = opendir(path);
        if (d == NULL) {
            die(path);
        }
        while ((e = readdir(d)) != NULL) {
            if (e->d_name[0] != '.') {
                snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", cfg.pids[i], e->d_name);
                sum += first_number(path);
            }
        }
        closedir(d);
    }
    return sum;
}

static uint64_t proxy_pss_kib(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < cfg.n_pids; i++) {
        char path[64], line[256];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", cfg.pids[i]);
        f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            if (strncmp(line, "Pss:", 4) == 0) {
                sum += strtoull(line + 4, NULL, 10);
                break;
            }
        }
        if (f != NULL) {
            fclose(f);
        }
    }
    return sum;
}

/* ---- one connection ---- */

static void watch(int op, struct conn *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data = {.ptr = c}};

    if (epoll_ctl(epoll_fd, op, c->fd, &e) < 0) {
        die("epoll_ctl");
    }
    c->watches_write = (events & EPOLLOUT) != 0;
}

static void want_write(struct conn *c, bool want)
{
    if (c->watches_write != want) {
        watch(EPOLL_CTL_MOD, c, want ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void dial(struct conn *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;
    uint64_t serial = done.started++;

    memset(c, 0, sizeof(*c));
    c->host = (uint32_t)(serial * 7919 % WIRE_HOSTS);
    c->began_ns = now_ns();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        die("socket");
    }
    from.sin_addr.s_addr = htonl(0x7f010001u + (uint32_t)(serial % SOURCES));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(c->fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
        (connect(c->fd, (struct sockaddr *)&cfg.to, sizeof(cfg.to)) < 0 && errno != EINPROGRESS)) {
        die("connect");
    }
    watch(EPOLL_CTL_ADD, c, EPOLLIN | EPOLLOUT);
}

static bool wants_more_connections(void)
{
    return strcmp(cfg.mode, "short") == 0 && done.started < cfg.units;
}

static void finish(struct conn *c)
{
    close(c->fd);
    c->fd = -1;
    if (wants_more_connections()) {
        dial(c);
    }
}

static void fail(struct conn *c)
{
    done.errors++;
    if (strcmp(cfg.mode, "short") == 0) {
        done.connections++; /* it counts as done, or the run would never end */
    }
    finish(c);
}

static void send_hello(struct conn *c)
{
    const struct wire_sizes sizes = {
        .request = cfg.request, .response = cfg.response, .host = c->host};
    char name[32];
    int len = snprintf(name, sizeof(name), WIRE_NAME, c->host);

    memcpy(hello.data + name_at, name, (size_t)len);
    memcpy(hello.data + WIRE_RANDOM, &sizes, sizeof(sizes));
    if (send(c->fd, hello.data, hello.len, MSG_NOSIGNAL) != (ssize_t)hello.len) {
        fail(c);
        return;
    }
    want_write(c, false);
    c->phase = AWAIT_REPLY;
    c->in_left = WIRE_REPLY;
}

static void flush(struct conn *c)
{
    while (c->out_left > 0) {
        size_t len = c->out_left < CHUNK_BYTES ? (size_t)c->out_left : CHUNK_BYTES;
        ssize_t n = send(c->fd, chunk, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            want_write(c, true);
            return;
        }
        if (n < 0) {
            fail(c);
            return;
        }
        c->out_left -= (uint64_t)n;
        done.bytes += (uint64_t)n;
    }
    want_write(c, false);
    c->phase = RESPONSE;
}

static void send_request(struct conn *c)
{
    c->phase = REQUEST;
    c->out_left = cfg.request;
    c->in_left = cfg.response;
    if (strcmp(cfg.mode, "short") != 0) {
        c->began_ns = now_ns();
    }
    flush(c);
}

static void sample(const struct conn *c)
{
    if (done.n_us < MAX_SAMPLES) {
        done.us[done.n_us++] = (uint32_t)((now_ns() - c->began_ns) / 1000);
    }
}

static void on_reply(struct conn *c)
{
    c->phase = READY;
    if (strcmp(cfg.mode, "short") == 0) {
        c->exchanges_left = 1;
        send_request(c);
    } else {
        done.ready++;
    }
}

static void on_response(struct conn *c)
{
    done.exchanges++;
    sample(c);
    if (--c->exchanges_left > 0) {
        send_request(c);
    } else if (strcmp(cfg.mode, "short") == 0) {
        done.connections++;
        finish(c);
    } else {
        c->phase = READY;
        done.ready++;
    }
}

static bool is_right_backend(struct conn *c)
{
    uint8_t first;

    if (c->phase != AWAIT_REPLY || c->saw_first) {
        return true;
    }
    if (recv(c->fd, &first, 1, MSG_PEEK) != 1) {
        return true; /* the read below will tell */
    }
    c->saw_first = true;
    return first == c->host % WIRE_BACKENDS;
}

static void on_readable(struct conn *c)
{
    size_t len = c->in_left < CHUNK_BYTES ? (size_t)c->in_left : CHUNK_BYTES;
    ssize_t n;

    if (!is_right_backend(c)) {
        done.misroutes++;
        fail(c);
        return;
    }
    n = recv(c->fd, NULL, len > 0 ? len : 1, MSG_TRUNC); /* discards without a copy */
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0 || c->in_left == 0) {
        fail(c);
        return;
    }
    c->in_left -= (uint64_t)n;
    if (c->phase == RESPONSE) {
        done.bytes += (uint64_t)n;
    }
    if (c->in_left == 0 && c->phase == AWAIT_REPLY) {
        on_reply(c);
    } else if (c->in_left == 0 && c->phase == RESPONSE) {
        on_response(c);
    }
}

static void on_event(struct conn *c, uint32_t events)
{
    if (c->phase == CONNECTING) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
            fail(c);
        } else {
            send_hello(c);
        }
        return;
    }
    if ((events & EPOLLOUT) != 0 && c->phase == REQUEST) {
        flush(c);
        return;
    }
    if (c->fd >= 0) {
        on_readable(c);
    }
}

/* ---- a run ---- */

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, STUCK_MS);

    if (n == 0) {
        fprintf(stderr, "stuck: nothing happened for %d ms\n", STUCK_MS);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        on_event(events[i].data.ptr, events[i].events);
    }
}

/* Open all connections and wait until each is greeted; a few at a time, so that no queue overflows.
 */
static void greet_all(void)
{
    for (unsigned i = 0; i < cfg.concurrent; i++) {
        dial(&conns[i]);
        while (done.started - done.ready - done.errors >= 64) {
            turn();
        }
    }
    while (done.ready + done.errors < cfg.concurrent) {
        turn();
    }
}

/* `exchanges` on each of the first `n` connections. */
static void exchange_all(unsigned n, uint64_t exchanges)
{
    done.ready = 0;
    for (unsigned i = 0; i < n; i++) {
        if (conns[i].fd < 0) {
            continue;
        }
        conns[i].exchanges_left = exchanges;
        send_request(&conns[i]);
    }
    while (done.ready + done.errors < n) {
        turn();
    }
}

static void run_short(void)
{
    for (unsigned i = 0; i < cfg.concurrent && wants_more_connections(); i++) {
        dial(&conns[i]);
    }
    while (done.connections < cfg.units) {
        turn();
    }
}

static void hold(void)
{
    struct timespec t = {.tv_sec = cfg.hold_ms / 1000,
                         .tv_nsec = (long)(cfg.hold_ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t percentile(unsigned p)
{
    return done.n_us > 0 ? done.us[(done.n_us - 1) * p / 100] : 0;
}

static void report(uint64_t units, uint64_t cpu_ns, uint64_t wall_ns)
{
    qsort(done.us, done.n_us, sizeof(done.us[0]), compare_u32);
    printf("{\"mode\": \"%s\", \"units\": %" PRIu64 ", \"cpu_ns\": %" PRIu64
           ", \"wall_ns\": %" PRIu64 ", \"p50_us\": %u, \"p99_us\": %u, \"errors\": %" PRIu64
           ", \"misroutes\": %" PRIu64 "}\n",
           cfg.mode, units, cpu_ns, wall_ns, percentile(50), percentile(99), done.errors,
           done.misroutes);
}

/* Memory of idle connections, CPU time while nothing happens, and whether they still answer. */
static void run_idle(void)
{
    uint64_t before = proxy_pss_kib(), held, cpu;

    greet_all();
    hold(); /* let what is delayed (time wheels, ACKs) come to rest */
    held = proxy_pss_kib();
    cpu = proxy_cpu_ns();
    hold();
    cpu = proxy_cpu_ns() - cpu;
    exchange_all(cfg.concurrent, 1);
    printf("{\"mode\": \"idle\", \"units\": %u, \"pss_before_kib\": %" PRIu64
           ", \"pss_kib\": %" PRIu64 ", \"cpu_ns\": %" PRIu64 ", \"wall_ns\": %" PRIu64
           ", \"answering\": %u, \"errors\": %" PRIu64 ", \"misroutes\": %" PRIu64 "}\n",
           cfg.concurrent, before, held, cpu, (uint64_t)cfg.hold_ms * 1000000u, done.ready,
           done.errors, done.misroutes);
}

static void run(void)
{
    bool bulk = strcmp(cfg.mode, "down") == 0 || strcmp(cfg.mode, "up") == 0;
    uint64_t cpu, wall, units;

    if (strcmp(cfg.mode, "idle") == 0) {
        run_idle();
        return;
    }
    if (strcmp(cfg.mode, "short") != 0) {
        greet_all();
        done.bytes = 0;
    }
    cpu = proxy_cpu_ns();
    wall = now_ns();
    if (strcmp(cfg.mode, "short") == 0) {
        run_short();
        units = done.connections;
    } else {
        exchange_all(cfg.concurrent, bulk ? 1 : cfg.units / cfg.concurrent);
        units = bulk ? done.bytes : done.exchanges;
    }
    wall = now_ns() - wall;
    report(units, proxy_cpu_ns() - cpu, wall);
}

static void set_sizes(void)
{
    uint64_t each = cfg.units / cfg.concurrent;

    cfg.request = strcmp(cfg.mode, "up") == 0 ? each : strcmp(cfg.mode, "rr") == 0 ? 256 : 200;
    cfg.response = strcmp(cfg.mode, "down") == 0 ? each : 1024;
}

static void build_hello(void)
{
    struct hello h;
    char name[32];
    int len = snprintf(name, sizeof(name), WIRE_NAME, 0u);

    hello_begin(&h, NULL);
    hello_add_name(&h, name, (size_t)len);
    hello_add_padding(&h, WIRE_HELLO - 5);
    hello_end(&h);
    hello_records(&hello, &h.message, 16384);
    hello_free(&h);
    name_at = (size_t)((uint8_t *)memmem(hello.data, hello.len, name, (size_t)len) - hello.data);
    if (hello.len != WIRE_HELLO) {
        fprintf(stderr, "the hello has %zu bytes\n", hello.len);
        exit(1);
    }
}

static void parse(int argc, char **argv)
{
    int opt;

    cfg.to.sin_family = AF_INET;
    while ((opt = getopt(argc, argv, "m:a:p:P:c:n:h:")) != -1) {
        switch (opt) {
        case 'm':
            cfg.mode = optarg;
            break;
        case 'a':
            inet_pton(AF_INET, optarg, &cfg.to.sin_addr);
            break;
        case 'p':
            cfg.to.sin_port = htons((uint16_t)strtoul(optarg, NULL, 10));
            break;
        case 'P':
            if (cfg.n_pids < MAX_PIDS) {
                cfg.pids[cfg.n_pids++] = strtol(optarg, NULL, 10);
            }
            break;
        case 'c':
            cfg.concurrent = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'n':
            cfg.units = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            cfg.hold_ms = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            exit(2);
        }
    }
    if (cfg.mode == NULL || cfg.concurrent == 0 || cfg.to.sin_port == 0) {
        fprintf(stderr, "usage: bench_load -m short|rr|down|up|idle -a IP -p PORT -c CONNECTIONS "
                        "-n UNITS [-h HOLD_MS] -P PID...\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    set_sizes();
    build_hello();
    conns = calloc(cfg.concurrent, sizeof(*conns));
    done.us = calloc(MAX_SAMPLES, sizeof(*done.us));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || done.us == NULL || epoll_fd < 0) {
        die("start");
    }
    run();
    return done.errors > 0 || done.misroutes > 0;
}
