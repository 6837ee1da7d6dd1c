#include "proxy/linger.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/conn.h"
#include "proxy/hello.h"
#include "proxy/relay.h"
#include "proxy/worker.h"

void linger_start(struct conn *c, struct side *s, enum end_reason why)
{
    c->end = (uint8_t)why;
    conn_close_side(c, s == &c->client ? &c->server : &c->client);
    if (c->server.fd < 0) {
        conn_set_endpoint(c, NULL);
    }
    hello_drop(c);
    relay_drop(c);
    conn_set_state(c, CONN_LINGERING);
    conn_set_deadline(c, clock_now_ms() + LIMIT_LINGER_MS);
    if (conn_wait(c, s, EV_READ | EV_PERSIST) != 0) {
        conn_end(c, why);
    }
}

void linger_on_readable(struct conn *c, struct side *s)
{
    struct worker *w = c->worker;
    ssize_t n = recv(s->fd, w->scratch, sizeof(w->scratch), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n > 0) {
        c->lingered += (uint32_t)n;
        if (s == &c->client) {
            stats_add(&c->cells->received_bytes, (uint64_t)n);
        }
    }
    if (n <= 0 || c->lingered > LIMIT_LINGER_BYTES) {
        conn_end(c, c->end);
    }
}

void linger_on_deadline(struct conn *c)
{
    conn_end(c, c->end);
}
