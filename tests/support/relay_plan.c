#include "support/relay_plan.h"

#include <string.h>

#include "support/sim.h"

#define HUGE_BYTES (1ULL << 30)

/* A slow reader takes no longer in all. */
#define SLOWEST_MS 2000u

/* Steps behind the gate. */
#define END_STEPS 5

/* A plan as one of its sides sees it. */
struct view {
    const struct relay_plan *plan;
    uint64_t mine, other; /* seeds */
    uint64_t out, in;     /* bytes in all */
    uint64_t out_part, in_part;
    uint64_t out_done, in_done; /* at the gate */
};

static uint64_t any_bytes(uint64_t most)
{
    return sim_one_in(6) ? 0 : sim_size(most);
}

static void read_slowly(struct relay_plan *p)
{
    if (sim_one_in(3)) {
        p->chunk = 1 + (uint32_t)sim_below(30000);
        p->pause_ms = 1 + (uint32_t)sim_below(10);
    }
}

/* What came down says that the hello has arrived, and there is a server to be told. */
static void see_the_server_first(struct relay_plan *p)
{
    if (p->down_part == 0) {
        p->down_part = 1;
        p->down = p->down > 0 ? p->down : 1;
    }
}

struct relay_plan relay_plan_any(enum relay_ending how, uint64_t most_bytes, bool is_lossy)
{
    struct relay_plan p = {.how = how, .seed = 2 * sim_below(UINT32_MAX)};

    p.up = any_bytes(most_bytes);
    p.down = any_bytes(most_bytes);
    p.up_part = sim_below(p.up + 1);
    p.down_part = sim_below(p.down + 1);
    if (is_lossy && (how == RELAY_CLIENT_RESETS || how == RELAY_CLIENT_RESETS_BEHIND_ITS_FIN)) {
        see_the_server_first(&p);
    }
    read_slowly(&p);
    return p;
}

struct relay_plan relay_plan_gated(uint64_t most_bytes)
{
    struct relay_plan p = {.how = (enum relay_ending)sim_below(RELAY_ORDERLY_ENDINGS),
                           .seed = 2 * sim_below(UINT32_MAX),
                           .gate = sim_one_in(2) ? RELAY_GATE_CLIENT : RELAY_GATE_SERVER};

    p.up = most_bytes / 2 + sim_below(most_bytes / 2);
    p.down = most_bytes / 2 + sim_below(most_bytes / 2);
    p.up_gate = sim_below(p.up / 4);
    p.down_gate = sim_below(p.down / 4);
    p.up_part = p.up_gate + sim_below(p.up - p.up_gate);
    p.down_part = p.down_gate + sim_below(p.down - p.down_gate);
    read_slowly(&p);
    return p;
}

static struct view client_view(const struct relay_plan *p)
{
    const bool at_gate = p->gate == RELAY_GATE_CLIENT;

    return (struct view){.plan = p,
                         .mine = p->seed,
                         .other = p->seed + 1,
                         .out = p->up,
                         .in = p->down,
                         .out_part = p->up_part,
                         .in_part = p->down_part,
                         .out_done = at_gate ? p->up_gate : 0,
                         .in_done = at_gate ? p->down_gate : 0};
}

static struct view server_view(const struct relay_plan *p)
{
    const bool at_gate = p->gate == RELAY_GATE_SERVER;

    return (struct view){.plan = p,
                         .mine = p->seed + 1,
                         .other = p->seed,
                         .out = p->down,
                         .in = p->up,
                         .out_part = p->down_part,
                         .in_part = p->up_part,
                         .out_done = at_gate ? p->down_gate : 0,
                         .in_done = at_gate ? p->up_gate : 0};
}

static struct peer_stream sent(const struct view *v, uint64_t from, uint64_t to)
{
    return (struct peer_stream){.seed = v->mine, .from = from, .bytes = to - from};
}

/* Read at the plan's pace. */
static struct peer_stream received(const struct view *v, uint64_t from, uint64_t to)
{
    const struct relay_plan *p = v->plan;
    struct peer_stream s = {.seed = v->other, .from = from, .bytes = to - from};

    if (p->chunk != 0 && (to - from) / p->chunk * p->pause_ms < SLOWEST_MS) {
        s.chunk = p->chunk;
        s.pause_ms = p->pause_ms;
    }
    return s;
}

/* The side that ends first: a part of the other's stream, its FIN, then the rest. */
static void first_to_end(struct peer_step script[END_STEPS], const struct view *v)
{
    const struct peer_step steps[END_STEPS] = {
        PEER_EXCHANGE(sent(v, v->out_done, v->out), received(v, v->in_done, v->in_part)),
        PEER_HALF_CLOSE, PEER_EXCHANGE(PEER_NO_STREAM, received(v, v->in_part, v->in)),
        PEER_EXPECT_EOF, PEER_END};

    memcpy(script, steps, sizeof(steps));
}

static void last_to_end(struct peer_step script[END_STEPS], const struct view *v)
{
    const struct peer_step steps[END_STEPS] = {
        PEER_EXCHANGE(sent(v, v->out_done, v->out), received(v, v->in_done, v->in)),
        PEER_EXPECT_EOF, PEER_HALF_CLOSE, PEER_END};

    memcpy(script, steps, sizeof(steps));
}

/* Everything, then the FIN, whoever is quicker. */
static void at_once(struct peer_step script[END_STEPS], const struct view *v)
{
    last_to_end(script, v);
    script[1] = (struct peer_step)PEER_HALF_CLOSE;
    script[2] = (struct peer_step)PEER_EXPECT_EOF;
}

static void resetting(struct peer_step script[END_STEPS], const struct view *v)
{
    const struct peer_step both_parts =
        PEER_EXCHANGE(sent(v, 0, v->out_part), received(v, 0, v->in_part));
    const struct peer_step steps[END_STEPS] = {both_parts, PEER_RESET, PEER_END};
    const struct peer_step behind[END_STEPS] = {both_parts, PEER_HALF_CLOSE, PEER_RESET, PEER_END};
    const bool has_fin = v->plan->how == RELAY_CLIENT_RESETS_BEHIND_ITS_FIN;

    memcpy(script, has_fin ? behind : steps, sizeof(steps));
}

/* Sends more than it can, and reads what comes, but for a FIN. */
static void until_reset(struct peer_step script[END_STEPS], const struct view *v)
{
    const bool has_fin = v->plan->how == RELAY_CLIENT_RESETS_BEHIND_ITS_FIN;
    const struct peer_stream out = {.seed = v->mine, .bytes = HUGE_BYTES};
    const struct peer_stream in = {.seed = v->other, .bytes = has_fin ? v->in_part : HUGE_BYTES};
    const struct peer_step steps[END_STEPS] = {PEER_EXCHANGE_UNTIL_RESET(out, in), PEER_END};

    memcpy(script, steps, sizeof(steps));
}

typedef void (*writer_fn)(struct peer_step script[END_STEPS], const struct view *v);

static const struct {
    writer_fn client, server;
    const char *words;
} endings[RELAY_ENDINGS] = {
    [RELAY_CLIENT_FIRST] = {first_to_end, last_to_end, "the client ends first"},
    [RELAY_SERVER_FIRST] = {last_to_end, first_to_end, "the server ends first"},
    [RELAY_BOTH_AT_ONCE] = {at_once, at_once, "both end at once"},
    [RELAY_CLIENT_RESETS] = {resetting, until_reset, "the client resets"},
    [RELAY_SERVER_RESETS] = {until_reset, resetting, "the server resets"},
    [RELAY_CLIENT_RESETS_BEHIND_ITS_FIN] = {resetting, until_reset,
                                            "the client resets behind its FIN"},
};

/* Up to the gate; returns how many steps that are. */
static unsigned come_to_gate(struct peer_step script[3], const struct view *v,
                             struct peer_flag *reached, struct peer_flag *open)
{
    const struct peer_step steps[3] = {
        PEER_EXCHANGE(sent(v, 0, v->out_done), received(v, 0, v->in_done)), PEER_RAISE(reached),
        PEER_WAIT(open)};

    memcpy(script, steps, sizeof(steps));
    return 3;
}

void relay_plan_client(const struct relay_plan *p, struct peer_flag *reached,
                       struct peer_flag *open, struct peer_step script[RELAY_PLAN_STEPS])
{
    const struct view v = client_view(p);
    const bool stops = p->gate == RELAY_GATE_CLIENT;

    endings[p->how].client(script + (stops ? come_to_gate(script, &v, reached, open) : 0), &v);
}

void relay_plan_server(const struct relay_plan *p, struct peer_flag *reached,
                       struct peer_flag *open, struct peer_step script[RELAY_PLAN_STEPS])
{
    const struct view v = server_view(p);
    const bool stops = p->gate == RELAY_GATE_SERVER;

    endings[p->how].server(script + (stops ? come_to_gate(script, &v, reached, open) : 0), &v);
}

const char *relay_plan_words(enum relay_ending how)
{
    return endings[how].words;
}
