#include "support/proxy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"
#include "support/hello_builder.h"
#include "support/wait_until.h"

#define PATIENCE_MS         20000
#define RECORD_HEADER_BYTES 5
#define RECORD_BYTES        8192  /* no more in one record */
#define MESSAGE_MAX         60000 /* the lengths of extensions have two bytes */

static int listen_on_loopback(int backlog, struct netaddr *addr_out)
{
    struct netaddr any;
    struct sockaddr_storage sa;
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(netaddr_parse("127.0.0.1:0", &any), 0);
    len = netaddr_to_sockaddr(&any, &sa);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    if (backlog >= 0) {
        assert_int_equal(listen(fd, backlog), 0);
    }
    len = sizeof(sa);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    netaddr_from_sockaddr(addr_out, (struct sockaddr *)&sa);
    return fd;
}

void proxy_fixture_init(struct proxy_fixture *f)
{
    *f = (struct proxy_fixture){
        .policy = {.on_unknown_name = PROXY_ANSWER_ALERT,
                   .on_no_name = PROXY_ANSWER_ALERT,
                   .on_not_tls = PROXY_ANSWER_HTTP400,
                   .on_no_endpoint = PROXY_ANSWER_ALERT,
                   .hello_timeout_ms = 5000,
                   .hello_max_bytes = 64 * 1024,
                   .connect_timeout_ms = 2000,
                   .connect_retries = 2,
                   .idle_timeout_ms = 3600000,
                   .half_close_timeout_ms = 30000,
                   .half_close = true},
    };
    (void)signal(SIGPIPE, SIG_IGN); /* by writes of the test, and by splice(2) */
    f->registry = registry_new(PROXY_FIXTURE_WORKERS, STATS_N_ROUTE_CELLS);
    assert_non_null(f->registry);
    f->hello_len = proxy_fixture_hello(PROXY_FIXTURE_HOST, 0, f->hello, sizeof(f->hello));
    f->backend = listen_on_loopback(64, &f->backend_addr);
}

void proxy_fixture_fini(struct proxy_fixture *f)
{
    assert_int_equal(proxy_fixture_load(f), 0);
    for (size_t i = 0; i < f->n_tables; i++) {
        table_unref(f->tables[i]);
        assert_true(table_free_if_unused(f->tables[i]));
    }
    (void)registry_sweep(f->registry);
    registry_free(f->registry);
    close(f->backend);
}

struct table *proxy_fixture_table(struct proxy_fixture *f, const char *host,
                                  const struct netaddr *endpoints, size_t n)
{
    struct table_builder *b = table_builder_new(f->registry);
    struct claim claim = {.host = host, .ns = "shop", .ingress = "web", .created_s = 1};
    struct table *t;
    bool is_new;

    assert_non_null(b);
    assert_true(f->n_tables < PROXY_FIXTURE_TABLES);
    claim.pool = table_builder_pool(b, "shop", "web-svc", "https", &is_new);
    assert_non_null(claim.pool);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(table_builder_endpoint(b, claim.pool, &endpoints[i], false), 0);
    }
    assert_int_equal(table_builder_claim(b, &claim), 0);
    assert_int_equal(table_builder_settle(b, NULL, NULL), 0);
    t = table_builder_freeze(b, f->n_tables + 1);
    assert_non_null(t);
    table_builder_free(b);
    f->tables[f->n_tables++] = t;
    return t;
}

struct table *proxy_fixture_simple(struct proxy_fixture *f)
{
    return proxy_fixture_table(f, PROXY_FIXTURE_HOST, &f->backend_addr, 1);
}

uint64_t proxy_fixture_load(const struct proxy_fixture *f)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < f->n_tables; i++) {
        size_t n;
        const struct route *routes = table_routes(f->tables[i], &n);
        for (size_t r = 0; r < n; r++) {
            const struct pool *pool = table_pool(f->tables[i], &routes[r]);

            sum += registry_route_active(routes[r].state);
            for (uint32_t e = 0; e < pool->n_endpoints; e++) {
                sum += registry_endpoint_active(endpoint_state(&pool->endpoints[e]));
            }
        }
    }
    return sum;
}

/* How many records make `bytes` on the wire of a message that is neither too long nor too short. */
static size_t records_for(size_t bytes)
{
    size_t n = 1;

    while (bytes > MESSAGE_MAX + n * RECORD_HEADER_BYTES) {
        n++;
    }
    return n + bytes / RECORD_BYTES;
}

/* Wrap `message` in `n` records of about equal size. */
static void wrap(struct hello_bytes *raw, const struct hello_bytes *message, size_t n)
{
    size_t *cuts = calloc(n, sizeof(*cuts));

    assert_non_null(cuts);
    for (size_t i = 1; i < n; i++) {
        cuts[i - 1] = message->len * i / n;
    }
    hello_records_at(raw, message, cuts, n - 1);
    free(cuts);
}

size_t proxy_fixture_hello(const char *name, size_t bytes, uint8_t *out, size_t room)
{
    struct hello h;
    struct hello_bytes raw = {0};
    size_t records = records_for(bytes);
    size_t len;

    hello_begin(&h, NULL);
    if (name != NULL) {
        hello_add_name(&h, name, strlen(name));
    }
    hello_add_alpn(&h, "h2,http/1.1");
    hello_add_versions(&h, (const uint16_t[]){0x0304, 0x0303}, 2);
    if (bytes > h.message.len + 16) {
        hello_add_padding(&h, bytes - records * RECORD_HEADER_BYTES);
    }
    hello_end(&h);
    wrap(&raw, &h.message, records);
    len = raw.len;
    assert_true(len <= room);
    memcpy(out, raw.data, len);
    hello_bytes_free(&raw);
    hello_free(&h);
    return len;
}

int proxy_fixture_refuser(struct netaddr *addr_out)
{
    return listen_on_loopback(-1, addr_out);
}

int proxy_fixture_staller(struct netaddr *addr_out, int fill[2])
{
    int fd = listen_on_loopback(0, addr_out);

    /* The kernel takes one more than the backlog; the second waits in SYN_SENT as others will. */
    fill[0] = proxy_fixture_dial(addr_out);
    fill[1] = proxy_fixture_begin_dial(addr_out);
    return fd;
}

static int begin_dial(const struct netaddr *to, int rcvbuf)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (rcvbuf != 0) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf)), 0);
    }
    (void)connect(fd, (struct sockaddr *)&sa, len); /* EINPROGRESS */
    return fd;
}

int proxy_fixture_begin_dial(const struct netaddr *to)
{
    return begin_dial(to, 0);
}

/* Not even on loopback is a handshake over when connect() returns: packets may wait for ksoftirqd
 * or another CPU. */
static int end_dial(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
    return fd;
}

int proxy_fixture_dial(const struct netaddr *to)
{
    return end_dial(begin_dial(to, 0));
}

int proxy_fixture_dial_narrow(const struct netaddr *to)
{
    return end_dial(begin_dial(to, 4096));
}

static bool is_all_taken(void *ctx)
{
    const int *fd = ctx;
    int left;

    assert_int_equal(ioctl(*fd, SIOCOUTQ, &left), 0);
    return left == 0;
}

void proxy_fixture_arrive(int fd)
{
    assert_true(wait_until(is_all_taken, &fd, PATIENCE_MS));
}

size_t proxy_fixture_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n - 3; /* ".", "..", and the one just closed */
}
