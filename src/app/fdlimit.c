#include "app/fdlimit.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "base/limits.h"

#define FDS_PER_CONNECTION 2  /* the client's socket and the endpoint's */
#define FDS_RESERVE        64 /* files, logs, inotify, signals, the clients of the admin port */
#define FDS_PER_WORKER     8  /* event base, mailbox, reserve descriptor */
#define FDS_PER_PIPE       2
#define FEW_FDS            1024 /* a usual soft limit: fewer are meant to be few */
#define PIPES_SHARE        16   /* of all descriptors that pipes may take */
#define FEW_PIPES          4u   /* for each of many workers */
#define DEFAULT_MOST       1048576u

uint64_t fdlimit_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return raised.rlim_cur;
        }
    }
    return limit.rlim_cur;
}

static uint64_t reserve(const struct fdlimit_load *load)
{
    return FDS_RESERVE + load->source +
           (uint64_t)load->workers *
               (FDS_PER_WORKER + load->listeners + FDS_PER_PIPE * load->pipes);
}

uint64_t fdlimit_fitting(uint64_t limit, const struct fdlimit_load *load)
{
    uint64_t kept = reserve(load);

    return limit > kept ? (limit - kept) / FDS_PER_CONNECTION : 0;
}

static unsigned pipes_below(uint64_t limit, unsigned workers)
{
    uint64_t fitting = limit / PIPES_SHARE / FDS_PER_PIPE / workers;
    unsigned most = LIMIT_PIPES / workers;

    if (limit < FEW_FDS) {
        return 0;
    }
    most = most < FEW_PIPES ? FEW_PIPES : most;
    return fitting < most ? (unsigned)fitting : most;
}

void fdlimit_grant_pipes(uint64_t limit, uint64_t connections, struct fdlimit_load *load)
{
    load->pipes = pipes_below(limit, load->workers);
    if (connections > fdlimit_fitting(limit, load)) {
        load->pipes = 0;
    }
}

int fdlimit_settle(uint64_t limit, const struct fdlimit_load *load, uint32_t wanted,
                   uint32_t *max_connections_out, struct err *e)
{
    uint64_t fitting = fdlimit_fitting(limit, load);
    uint64_t needed = reserve(load) + (uint64_t)FDS_PER_CONNECTION * wanted;

    if (fitting == 0) {
        err_set(e,
                "RLIMIT_NOFILE is %" PRIu64
                ", which leaves no descriptors for connections; raise its "
                "hard limit above %" PRIu64 " (ulimit -Hn, LimitNOFILE=)",
                limit, reserve(load));
        return -EINVAL;
    }
    if (wanted > fitting) {
        err_set(e,
                "--max-connections %" PRIu32 ": only %" PRIu64
                " fit below RLIMIT_NOFILE, which is %" PRIu64
                "; ask for fewer, or raise its hard limit to %" PRIu64
                " (ulimit -Hn, LimitNOFILE=)",
                wanted, fitting, limit, needed);
        return -EINVAL;
    }
    if (wanted > 0) {
        *max_connections_out = wanted;
    } else {
        *max_connections_out = fitting < DEFAULT_MOST ? (uint32_t)fitting : DEFAULT_MOST;
    }
    return 0;
}
