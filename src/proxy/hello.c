#include "proxy/hello.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "proxy/conn.h"
#include "proxy/refuse.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"
#include "route/hostname.h"
#include "route/table.h"

/* The least room made for a hello that did not arrive whole. */
#define HELLO_ROOM_BYTES 2048

static const struct proxy_policy *policy_of(const struct conn *c)
{
    return &c->worker->shared->policy;
}

struct hello *hello_keep(struct conn *c, struct hello *h)
{
    size_t max = policy_of(c)->hello_max_bytes;
    struct hello *kept;

    if (h == c->hello) {
        return h;
    }
    kept = malloc(sizeof(*kept));
    if (kept == NULL) {
        return NULL;
    }
    *kept = *h;
    buf_init(&kept->own, h->len > max ? h->len : max);
    if (buf_append(&kept->own, h->bytes, h->len) != 0) {
        free(kept);
        return NULL;
    }
    kept->bytes = kept->own.data;
    c->hello = kept;
    return kept;
}

void hello_drop(struct conn *c)
{
    struct hello *h = c->hello;

    if (h == NULL) {
        return;
    }
    c->hello = NULL;
    worker_let_go(c->worker, h->held);
    buf_fini(&h->own);
    free(h);
}

static void count(struct conn *c, enum hello_result r)
{
    stats_add(&worker_counts(c)->hello[r], 1);
}

static void count_match(struct conn *c, enum table_match match)
{
    static const uint8_t matches[] = {
        [TABLE_NO_MATCH] = MATCH_NONE,
        [TABLE_EXACT] = MATCH_EXACT,
        [TABLE_WILDCARD] = MATCH_WILDCARD,
        [TABLE_CATCH_ALL] = MATCH_DEFAULT,
    };

    stats_add(&worker_counts(c)->match[matches[match]], 1);
}

/* What a complete hello had: a bit for each feature. */
static unsigned features_of(const struct conn *c, const struct clienthello_info *info)
{
    const uint8_t versions = info->versions, features = info->features;
    const bool tls12 = (versions & CLIENTHELLO_TLS12) != 0;
    const bool tls13 = (versions & CLIENTHELLO_TLS13) != 0;
    unsigned set = 0;

    set |= (unsigned)((features & CLIENTHELLO_PQ_KEY_SHARE) != 0) << FEATURE_PQ_KEYSHARE;
    set |= (unsigned)tls13 << FEATURE_TLS13;
    set |= (unsigned)tls12 << FEATURE_TLS12;
    set |= (unsigned)(versions != 0 && !tls12 && !tls13) << FEATURE_LEGACY;
    set |= (unsigned)((features & CLIENTHELLO_ECH) != 0) << FEATURE_ECH_OUTER;
    set |= (unsigned)((features & CLIENTHELLO_MULTI_RECORD) != 0) << FEATURE_MULTI_RECORD;
    set |= (unsigned)(c->hello != NULL) << FEATURE_MULTI_SEGMENT; /* kept for want of more */
    set |= (unsigned)!info->has_name << FEATURE_NO_SNI;
    return set;
}

static void count_complete(struct conn *c, const struct clienthello_info *info)
{
    struct listener_stats *counts = worker_counts(c);

    for (unsigned set = features_of(c, info); set != 0; set &= set - 1) {
        stats_add(&counts->features[__builtin_ctz(set)], 1);
    }
    histogram_observe(HISTOGRAM_HELLO_SIZE, counts->hello_size, c->hello_bytes);
    histogram_observe(HISTOGRAM_HELLO_DURATION, counts->hello_duration, c->hello_us);
}

static void refuse(struct conn *c, const struct hello *h, enum hello_result r,
                   struct refusal refusal)
{
    count(c, r);
    refuse_start(c, h, refusal);
}

/* The route for a complete hello.  NULL when it was refused: `h` may be gone then. */
static const struct route *find_route(struct conn *c, const struct hello *h,
                                      const struct clienthello_info *info)
{
    const struct table *table = c->worker->table;
    char name[HOSTNAME_MAX + 1];
    size_t len = 0;
    enum hostname_kind kind =
        info->has_name ? hostname_normalise(info->name, info->name_len, name, &len) : HOSTNAME_NONE;
    enum table_match match = TABLE_CATCH_ALL;
    const struct route *route;

    if (kind == HOSTNAME_INVALID) {
        refuse(c, h, HELLO_MALFORMED,
               (struct refusal){PROXY_ANSWER_ALERT, ALERT_ILLEGAL_PARAMETER, END_HELLO_MALFORMED});
        return NULL;
    }
    count(c, kind == HOSTNAME_VALID ? HELLO_OK : HELLO_NO_NAME);
    route =
        kind == HOSTNAME_VALID ? table_lookup(table, name, len, &match) : table_catch_all(table);
    count_match(c, route != NULL ? match : TABLE_NO_MATCH);
    if (route == NULL) {
        bool named = kind == HOSTNAME_VALID;
        refuse_start(c, h,
                     (struct refusal){
                         .how = named ? policy_of(c)->on_unknown_name : policy_of(c)->on_no_name,
                         .alert = ALERT_UNRECOGNIZED_NAME,
                         .why = named ? END_NO_ROUTE : END_HELLO_NO_NAME,
                     });
    }
    return route;
}

static void on_complete(struct conn *c, struct hello *h, const struct clienthello_info *info)
{
    const struct route *route;

    c->hello_us = conn_us_since(c->accepted_us);
    c->hello_bytes = info->raw_bytes;
    count_complete(c, info);
    conn_keep_facts(c, info);
    route = find_route(c, h, info);
    if (route != NULL) {
        h->route = route;
        conn_set_route(c, route->state, h->len);
        upstream_start(c, h);
    }
}

/* Wait for more of a hello that is incomplete so far. */
static void wait_for_more(struct conn *c, struct hello *h)
{
    if (hello_keep(c, h) == NULL || conn_wait(c, &c->client, EV_READ | EV_PERSIST) != 0) {
        conn_end(c, END_ERROR);
    }
}

/* `h` has more bytes than before. */
static void on_bytes(struct conn *c, struct hello *h)
{
    struct clienthello_info info;

    switch (clienthello_feed(&h->parser, h->bytes, h->len, policy_of(c)->hello_max_bytes, &info)) {
    case CLIENTHELLO_MORE:
        wait_for_more(c, h);
        break;
    case CLIENTHELLO_OK:
        on_complete(c, h, &info);
        break;
    case CLIENTHELLO_NOT_TLS:
        refuse(c, h, HELLO_NOT_TLS,
               (struct refusal){policy_of(c)->on_not_tls, ALERT_UNEXPECTED_MESSAGE,
                                END_HELLO_NOT_TLS});
        break;
    case CLIENTHELLO_MALFORMED:
        refuse(c, h, HELLO_MALFORMED,
               (struct refusal){PROXY_ANSWER_ALERT, info.alert, END_HELLO_MALFORMED});
        break;
    case CLIENTHELLO_TOO_LARGE:
        refuse(c, h, HELLO_TOO_LARGE,
               (struct refusal){PROXY_ANSWER_ALERT, info.alert, END_HELLO_TOO_LARGE});
        break;
    }
}

/* recv() that ends the connection on EOF and errors.  Returns bytes read, 0 when there is nothing
 * to do. */
static size_t receive(struct conn *c, uint8_t *into, size_t room)
{
    ssize_t n;

    do {
        n = recv(c->client.fd, into, room, 0);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        c->hello_bytes += (uint32_t)n;
        return (size_t)n;
    }
    if (n == 0) {
        count(c, HELLO_EOF);
        conn_end(c, END_HELLO_EOF);
    } else if (errno != EAGAIN) {
        int error = errno;
        count(c, HELLO_EOF);
        conn_fail(c, &c->client, error);
    } else if (conn_wait(c, &c->client, EV_READ | EV_PERSIST) != 0) {
        conn_end(c, END_ERROR);
    }
    return 0;
}

static void read_first(struct conn *c)
{
    struct hello fresh = {.bytes = c->worker->scratch};

    fresh.len = receive(c, c->worker->scratch, sizeof(c->worker->scratch));
    if (fresh.len != 0) {
        clienthello_init(&fresh.parser);
        on_bytes(c, &fresh);
    }
}

static void read_more(struct conn *c, struct hello *h)
{
    size_t left = h->own.max - h->own.len; /* not 0: at the maximum the parser has refused it */
    size_t room = left < HELLO_ROOM_BYTES ? left : HELLO_ROOM_BYTES;
    size_t n;

    if (buf_reserve(&h->own, room) != 0) {
        conn_end(c, END_ERROR);
        return;
    }
    n = receive(c, h->own.data + h->own.len, h->own.cap - h->own.len);
    if (n != 0) {
        h->own.len += n;
        h->bytes = h->own.data;
        h->len = h->own.len;
        on_bytes(c, h);
    }
}

void hello_start(struct conn *c)
{
    conn_set_deadline(c, c->accepted_us / 1000 + policy_of(c)->hello_timeout_ms);
    read_first(c);
}

void hello_on_readable(struct conn *c)
{
    if (c->hello == NULL) {
        read_first(c);
    } else {
        read_more(c, c->hello);
    }
}

void hello_on_deadline(struct conn *c)
{
    uint32_t before;

    /* Ends: each turn takes some of the bytes that --hello-max-bytes lets come, or is the last. */
    do {
        before = c->hello_bytes;
        hello_on_readable(c);
    } while (c->state == CONN_READING_HELLO && c->hello_bytes != before);
    if (c->state == CONN_READING_HELLO) {
        count(c, HELLO_TIMEOUT);
        conn_end(c, END_HELLO_TIMEOUT);
    }
}
