#include "support/admin_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admin/adminsocket.h"

/* --- Pages ----------------------------------------------------------------------------------- */

static int serve_page(void *ctx, const struct adminserver_request *rq,
                      struct adminserver_reply *reply)
{
    struct admin_scene *scene = ctx;

    (void)rq;
    scene->served++;
    return buf_printf(&reply->body, ADMIN_PAGE);
}

static int serve_big(void *ctx, const struct adminserver_request *rq,
                     struct adminserver_reply *reply)
{
    struct admin_scene *scene = ctx;
    int rc = buf_reserve(&reply->body, scene->big_bytes);

    (void)rq;
    scene->served++;
    if (rc == 0) {
        memset(reply->body.data, 'x', scene->big_bytes);
        reply->body.len = scene->big_bytes;
    }
    return rc;
}

static int serve_echo(void *ctx, const struct adminserver_request *rq,
                      struct adminserver_reply *reply)
{
    (void)ctx;
    reply->content_type = "application/json";
    reply->verdict = "echoed";
    return buf_printf(&reply->body, "%s|%s|%s", rq->path, rq->query != NULL ? rq->query : "-",
                      rq->accept != NULL ? rq->accept : "-");
}

static int serve_failure(void *ctx, const struct adminserver_request *rq,
                         struct adminserver_reply *reply)
{
    struct admin_scene *scene = ctx;

    (void)rq;
    reply->status = 299;
    reply->verdict = "failed";
    reply->content_type = "application/json";
    (void)!buf_printf(&reply->body, "half a pa");
    return scene->fail_with;
}

/* --- Memory ---------------------------------------------------------------------------------- */

#define SPARED_BYTES 16

static void *spare_malloc(size_t n)
{
    return n <= SPARED_BYTES ? reallocarray(NULL, 1, SPARED_BYTES) : malloc(n);
}

static void *plain_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

static void plain_free(void *p)
{
    free(p);
}

void admin_scene_spare_evhttp(void)
{
    event_set_mem_functions(spare_malloc, plain_realloc, plain_free);
}

/* --- The scene ------------------------------------------------------------------------------- */

void admin_scene_init(struct admin_scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    adminserver_limits_default(&scene->limits);
    scene->big_bytes = 1024 * 1024;
    scene->fail_with = -EIO;
}

static void set_buffer(int fd, int which, int bytes)
{
    if (bytes > 0) {
        assert_int_equal(setsockopt(fd, SOL_SOCKET, which, &bytes, sizeof(bytes)), 0);
    }
}

void admin_scene_start(struct admin_scene *scene)
{
    static struct adminserver_path paths[5];
    struct adminserver_config cfg = {.paths = paths, .n_paths = 5, .limits = &scene->limits};
    struct err e;

    paths[0] = (struct adminserver_path){"/page", serve_page, scene, false};
    paths[1] = (struct adminserver_path){"/big", serve_big, scene, false};
    paths[2] = (struct adminserver_path){"/private", serve_page, scene, true};
    paths[3] = (struct adminserver_path){"/echo", serve_echo, scene, false};
    paths[4] = (struct adminserver_path){"/fail", serve_failure, scene, false};
    assert_int_equal(netaddr_parse("127.0.0.1:0", &scene->at), 0);
    scene->base = event_base_new();
    assert_non_null(scene->base);
    cfg.base = scene->base;
    cfg.open = scene->open;
    cfg.fd = adminsocket_open(&scene->at, &e);
    assert_true(cfg.fd >= 0);
    set_buffer(cfg.fd, SO_SNDBUF, scene->send_bytes);
    assert_int_equal(adminserver_new(&cfg, &scene->server, &e), 0);
}

void admin_scene_stop(struct admin_scene *scene)
{
    adminserver_free(scene->server);
    scene->server = NULL;
    if (scene->base != NULL) {
        event_base_free(scene->base);
        scene->base = NULL;
    }
}

uint64_t admin_scene_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

void admin_scene_turn(struct admin_scene *scene)
{
    (void)event_base_loop(scene->base, EVLOOP_NONBLOCK);
}

/* --- Clients --------------------------------------------------------------------------------- */

int admin_scene_dial(const struct admin_scene *scene)
{
    struct sockaddr_storage sa;
    socklen_t len = netaddr_to_sockaddr(&scene->at, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    set_buffer(fd, SO_RCVBUF, scene->receive_bytes);
    assert_true(connect(fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS);
    assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, ADMIN_PATIENCE_MS), 1);
    return fd;
}

int admin_scene_enter(struct admin_scene *scene)
{
    unsigned before = adminserver_clients(scene->server);
    int fd = admin_scene_dial(scene);

    ADMIN_UNTIL(scene, adminserver_clients(scene->server) > before);
    return fd;
}

bool admin_scene_write(struct admin_scene *scene, int fd, const void *bytes, size_t len)
{
    const char *from = bytes;
    bool closed = false;

    while (len > 0 && !closed) {
        ssize_t n = send(fd, from, len, MSG_NOSIGNAL);

        if (n > 0) {
            from += n;
            len -= (size_t)n;
        } else {
            closed = errno != EAGAIN && errno != ENOTCONN;
        }
        admin_scene_turn(scene);
    }
    return !closed;
}

bool admin_scene_say(struct admin_scene *scene, int fd, const char *text)
{
    return admin_scene_write(scene, fd, text, strlen(text));
}

int admin_scene_stall(struct admin_scene *scene)
{
    int before_bytes = scene->receive_bytes;
    unsigned before = scene->served;
    int fd;

    scene->receive_bytes = 4096;
    fd = admin_scene_dial(scene);
    scene->receive_bytes = before_bytes;
    assert_true(admin_scene_say(scene, fd, "GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ADMIN_UNTIL(scene, scene->served > before);
    return fd;
}

/* The next bytes, up to `room`; 0 at the end, however it came. */
static size_t read_some(struct admin_scene *scene, int fd, char *to, size_t room)
{
    ssize_t n;

    ADMIN_UNTIL(scene, (n = read(fd, to, room)) >= 0 || (errno != EAGAIN && errno != ENOTCONN));
    return n > 0 ? (size_t)n : 0;
}

static bool read_head(struct admin_scene *scene, int fd, struct admin_answer *out)
{
    size_t len = 0;

    while (strstr(out->head, "\r\n\r\n") == NULL) {
        assert_true(len + 1 < sizeof(out->head));
        if (read_some(scene, fd, out->head + len, 1) == 0) {
            return false;
        }
        out->head[++len] = '\0';
    }
    assert_int_equal(sscanf(out->head, "HTTP/1.%*d %d ", &out->status), 1);
    return true;
}

bool admin_scene_read(struct admin_scene *scene, int fd, bool bare, struct admin_answer *out)
{
    const char *length;
    size_t want = 0;

    memset(out, 0, sizeof(*out));
    if (!read_head(scene, fd, out)) {
        return false;
    }
    length = strstr(out->head, "\r\nContent-Length: ");
    assert_non_null(length);
    if (!bare) {
        want = strtoul(length + strlen("\r\nContent-Length: "), NULL, 10);
    }
    out->body = calloc(1, want + 1);
    assert_non_null(out->body);
    while (out->len < want) {
        size_t n = read_some(scene, fd, out->body + out->len, want - out->len);

        if (n == 0) {
            return false;
        }
        out->len += n;
    }
    return true;
}

bool admin_scene_ask(struct admin_scene *scene, const char *request, struct admin_answer *out)
{
    int fd = admin_scene_dial(scene);
    bool answered;

    (void)admin_scene_say(scene, fd, request);
    answered = admin_scene_read(scene, fd, strncmp(request, "HEAD ", 5) == 0, out);
    close(fd);
    return answered;
}

bool admin_scene_gets(struct admin_scene *scene, const char *request, int status)
{
    struct admin_answer a;
    bool as_wanted = admin_scene_ask(scene, request, &a) && a.status == status;

    if (!as_wanted) {
        print_message("\"%s\" got: %s%s\n", request, a.head, a.body != NULL ? a.body : "");
    }
    admin_answer_fini(&a);
    return as_wanted;
}

void admin_scene_expect_end(struct admin_scene *scene, int fd)
{
    char drop[65536];

    while (read_some(scene, fd, drop, sizeof(drop)) > 0) {
    }
}

bool admin_scene_ended(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool admin_answer_has(const struct admin_answer *a, const char *line)
{
    const char *at = strstr(a->head, line);

    return at != NULL && at > a->head && at[-1] == '\n' &&
           strncmp(at + strlen(line), "\r\n", 2) == 0;
}

void admin_answer_fini(struct admin_answer *a)
{
    free(a->body);
    a->body = NULL;
}
