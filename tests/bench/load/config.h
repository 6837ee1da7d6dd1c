/**
 * config - what one run of bench_load is to do, from its command line.
 */
#ifndef BENCH_LOAD_CONFIG_H
#define BENCH_LOAD_CONFIG_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_PIDS_MAX 64u

enum config_mode {
    MODE_SHORT, /* connections: hello, reply, one request, its response, close */
    MODE_RR,    /* requests on connections that stay */
    MODE_DOWN,  /* large responses */
    MODE_UP,    /* large requests */
    MODE_IDLE,  /* connections that do nothing, and still answer afterwards */
    MODE_PROBE, /* tries one name until it is routed */
};

enum config_hello { HELLO_SMALL, HELLO_PADDED, HELLO_POST_QUANTUM };

struct config {
    enum config_mode mode;
    const char *mode_name;
    enum config_hello hello;
    struct sockaddr_in to;
    long pids[CONFIG_PIDS_MAX]; /* of the proxy */
    size_t n_pids;
    unsigned concurrent;        /* connections; with a rate, at most */
    unsigned name_first, names; /* that are asked for */
    unsigned rate;              /* connections or requests a second; 0: as many as there can be */
    uint64_t warm_ms;           /* before what is measured; not of bulk */
    uint64_t ms;                /* how long; idle: how long twice; probe: at most */
    uint64_t stuck_ms;          /* without a move, until a connection counts as stuck */
    uint64_t request, response; /* bytes */
};

/** What the arguments say; wrong ones end the program. */
struct config config_parse(int argc, char **argv);

#endif
