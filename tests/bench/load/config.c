#include "bench/load/config.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "bench/wire.h"

#define SHORT_REQUEST 200u
#define RR_REQUEST    256u
#define RESPONSE      1024u
#define STUCK_MS      10000u

static const char *const mode_names[] = {"short", "rr", "down", "up", "idle", "probe"};
static const char *const hello_names[] = {"small", "padded", "post-quantum"};

static void usage(void)
{
    fprintf(
        stderr,
        "usage: bench_load -m MODE -a IP -p PORT [-c CONNECTIONS] [-t MS] [-w MS] [-r A_SECOND]\n"
        "                  [-n FIRST_NAME] [-H NAMES] [-k HELLO] [-x BYTES]\n"
        "                  [-s STUCK_MS] [-P PID]...\n"
        "  MODE   short, rr, down, up, idle, or probe (until FIRST_NAME is routed)\n"
        "  -w     how long it runs before the time that is measured (short, rr)\n"
        "  HELLO  small, padded (517 bytes), post-quantum\n"
        "  BYTES  of a request (up) or response (down)\n");
    exit(2);
}

static int index_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (int)i;
        }
    }
    usage();
    return -1;
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);

    if (end == text || *end != '\0' || n > most) {
        usage();
    }
    return n;
}

static void take(struct config *cfg, int opt, const char *value, uint64_t *exchange)
{
    switch (opt) {
    case 'm':
        cfg->mode = (enum config_mode)index_of(value, mode_names, ARRAY_LEN(mode_names));
        cfg->mode_name = mode_names[cfg->mode];
        break;
    case 'k':
        cfg->hello = (enum config_hello)index_of(value, hello_names, ARRAY_LEN(hello_names));
        break;
    case 'a':
        if (inet_pton(AF_INET, value, &cfg->to.sin_addr) != 1) {
            usage();
        }
        break;
    case 'p':
        cfg->to.sin_port = htons((uint16_t)number(value, UINT16_MAX));
        break;
    case 'P':
        if (cfg->n_pids < CONFIG_PIDS_MAX) {
            cfg->pids[cfg->n_pids++] = (long)number(value, INT32_MAX);
        }
        break;
    case 'c':
        cfg->concurrent = (unsigned)number(value, 100000);
        break;
    case 'r':
        cfg->rate = (unsigned)number(value, 1000000);
        break;
    case 'H':
        cfg->names = (unsigned)number(value, WIRE_NAMES_MAX);
        break;
    case 'n':
        cfg->name_first = (unsigned)number(value, WIRE_NAMES_MAX - 1);
        break;
    case 't':
        cfg->ms = number(value, 3600000);
        break;
    case 'w':
        cfg->warm_ms = number(value, 3600000);
        break;
    case 's':
        cfg->stuck_ms = number(value, 3600000);
        break;
    case 'x':
        *exchange = number(value, (uint64_t)1 << 40);
        break;
    default:
        usage();
    }
}

struct config config_parse(int argc, char **argv)
{
    struct config cfg = {.to.sin_family = AF_INET,
                         .concurrent = 64,
                         .names = 1000,
                         .ms = 1000,
                         .stuck_ms = STUCK_MS,
                         .hello = HELLO_PADDED};
    uint64_t exchange = (uint64_t)64 << 20;
    int opt;

    while ((opt = getopt(argc, argv, "m:a:p:P:c:r:H:n:t:w:s:k:x:")) != -1) {
        take(&cfg, opt, optarg, &exchange);
    }
    if (cfg.mode_name == NULL || cfg.to.sin_port == 0 || cfg.concurrent == 0 || cfg.names == 0 ||
        cfg.name_first + cfg.names > WIRE_NAMES_MAX) {
        usage();
    }
    cfg.names = cfg.mode == MODE_PROBE ? 1 : cfg.names;
    cfg.warm_ms = cfg.mode == MODE_SHORT || cfg.mode == MODE_RR ? cfg.warm_ms : 0;
    cfg.request = cfg.mode == MODE_UP ? exchange : cfg.mode == MODE_RR ? RR_REQUEST : SHORT_REQUEST;
    cfg.response = cfg.mode == MODE_DOWN ? exchange : RESPONSE;
    return cfg;
}
