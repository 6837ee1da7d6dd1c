#include "support/sim_peer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/attr.h"
#include "support/pattern.h"
#include "support/sim.h"

#define FIRST_PORT 1024u
#define MOST_BYTES 250000u /* of a stream */

static struct sim_peer peers[SIM_PEERS];
static enum sim_endpoint endpoints[SIM_ENDPOINTS];
static unsigned next_id;
static bool stopping;

void sim_peer_begin(const enum sim_endpoint *e)
{
    memset(peers, 0, sizeof(peers));
    memcpy(endpoints, e, sizeof(endpoints));
    next_id = 0;
    stopping = false;
}

void sim_peer_note_stop(void)
{
    stopping = true;
}

struct sim_peer *sim_peer_at(unsigned i)
{
    return &peers[i];
}

unsigned sim_peer_clients(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < SIM_PEERS; i++) {
        n += peers[i].used && peers[i].is_client ? 1 : 0;
    }
    return n;
}

/* --- who is who ------------------------------------------------------------------------------ */

struct netaddr sim_peer_endpoint(unsigned index)
{
    return (struct netaddr){
        .family = AF_INET, .port = 8443, .ip.bytes = {10, 0, 1, (uint8_t)index}};
}

/* A few hosts that have many clients each: the caps count by host. */
static struct netaddr client_addr(unsigned id)
{
    return (struct netaddr){.family = AF_INET,
                            .port = (uint16_t)(FIRST_PORT + id),
                            .ip.bytes = {10, 0, 2, (uint8_t)(id % 3)}};
}

struct sim_peer *sim_peer_find(const struct netaddr *client)
{
    for (unsigned i = 0; i < SIM_PEERS; i++) {
        if (peers[i].used && peers[i].is_client && netaddr_equal(&peers[i].sock->far, client)) {
            return &peers[i];
        }
    }
    return NULL;
}

static struct sim_peer *new_peer(bool is_client)
{
    for (unsigned i = 0; i < SIM_PEERS; i++) {
        if (!peers[i].used) {
            peers[i] = (struct sim_peer){.used = true,
                                         .is_client = is_client,
                                         .id = next_id++,
                                         .total = sim_size(MOST_BYTES),
                                         .finishes = !sim_one_in(8),
                                         .stalled = sim_one_in(4)};
            return &peers[i];
        }
    }
    SIM_CHECK(false, "the simulation has too few peers");
    return NULL;
}

static uint64_t any_room(void)
{
    return sim_one_in(2) ? 4096 + sim_below(12000) : 60000 + sim_below(300000);
}

static void bind_sock(struct sim_peer *p, struct sim_sock *s)
{
    p->sock = s;
    s->owner = p;
    s->room = any_room();
}

struct sim_peer *sim_peer_arrive(int listener, const struct sim_hello *hello)
{
    struct netaddr addr = client_addr(next_id);
    struct sim_sock *s = sim_kernel_arrive(listener, &addr);
    struct sim_peer *p;

    if (s == NULL) {
        return NULL;
    }
    p = new_peer(true);
    bind_sock(p, s);
    p->hello = hello;
    p->total += hello->len;
    if (sim_one_in(12)) {
        p->total = sim_below(hello->len); /* it never completes it */
    }
    sim_note("client arrives", p->id, (int64_t)p->total);
    return p;
}

static void forget(struct sim_peer *p)
{
    if (p->sock->fd >= 0) { /* someone else's fault, told elsewhere */
        return;
    }
    sim_kernel_free(p->sock);
    p->used = false;
}

void sim_peer_leave(struct sim_peer *client)
{
    SIM_CHECK(client->sock->fd < 0, "client %u is gone, its descriptor %d is not", client->id,
              client->sock->fd);
    if (client->other != NULL) {
        SIM_CHECK(client->other->sock->fd < 0, "client %u is gone, its server's descriptor %d not",
                  client->id, client->other->sock->fd);
        forget(client->other);
    }
    forget(client);
}

/* --- what they send -------------------------------------------------------------------------- */

static size_t least(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* Bytes of a hello from `at` on, its random being the client's own. */
static void make_hello(const struct sim_peer *p, uint64_t at, uint8_t *into, size_t n)
{
    uint8_t random[SIM_HELLO_RANDOM_BYTES];

    memcpy(into, p->hello->bytes + at, n);
    if (!p->hello->routed) {
        return;
    }
    pattern_fill(p->id, 0, random, sizeof(random));
    for (size_t i = 0; i < n && at + i < SIM_HELLO_RANDOM_AT + sizeof(random); i++) {
        if (at + i >= SIM_HELLO_RANDOM_AT) {
            into[i] = random[at + i - SIM_HELLO_RANDOM_AT];
        }
    }
}

static void make_from(const struct sim_peer *p, uint64_t at, uint8_t *into, size_t n)
{
    uint64_t head = p->is_client ? p->hello->len : 0;
    size_t first = at < head ? least(head - at, n) : 0;

    if (first != 0) {
        make_hello(p, at, into, first);
    }
    pattern_fill(0x100000u + p->id, at + first - head, into + first, n - first);
}

static void make(const struct sim_sock *s, uint8_t *into, size_t n)
{
    make_from(s->owner, s->read, into, n);
}

/* --- what they get --------------------------------------------------------------------------- */

static bool is_stream_of(const struct sim_peer *p, uint64_t at, const uint8_t *bytes, size_t n)
{
    uint8_t want[4096];

    while (n > 0) {
        size_t part = least(n, sizeof(want));
        make_from(p, at, want, part);
        if (memcmp(want, bytes, part) != 0) {
            return false;
        }
        at += part;
        bytes += part;
        n -= part;
    }
    return true;
}

/* The first bytes to a server tell whose it is: a whole hello, and all that was read behind it. */
static void join(struct sim_peer *server, const uint8_t *bytes, size_t n)
{
    for (unsigned i = 0; i < SIM_PEERS; i++) {
        struct sim_peer *c = &peers[i];
        if (c->used && c->is_client && c->hello->routed && c->other == NULL &&
            sim_peer_said_hello(c) && c->sock->fd >= 0 && n == c->sock->read &&
            is_stream_of(c, 0, bytes, n)) {
            SIM_CHECK(!c->answered, "client %u was answered, and is connected", c->id);
            c->other = server;
            server->other = c;
            sim_note("joined", c->id, server->id);
            return;
        }
    }
    SIM_CHECK(false, "descriptor %d is sent %zu bytes that begin with nobody's hello",
              server->sock->fd, n);
}

static void check_answer(struct sim_peer *client, const uint8_t *bytes, size_t n)
{
    bool alert = n == 7 && bytes[0] == 21 && bytes[5] == 2;
    bool page = n > 20 && memcmp(bytes, "HTTP/1.1 400 ", 13) == 0;

    SIM_CHECK(!client->answered, "client %u is answered twice", client->id);
    SIM_CHECK(alert || page, "client %u is sent %zu bytes of nobody's", client->id, n);
    client->answered = true;
}

static void check(struct sim_sock *s, const uint8_t *bytes, size_t n)
{
    struct sim_peer *p = s->owner;

    if (p->other == NULL && p->is_client) {
        check_answer(p, bytes, n);
        return;
    }
    if (p->other == NULL) {
        join(p, bytes, n);
    }
    SIM_CHECK(s->accepted + n <= p->other->sock->read,
              "descriptor %d is sent %" PRIu64 " bytes, of which its peer sent %" PRIu64, s->fd,
              s->accepted + n, p->other->sock->read);
    SIM_CHECK(is_stream_of(p->other, s->accepted, bytes, n),
              "descriptor %d is sent wrong bytes behind %" PRIu64, s->fd, s->accepted);
}

uint64_t sim_peer_held(const struct sim_peer *p)
{
    bool refused = p->answered || p->sock->fin_sent; /* what comes then is read away */

    if (p->other != NULL) {
        return p->other->sock->fd < 0 ? 0 : sim_peer_owed(p);
    }
    return refused ? 0 : p->sock->read;
}

uint64_t sim_peer_owed(const struct sim_peer *p)
{
    return p->sock->read - p->other->sock->accepted;
}

bool sim_peer_said_hello(const struct sim_peer *client)
{
    return client->sock->read >= client->hello->len;
}

/* Nothing is read while something is held; behind a refusal bytes are read away. */
static void reading(const struct sim_sock *s)
{
    const struct sim_peer *p = s->owner;

    if (p->other != NULL) {
        SIM_CHECK(sim_peer_held(p) == 0, "descriptor %d is read while %" PRIu64 " bytes are held",
                  s->fd, sim_peer_held(p));
    } else {
        SIM_CHECK(p->is_client, "descriptor %d is read before anything was sent to it", s->fd);
        SIM_CHECK(!p->hello->routed || !sim_peer_said_hello(p) || p->answered || s->fin_sent,
                  "client %u is read before its hello was delivered", p->id);
    }
}

/* A FIN follows the last byte of a source that has ended, an answer, or the stop of the worker. */
static void shut(const struct sim_sock *s)
{
    struct sim_peer *p = s->owner;

    p->shut_us = sim_now_us();
    p->shut_read = s->read;
    if (p->other == NULL) {
        SIM_CHECK(p->is_client, "descriptor %d is ended before anything was sent to it", s->fd);
        return;
    }
    SIM_CHECK(stopping || p->other->sock->fin_read, "descriptor %d is ended and its source is not",
              s->fd);
    SIM_CHECK(sim_peer_held(p->other) == 0, "descriptor %d is ended, %" PRIu64 " bytes too early",
              s->fd, sim_peer_held(p->other));
}

static int dial_result(enum sim_endpoint e)
{
    static const int odd[] = {ENETUNREACH, EHOSTUNREACH, EACCES};

    switch (e) {
    case SIM_ACCEPTS_AT_ONCE:
        return 0;
    case SIM_UNREACHABLE:
        return odd[sim_below(ARRAY_LEN(odd))];
    case SIM_NO_PORT:
        return EADDRNOTAVAIL;
    default:
        return EINPROGRESS;
    }
}

static int dialled(struct sim_sock *s)
{
    struct sim_peer *p;
    enum sim_endpoint e = endpoints[s->far.ip.bytes[3]];
    int rc;

    e = e == SIM_ANY ? (enum sim_endpoint)sim_below(SIM_ANY) : e;
    rc = dial_result(e);
    if (rc == 0 || rc == EINPROGRESS) {
        p = new_peer(false);
        bind_sock(p, s);
        p->endpoint = e;
    }
    return rc;
}

/* A server nobody was joined to, or a client that was never accepted, leaves without more. */
static void closed(struct sim_sock *s)
{
    struct sim_peer *p = s->owner;

    if (p->is_client ? s->open_us == 0 : p->other == NULL) {
        forget(p);
    }
}

const struct sim_far sim_peer_far = {.make = make,
                                     .reading = reading,
                                     .check = check,
                                     .shut = shut,
                                     .dialled = dialled,
                                     .closed = closed};

uint64_t sim_peer_moved_us(struct sim_peer *client)
{
    struct sim_sock *c = client->sock, *s = client->other != NULL ? client->other->sock : NULL;
    uint64_t sum = c->read + c->accepted + c->fin_read;

    if (s != NULL) {
        sum += s->read + s->accepted + s->fin_read;
    }
    if (sum != client->moved_sum) {
        c->queued_told = 0;
        if (s != NULL) {
            s->queued_told = 0;
        }
        client->moved_sum = sum;
        client->moved_us = sim_now_us();
    }
    return client->moved_us;
}
