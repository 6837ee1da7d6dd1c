#include "proxy/refuse.h"

#include <string.h>
#include <sys/socket.h>

#include "proxy/conn.h"
#include "proxy/hello.h"
#include "proxy/linger.h"
#include "proxy/worker.h"

static const char http400[] = "HTTP/1.1 400 Bad Request\r\n"
                              "Content-Type: text/plain\r\n"
                              "Content-Length: 52\r\n"
                              "Connection: close\r\n"
                              "\r\n"
                              "This port speaks TLS; use https:// to reach the host";

/* Whether what came is, or may yet become, the method of an HTTP request. */
static bool looks_like_http(const uint8_t *bytes, size_t len)
{
    static const char *const methods[] = {"GET ",     "HEAD ",    "POST ",  "PUT ",   "DELETE ",
                                          "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "PRI "};

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        size_t n = strlen(methods[i]);
        if (memcmp(bytes, methods[i], len < n ? len : n) == 0) {
            return true;
        }
    }
    return false;
}

static void answer(struct conn *c, const void *bytes, size_t len)
{
    /* Nothing was sent to this socket before, so the kernel has room for all of it. */
    ssize_t n = send(c->client.fd, bytes, len, MSG_NOSIGNAL);

    if (n > 0) {
        c->down.bytes += (uint64_t)n;
        stats_add(&c->cells->sent_bytes, (uint64_t)n);
    }
}

static void send_answer(struct conn *c, const struct hello *h, const struct refusal *r)
{
    uint8_t alert[ALERT_RECORD_BYTES];

    if (r->how == PROXY_ANSWER_ALERT) {
        alert_encode(r->alert, alert);
        answer(c, alert, sizeof(alert));
    } else if (r->how == PROXY_ANSWER_HTTP400 && looks_like_http(h->bytes, h->len)) {
        answer(c, http400, sizeof(http400) - 1);
    }
}

static void reset(struct conn *c)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(c->client.fd, SOL_SOCKET, SO_LINGER, &hard,
                     sizeof(hard)); /* else it is a FIN */
}

void refuse_start(struct conn *c, const struct hello *h, struct refusal r)
{
    conn_set_unrouted(c, h->len);
    if (r.how == PROXY_ANSWER_RESET) {
        reset(c);
        conn_end(c, r.why);
        return;
    }
    send_answer(c, h, &r);
    if (shutdown(c->client.fd, SHUT_WR) == 0) {
        linger_start(c, &c->client, r.why);
    } else {
        conn_end(c, r.why);
    }
}
