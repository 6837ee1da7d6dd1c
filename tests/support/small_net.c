#include "support/small_net.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/own_net.h"

#define TOOLS "PATH=$PATH:/usr/sbin:/sbin; "

bool small_net_enter(void)
{
    if (!own_net_enter()) {
        return false;
    }
    own_net_set("ipv4/tcp_wmem", "4096 16384 16384");
    return true;
}

bool small_net_split(void)
{
    return system(TOOLS "ip link set lo mtu 1500 gso_max_segs 1 2>/dev/null") == 0;
}

/* The table, and a chain of it for one kind of loss. */
#define CHAIN(name)                                                                                \
    "add table inet loss;"                                                                         \
    "add chain inet loss " name " { type filter hook input priority 0; };"

static bool nft(const char *rules)
{
    char command[1024];

    (void)snprintf(command, sizeof(command), TOOLS "nft '%s' 2>/dev/null", rules);
    return system(command) == 0;
}

/* What the counters of a chain say in all. */
static uint64_t count_lost(const char *chain)
{
    uint64_t lost = 0;
    char line[512];
    FILE *out;

    (void)snprintf(line, sizeof(line),
                   TOOLS "nft list chain inet loss %s 2>/dev/null | "
                         "sed -n 's/.*counter packets \\([0-9]*\\).*/\\1/p'",
                   chain);
    out = popen(line, "r");
    if (out == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), out) != NULL) {
        lost += strtoull(line, NULL, 10);
    }
    (void)pclose(out);
    return lost;
}

bool small_net_lose(unsigned percent)
{
    char rules[512];

    (void)snprintf(rules, sizeof(rules),
                   CHAIN("data") "add rule inet loss data tcp flags & (syn | rst) == 0 "
                                 "numgen random mod 100 <= %u counter drop",
                   percent - 1);
    return nft(rules);
}

bool small_net_has_lost(uint64_t least)
{
    uint64_t lost = count_lost("data");

    printf("             %" PRIu64 " packets were lost, at least %" PRIu64 " were to be\n", lost,
           least);
    return lost >= least;
}

bool small_net_lose_dials(const char *addresses, unsigned percent)
{
    char rules[768];

    (void)snprintf(rules, sizeof(rules),
                   CHAIN("dials") "add rule inet loss dials ip daddr %s "
                                  "tcp flags & (syn | ack) == syn "
                                  "numgen random mod 100 <= %u counter drop;"
                                  "add rule inet loss dials ip saddr %s "
                                  "tcp flags & (syn | ack) == (syn | ack) "
                                  "numgen random mod 100 <= %u counter drop",
                   addresses, percent - 1, addresses, percent - 1);
    return nft(rules);
}

void small_net_keep_dials(void)
{
    (void)nft(CHAIN("dials") "flush chain inet loss dials");
}

uint64_t small_net_lost_dials(void)
{
    return count_lost("dials");
}
