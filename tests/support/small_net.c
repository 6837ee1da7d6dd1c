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

bool small_net_lose(unsigned percent)
{
    char command[512];

    (void)snprintf(command, sizeof(command),
                   TOOLS "nft 'add table inet loss;"
                         "add chain inet loss in { type filter hook input priority 0; };"
                         "add rule inet loss in tcp flags & (syn | rst) == 0 "
                         "numgen random mod 100 < %u counter drop' 2>/dev/null",
                   percent);
    return system(command) == 0;
}

uint64_t small_net_lost(void)
{
    uint64_t lost = 0;
    char line[512];
    FILE *out = popen(TOOLS "nft list chain inet loss in | sed -n 's/.*counter packets //p'", "r");

    if (out == NULL) {
        return 0;
    }
    if (fgets(line, sizeof(line), out) != NULL) {
        lost = strtoull(line, NULL, 10);
    }
    (void)pclose(out);
    return lost;
}
