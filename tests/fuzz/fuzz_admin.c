/*
 * Whatever a client of the admin port sends, in pieces of whatever size: answers are HTTP, one
 * client stays one client, and when it has gone nothing of it is left.
 *
 * The first byte is how it is sent: the size of the pieces (0: one), and in the high bit whether
 * the output is finished behind the last.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/adminquery.h"
#include "admin/adminserver.h"
#include "admin/adminsocket.h"
#include "admin/health.h"
#include "admin/metricspage.h"

#define INPUT_MAX   32768u
#define QUIET_TURNS 6 /* after so many without a byte there is nothing more to come */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct event_base *base;
static struct adminserver *server;
static struct netaddr at;

static int serve_query(void *ctx, const struct adminserver_request *rq,
                       struct adminserver_reply *reply)
{
    struct adminquery_param params[] = {{"name", NULL}, {"alpn", NULL}, {"client", NULL}};
    struct adminquery_storage storage;
    struct err e;

    (void)ctx;
    if (adminquery_parse(rq->query, params, ARRAY_LEN(params), &storage, &e) != 0) {
        reply->status = 400;
        return buf_printf(&reply->body, "%s\n", e.text);
    }
    return buf_printf(&reply->body, "name %s\n", params[0].value != NULL ? params[0].value : "-");
}

static void write_metrics(void *ctx, struct prom *p)
{
    static const struct prom_family up = {
        .name = "x_up", .type = PROM_GAUGE, .help = "whether it is"};

    (void)ctx;
    prom_family(p, &up);
    prom_gauge(p, NULL, NULL, 1);
}

static void start(void)
{
    static struct adminserver_path paths[3];
    struct adminserver_config cfg = {.paths = paths, .n_paths = ARRAY_LEN(paths)};
    struct metricspage *metrics = metricspage_new();
    struct health *health = health_new();
    struct err e;
    int rc;

    base = event_base_new();
    assert(base != NULL && metrics != NULL && health != NULL);
    rc = metricspage_add(metrics, write_metrics, NULL);
    assert(rc == 0);
    paths[0] = (struct adminserver_path){"/metrics", metricspage_serve, metrics, false};
    paths[1] = (struct adminserver_path){"/healthz", health_serve_live, health, false};
    paths[2] = (struct adminserver_path){"/explain", serve_query, NULL, true};
    rc = netaddr_parse("127.0.0.1:0", &at);
    assert(rc == 0);
    cfg.base = base;
    cfg.fd = adminsocket_open(&at, &e);
    assert(cfg.fd >= 0);
    rc = adminserver_new(&cfg, &server, &e);
    assert(rc == 0);
}

/*
 * A client whose end is a reset, and from an address that was not used for long, so that what was
 * holds no port.  -1 when the machine lets nobody connect now.
 */
static int dial(void)
{
    static uint16_t next;
    const struct linger reset = {.l_onoff = 1};
    const int on = 1;
    struct netaddr from = {.family = AF_INET, .ip.bytes = {127, 1}};
    struct sockaddr_storage sa;
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    assert(fd >= 0);
    rc = setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    assert(rc == 0);
    rc = setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    assert(rc == 0);
    next++;
    from.ip.bytes[2] = (uint8_t)(next >> 8);
    from.ip.bytes[3] = (uint8_t)next;
    len = netaddr_to_sockaddr(&from, &sa);
    rc = bind(fd, (struct sockaddr *)&sa, len);
    assert(rc == 0);
    len = netaddr_to_sockaddr(&at, &sa);
    if (connect(fd, (struct sockaddr *)&sa, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Turn the loop and take what is answered until nothing more comes. */
static void listen_to(int fd)
{
    char bytes[4096];
    int quiet = 0;

    while (quiet < QUIET_TURNS) {
        ssize_t n;

        (void)event_base_loop(base, EVLOOP_NONBLOCK);
        n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        quiet = n > 0 ? 0 : quiet + 1;
        assert(adminserver_clients(server) <= 1);
    }
}

/* What waits to be read now, in front of all, is a part of an answer; the first begins like one. */
static void check_first(int fd)
{
    char bytes[5];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK);

    assert(n < (ssize_t)sizeof(bytes) || memcmp(bytes, "HTTP/", sizeof(bytes)) == 0);
}

static void talk(int fd, uint8_t how, const uint8_t *data, size_t size)
{
    size_t piece = (how & 0x7f) > 0 ? how & 0x7f : size;

    while (size > 0) {
        size_t n = size < piece ? size : piece;

        if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n) {
            break; /* it was refused already */
        }
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
        check_first(fd);
        data += n;
        size -= n;
    }
    if ((how & 0x80) != 0) {
        (void)shutdown(fd, SHUT_WR);
    }
    listen_to(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd;

    if (base == NULL) {
        start();
    }
    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }
    fd = dial();
    if (fd < 0) {
        return 0;
    }
    talk(fd, data[0], data + 1, size - 1);
    close(fd);
    for (int turns = 0; adminserver_clients(server) > 0; turns++) {
        assert(turns < 10000);
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    return 0;
}
