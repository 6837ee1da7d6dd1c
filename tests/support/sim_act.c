#include "support/sim_act.h"

#include <errno.h>
#include <stddef.h>

#include "base/attr.h"
#include "support/sim.h"
#include "support/sim_kernel.h"
#include "support/sim_peer.h"

#define RECEIVE_ROOM 300000u /* bytes that wait for the proxy at most */

struct sim_habits sim_act_any_habits(void)
{
    return (struct sim_habits){
        .clients = 1 + (unsigned)sim_below(8),
        .bad_hello = sim_one_in(4) ? 2 : 12,
        .reset = sim_one_in(4) ? 0 : 4 + (unsigned)sim_below(60),
        .vanish = sim_one_in(2) ? 0 : 60,
        .early_fin = sim_one_in(2) ? 0 : 10,
        .stop_accepting = sim_one_in(6) ? 1000 : 0,
        .hours = sim_one_in(2) ? 0 : 200,
        .slow = sim_one_in(3),
    };
}

static void arrive(const struct sim_habits *h, int listener, uint64_t changes)
{
    struct sim_peer *p;

    if (listener < 0 || sim_peer_clients() >= h->clients) {
        return;
    }
    p = sim_peer_arrive(listener, sim_hello_any(!sim_one_in(h->bad_hello)));
    if (p != NULL) {
        p->changes = changes;
    }
}

static void pass_time(const struct sim_habits *h)
{
    static const uint64_t ms[] = {1, 5, 20, 20, 40, 400, 3000};
    uint64_t most = ms[sim_below(h->within ? 1 : h->slow ? ARRAY_LEN(ms) : 5)];

    if (!h->within && sim_one_in(h->hours)) {
        most = 2 * 3600 * 1000;
    }
    most = 1 + sim_below(most * 1000);
    sim_note("time passes", (int64_t)most, 0);
    sim_pass_us(most);
}

/* --- what one peer can do -------------------------------------------------------------------- */

static bool is_alive(const struct sim_peer *p)
{
    return p->sock->tcp == SIM_OPEN && p->sock->end == SIM_NOT_CLOSED;
}

/* Sends the rest of its stream, or some of it; behind it the FIN.  False when it cannot now. */
static bool say(struct sim_peer *p, uint64_t most)
{
    struct sim_sock *s = p->sock;
    uint64_t room = RECEIVE_ROOM - (s->arrived - s->read);
    uint64_t left = p->total - s->arrived;

    if (s->fin_arrived || (left == 0 && !p->finishes)) {
        return false;
    }
    if (left == 0) {
        sim_kernel_fin(s);
        return true;
    }
    left = left < room ? left : room;
    if (left != 0) {
        sim_kernel_data(s, sim_size(left < most ? left : most));
    }
    return left != 0;
}

static bool take(struct sim_peer *p, uint64_t most)
{
    uint64_t waiting = p->sock->accepted - p->sock->taken;

    if (waiting == 0 || p->stalled) {
        return false;
    }
    sim_kernel_take(p->sock, waiting < most ? waiting : most);
    return true;
}

/* How a dial goes on: it is accepted, it fails, or nothing happens. */
static void answer_dial(struct sim_peer *p)
{
    static const int odd[] = {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ECONNRESET};

    switch (p->endpoint) {
    case SIM_REFUSES:
        sim_kernel_connected(p->sock, ECONNREFUSED);
        break;
    case SIM_SILENT:
        if (sim_one_in(50)) {
            sim_kernel_connected(p->sock, odd[sim_below(ARRAY_LEN(odd))]);
        }
        break;
    default:
        sim_kernel_connected(p->sock, 0);
    }
}

static void end_badly(const struct sim_habits *h, struct sim_peer *p)
{
    if (sim_one_in(h->reset)) {
        sim_kernel_break(p->sock, ECONNRESET);
    } else if (sim_one_in(h->vanish)) {
        sim_kernel_break(p->sock, sim_one_in(2) ? ETIMEDOUT : EHOSTUNREACH);
    } else if (sim_one_in(h->early_fin) && !p->sock->fin_arrived) {
        p->total = p->sock->arrived;
        p->finishes = true;
        sim_kernel_fin(p->sock);
    }
}

static void move(const struct sim_habits *h, struct sim_peer *p)
{
    uint64_t most = sim_one_in(3) ? RECEIVE_ROOM : 5000;

    switch (sim_below(8)) {
    case 0:
    case 1:
    case 2:
        (void)say(p, most);
        break;
    case 3:
    case 4:
    case 5:
        (void)take(p, sim_size(most));
        break;
    case 6:
        p->stalled = sim_one_in(3);
        if (sim_one_in(8)) {
            sim_note("soft error", p->sock->fd, EHOSTUNREACH);
            p->sock->soft_error = EHOSTUNREACH;
        }
        break;
    default:
        end_badly(h, p);
    }
}

/* Any of those that are there; NULL: none is. */
static struct sim_peer *any_peer(void)
{
    struct sim_peer *there[SIM_PEERS];
    unsigned n = 0;

    for (unsigned i = 0; i < SIM_PEERS; i++) {
        if (sim_peer_at(i)->used) {
            there[n++] = sim_peer_at(i);
        }
    }
    return n != 0 ? there[sim_below(n)] : NULL;
}

void sim_act_any(const struct sim_habits *h, int listener, uint64_t changes)
{
    struct sim_peer *p = any_peer();

    sim_pass_us(sim_below(100));
    if (p == NULL || sim_one_in(24)) {
        arrive(h, listener, changes);
    }
    if (p == NULL || sim_one_in(24)) {
        pass_time(h);
    } else if (p->sock->tcp == SIM_CONNECTING) {
        answer_dial(p);
    } else if (is_alive(p)) {
        move(h, p);
    }
}

static bool finish(struct sim_peer *p)
{
    p->finishes = true;
    p->stalled = false;
    return say(p, UINT64_MAX) || take(p, UINT64_MAX);
}

bool sim_act_finish(void)
{
    bool acted = false;

    for (unsigned i = 0; i < SIM_PEERS; i++) {
        struct sim_peer *p = sim_peer_at(i);
        if (!p->used) {
            continue;
        }
        if (p->sock->tcp == SIM_CONNECTING && p->endpoint != SIM_SILENT) {
            answer_dial(p);
            acted = true;
        } else if (is_alive(p) && finish(p)) {
            acted = true;
        }
    }
    return acted;
}
