#include "proxy/connlog.h"

#include <string.h>

#include "base/log.h"
#include "proxy/worker.h"
#include "route/registry.h"
#include "tls/clienthello.h"

/* "1.2,1.3", or "" for none that we know. */
static const char *versions_text(uint8_t versions, char text[16])
{
    static const struct {
        uint8_t bit;
        const char *name;
    } names[] = {{CLIENTHELLO_TLS10, "1.0"},
                 {CLIENTHELLO_TLS11, "1.1"},
                 {CLIENTHELLO_TLS12, "1.2"},
                 {CLIENTHELLO_TLS13, "1.3"}};
    char *at = text;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if ((versions & names[i].bit) != 0) {
            if (at != text) {
                *at++ = ',';
            }
            memcpy(at, names[i].name, 3);
            at += 3;
        }
    }
    *at = '\0';
    return text;
}

static void add_hello(struct log_line *l, const struct conn *c)
{
    static const struct conn_facts nothing;
    const struct conn_facts *f = c->facts != NULL ? c->facts : &nothing;
    char versions[16];

    log_line_strn(l, "sni", f->text, f->name_len);
    log_line_strn(l, "alpn", f->text + f->name_len, f->alpn_len);
    log_line_str(l, "tls", versions_text(f->versions, versions));
}

static void add_route(struct log_line *l, const struct conn *c)
{
    const struct route_state *r = c->route;

    /* The catch-all has no host of its own: it is told by a '*', which no host can be. */
    log_line_str(l, "host", r == NULL ? NULL : r->host[0] != '\0' ? r->host : "*");
    log_line_str(l, "namespace", r == NULL ? NULL : r->ns);
    log_line_str(l, "ingress", r == NULL ? NULL : r->ingress);
    log_line_str(l, "service", r == NULL ? NULL : r->service);
    log_line_str(l, "port", r == NULL ? NULL : r->port);
    log_line_addr(l, "endpoint", c->facts != NULL ? &c->facts->dialled : NULL);
    log_line_uint(l, "retries", c->dials > 1 ? c->dials - 1u : 0);
}

/* Who sent the first FIN or reset; the proxy where it was neither peer. */
static const char *closed_by(const struct conn *c)
{
    switch (c->end) {
    case END_CLIENT_EOF:
    case END_CLIENT_RESET:
    case END_HELLO_EOF:
        return "client";
    case END_SERVER_EOF:
    case END_SERVER_RESET:
        return "server";
    case END_HALF_CLOSE_TIMEOUT:
        return c->client_first ? "client" : "server";
    default:
        return "proxy";
    }
}

/* Whether the line is left to the summary: there are too many like it. */
static bool hold_back(const struct conn *c, uint64_t now_us)
{
    struct worker *w = c->worker;

    if (c->connected_ms != 0 || linelimit_take(&w->line_limits[c->end], now_us)) {
        return false;
    }
    stats_add(&w->stats.lines_held_back[c->end], 1);
    return true;
}

static void tell(enum end_reason why, uint64_t lines)
{
    struct log_line l;

    log_line_begin(&l, LOG_WARN, "access lines held back");
    log_line_str(&l, "reason", stats_end_word(why));
    log_line_uint(&l, "lines", lines);
    log_line_send(&l);
}

void connlog_tell_held_back(struct worker *w)
{
    if (!log_enabled(LOG_WARN)) {
        return;
    }
    for (int why = 0; why < END_REASONS; why++) {
        uint64_t held_back =
            atomic_load_explicit(&w->stats.lines_held_back[why], memory_order_relaxed);
        uint64_t lines = held_back - w->lines_told[why];
        if (lines > 0) {
            w->lines_told[why] += lines;
            tell((enum end_reason)why, lines);
        }
    }
}

void connlog_write(const struct conn *c, uint64_t now_us)
{
    struct log_line l;

    if (hold_back(c, now_us)) {
        return;
    }
    log_line_begin_access(&l);
    log_line_addr(&l, "client", &c->client_addr);
    log_line_addr(&l, "local", &c->local_addr);
    add_hello(&l, c);
    add_route(&l, c);
    log_line_uint(&l, "hello_bytes", c->hello_bytes);
    log_line_ms(&l, "hello_ms", c->hello_us);
    log_line_ms(&l, "connect_ms", c->connect_us);
    log_line_ms(&l, "duration_ms", now_us - c->accepted_us);
    log_line_uint(&l, "bytes_in", c->connected_ms != 0 ? c->up.bytes : c->hello_bytes);
    log_line_uint(&l, "bytes_out", c->down.bytes);
    log_line_str(&l, "closed_by", closed_by(c));
    log_line_str(&l, "reason", stats_end_word((enum end_reason)c->end));
    log_line_send(&l);
}
