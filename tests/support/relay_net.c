#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/stats.h"
#include "support/http_ask.h"
#include "support/manifest_writer.h"
#include "support/procinfo.h"
#include "support/relay_net.h"
#include "support/seed.h"
#include "support/sim.h"
#include "support/wait_until.h"

/* SYNs that were answered in vain wait there, too. */
#define BACKLOG 64

void relay_net_draw(void)
{
    const uint64_t seed = seed_draw("RELAY_NET_SEED");

    seed_tell("RELAY_NET_SEED", seed);
    sim_begin(seed);
}

void relay_net_route(const struct relay_net *net, unsigned i, const char *const *ips)
{
    const struct relay_pair *pair = &net->pairs[i];
    struct netaddr endpoints[RELAY_NET_POOL];
    size_t n = 0;

    for (; ips[n] != NULL; n++) {
        assert_in_range(n, 0, RELAY_NET_POOL - 1);
        const bool refuses = ips[n][0] == '!';
        assert_int_equal(netaddr_parse_ip(ips[n] + refuses,
                                          refuses ? (uint16_t)(i + 1) : pair->port, &endpoints[n]),
                         0);
    }
    manifest_route(&net->manifests, pair->name, pair->host, endpoints, n);
}

static void open_pair(struct relay_net *net, unsigned i, const char *const *ips)
{
    struct relay_pair *pair = &net->pairs[i];
    struct netaddr any;

    (void)snprintf(pair->name, sizeof(pair->name), "app%u", i);
    (void)snprintf(pair->host, sizeof(pair->host), "app%u.scene.test", i);
    hello_simple(&pair->hello, pair->host, NULL);
    pair->listener = peer_listen("0.0.0.0", BACKLOG, &net->kind->peers, &any);
    pair->port = any.port;
    peer_flag_init(&pair->reached);
    relay_net_route(net, i, ips);
}

void relay_net_start(struct relay_net *net, const struct relay_net_config *cfg)
{
    static const char *const loopback[] = {"127.0.0.1", NULL};

    *net = (struct relay_net){.kind = cfg->kind};
    tempdir_make(&net->manifests);
    peer_flag_init(&net->open);
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        open_pair(net, i, cfg->ips != NULL ? cfg->ips : loopback);
    }
    net->program = sealway_start(net->manifests.path, cfg->args);
    net->addr = sealway_addr(net->program, 0);
    net->fds = procinfo_fds(sealway_pid(net->program));
}

int relay_net_stop(struct relay_net *net)
{
    int status = sealway_stop(net->program);

    net->program = NULL;
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        struct relay_pair *pair = &net->pairs[i];
        hello_bytes_free(&pair->hello);
        peer_flag_fini(&pair->reached);
        close(pair->listener);
    }
    peer_flag_fini(&net->open);
    tempdir_remove(&net->manifests);
    return status;
}

/* `first`, then the script; the caller frees it. */
static struct peer_step *behind(struct peer_step first, const struct peer_step *script)
{
    struct peer_step *whole;
    size_t n = 1;

    while (script[n - 1].act != PEER_ACT_END) {
        n++;
    }
    whole = calloc(n + 1, sizeof(*whole));
    assert_non_null(whole);
    whole[0] = first;
    memcpy(whole + 1, script, n * sizeof(*script));
    return whole;
}

struct peer *relay_net_dial(const struct relay_net *net, unsigned i, const struct peer_step *script)
{
    const struct hello_bytes *hello = &net->pairs[i].hello;
    const struct peer_step first = PEER_SEND(hello->data, hello->len);
    struct peer_step *whole = behind(first, script);
    struct peer *p = peer_dial(&net->addr, whole, &net->kind->peers);

    free(whole);
    return p;
}

struct peer *relay_net_answer(const struct relay_net *net, unsigned i,
                              const struct peer_step *script)
{
    const struct relay_pair *pair = &net->pairs[i];
    const struct peer_step first = PEER_EXPECT(pair->hello.data, pair->hello.len);
    struct peer_step *whole = behind(first, script);
    struct peer *p = peer_accept(pair->listener, whole, &net->kind->peers);

    free(whole);
    return p;
}

void relay_net_begin(struct relay_net *net, unsigned i)
{
    struct relay_pair *pair = &net->pairs[i];
    struct peer_step client[RELAY_PLAN_STEPS], server[RELAY_PLAN_STEPS];

    relay_plan_client(&pair->plan, &pair->reached, &net->open, client);
    relay_plan_server(&pair->plan, &pair->reached, &net->open, server);
    net->played++;
    net->ended[pair->plan.how]++;
    pair->server = relay_net_answer(net, i, server);
    pair->client = relay_net_dial(net, i, client);
}

void relay_net_end(struct relay_net *net, unsigned i)
{
    struct relay_pair *pair = &net->pairs[i];
    const struct relay_plan *p = &pair->plan;
    struct peer_report client, server;

    peer_join(pair->client, &client);
    peer_join(pair->server, &server);
    pair->came_to = server.local;
    if (client.failure[0] != '\0' || server.failure[0] != '\0') {
        fail_msg("%s: %s, %" PRIu64 " of %" PRIu64 " bytes up, %" PRIu64 " of %" PRIu64
                 " down: client: step %u: %s; server: step %u: %s",
                 pair->host, relay_plan_words(p->how), p->up_part, p->up, p->down_part, p->down,
                 client.step, client.failure, server.step, server.failure);
    }
}

void relay_net_play_round(struct relay_net *net)
{
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        const enum relay_ending how = (enum relay_ending)(net->played % RELAY_ENDINGS);
        net->pairs[i].plan = relay_plan_any(how, net->kind->most_bytes, net->kind->is_lossy);
        relay_net_begin(net, i);
    }
    for (unsigned i = 0; i < RELAY_NET_PAIRS; i++) {
        relay_net_end(net, i);
    }
}

struct gates {
    struct relay_net *net;
    unsigned from, to;
};

static bool are_reached(void *ctx)
{
    struct gates *g = ctx;

    while (g->from < g->to && peer_flag_is_raised(&g->net->pairs[g->from].reached)) {
        g->from++;
    }
    return g->from == g->to;
}

void relay_net_wait_at_gates(struct relay_net *net, unsigned from, unsigned to)
{
    struct gates g = {net, from, to};

    if (!wait_until(are_reached, &g, RELAY_NET_PATIENCE_MS)) {
        fail_msg("%s does not come to its gate", net->pairs[g.from].host);
    }
}

/* --- what is left behind --------------------------------------------------------------------- */

unsigned relay_net_count_ends(const struct relay_net *net, const char *reason)
{
    char *log = sealway_stdout(net->program);
    char word[64];
    unsigned n = 0;

    (void)snprintf(word, sizeof(word), "reason=%s", reason);
    for (const char *at = log; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    free(log);
    return n;
}

static size_t fds_now(const struct relay_net *net)
{
    return procinfo_fds(sealway_pid(net->program));
}

static bool is_all_told(void *ctx)
{
    const struct relay_net *net = *(const struct relay_net **)ctx;

    return relay_net_count_ends(net, "") == net->played && fds_now(net) <= net->fds;
}

void relay_net_check_ends(const struct relay_net *net)
{
    const unsigned *ended = net->ended;
    unsigned both;

    if (!wait_until(is_all_told, &net, RELAY_NET_PATIENCE_MS)) {
        fail_msg("%u connections, %u told, %zu descriptors where there were %zu", net->played,
                 relay_net_count_ends(net, ""), fds_now(net), net->fds);
    }
    assert_int_equal(relay_net_count_ends(net, stats_end_word(END_CLIENT_RESET)),
                     ended[RELAY_CLIENT_RESETS] + ended[RELAY_CLIENT_RESETS_BEHIND_ITS_FIN]);
    assert_int_equal(relay_net_count_ends(net, stats_end_word(END_SERVER_RESET)),
                     ended[RELAY_SERVER_RESETS]);
    both = relay_net_count_ends(net, stats_end_word(END_CLIENT_EOF)) - ended[RELAY_CLIENT_FIRST];
    assert_int_equal(both + relay_net_count_ends(net, stats_end_word(END_SERVER_EOF)),
                     ended[RELAY_BOTH_AT_ONCE] + ended[RELAY_SERVER_FIRST]);
    assert_in_range(both, 0, ended[RELAY_BOTH_AT_ONCE]);
    assert_int_equal(procinfo_sockets(sealway_pid(net->program), TCP_CLOSE_WAIT), 0);
}

uint64_t relay_net_metric(const struct relay_net *net, const char *family, const char *label)
{
    const struct netaddr admin = sealway_admin(net->program);
    struct http_answer answer;
    uint64_t sum = 0;

    http_ask(&admin, "GET", "/metrics", &answer);
    assert_int_equal(answer.status, 200);
    for (char *rest = answer.text, *line; (line = strsep(&rest, "\n")) != NULL;) {
        const char *value = strrchr(line, ' ');
        if (value != NULL && strncmp(line, family, strlen(family)) == 0 &&
            strstr(line, label) != NULL) {
            sum += strtoull(value, NULL, 10);
        }
    }
    http_answer_fini(&answer);
    return sum;
}
