#include "support/relay_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/failalloc.h"
#include "support/failsys.h"

static unsigned pipes;

int relay_scene_copies(void **state)
{
    (void)state;
    pipes = 0;
    return 0;
}

int relay_scene_splices(void **state)
{
    (void)state;
    pipes = LIMIT_PIPES;
    return 0;
}

int relay_scene_setup(void **state)
{
    static struct relay_scene s;
    void *iw;

    failsys_reset();
    inline_worker_setup(&iw);
    s = (struct relay_scene){.iw = iw, .client = -1, .server = -1};
    s.most_held = pipes != 0 ? LIMIT_PIPE_BYTES : LIMIT_RELAY_BYTES;
    s.iw->f.policy.idle_timeout_ms = IDLE_MS;
    s.iw->shared.pipes = pipes;
    inline_worker_open(s.iw, proxy_fixture_simple(&s.iw->f));
    inline_worker_relay(s.iw, &s.client, &s.server);
    s.c = inline_worker_conn(s.iw, CONN_RELAYING);
    failsys_reset();
    *state = &s;
    return 0;
}

void relay_scene_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

int relay_scene_teardown(void **state)
{
    struct relay_scene *s = *state;
    void *iw = s->iw;

    failsys_reset();
    (void)failalloc_disarm();
    relay_scene_close(&s->client);
    relay_scene_close(&s->server);
    return inline_worker_teardown(&iw);
}

void relay_scene_narrow(struct relay_scene *s)
{
    struct inline_worker *iw = s->iw;

    relay_scene_close(&s->client);
    relay_scene_close(&s->server);
    INLINE_UNTIL(iw, inline_worker_live(iw) == 0);
    s->client = proxy_fixture_dial_narrow(&iw->addr);
    inline_worker_write(iw, s->client, iw->f.hello, iw->f.hello_len);
    s->server = inline_worker_accept(iw, iw->f.backend);
    inline_worker_expect(iw, s->server, iw->f.hello, iw->f.hello_len);
    INLINE_UNTIL(iw, inline_worker_count(iw, CONN_RELAYING) == 1);
    s->c = inline_worker_conn(iw, CONN_RELAYING);
}

void relay_scene_pass(struct relay_scene *s, int from, int to, const char *text)
{
    inline_worker_write(s->iw, from, text, strlen(text));
    inline_worker_expect(s->iw, to, text, strlen(text));
}

void relay_scene_fin(int fd)
{
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

void relay_scene_expect_ended(struct relay_scene *s, enum end_reason why)
{
    INLINE_UNTIL(s->iw, inline_worker_live(s->iw) == 0);
    assert_int_equal(inline_worker_ended(s->iw, why), 1);
}
