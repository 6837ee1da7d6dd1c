/*
 * table_scale - what a large table costs: 100,000 hosts, each with a Service of its own and two
 * endpoints.  CPU time of one thread, so that other work on the machine costs cache only.  See
 * README.md.
 *
 *     table_scale       $HOSTS (100000), $BUILDS (5) and $AMENDMENTS (200) for less
 *
 * Look-ups are of random names, so that the larger the table, the fewer of them are in a cache.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/netaddr.h"
#include "route/registry.h"
#include "route/table.h"
#include "route/table_builder.h"

#define ENDPOINTS 2u
#define HOST      "host-%05u.apps.bench.example.com"

static unsigned number_from(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void need(int yes, const char *what)
{
    if (!yes) {
        fprintf(stderr, "table_scale: %s\n", what);
        exit(1);
    }
}

static double cpu_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- figures -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void print_spread(const char *what, double *ms, size_t n)
{
    qsort(ms, n, sizeof(*ms), compare);
    printf("%-44s p50 %.3f ms, %.3f to %.3f ms\n", what, ms[n / 2], ms[0], ms[n - 1]);
}

/* A line of /proc/self/status, in KiB. */
static long status_kib(const char *key)
{
    FILE *in = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;

    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kib = strtol(line + strlen(key) + 1, NULL, 10);
        }
    }
    if (in != NULL) {
        fclose(in);
    }
    return kib;
}

/* ---- tables --------------------------------------------------------------------------------- */

static struct builder_pool *add_pool(struct table_builder *b, unsigned i, unsigned version)
{
    char service[32];
    bool is_new;
    struct builder_pool *pool;

    /* Names in another order than their hosts. */
    snprintf(service, sizeof(service), "service-%05u", (unsigned)(i * 48271ull % 100003));
    pool = table_builder_pool(b, "bench", service, "443", &is_new);
    need(pool != NULL, "no memory");
    for (unsigned k = 0; k < ENDPOINTS; k++) {
        struct netaddr a = {
            .family = AF_INET,
            .port = (uint16_t)(8000 + version),
            .ip.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i},
        };

        a.ip.bytes[0] = (uint8_t)(10 + k);
        need(table_builder_endpoint(b, pool, &a, false) == 0, "no memory");
    }
    return pool;
}

static void add_host(struct table_builder *b, unsigned i)
{
    struct claim c = {.ns = "bench", .created_s = i};
    char host[64], ingress[32];

    snprintf(host, sizeof(host), HOST, i);
    snprintf(ingress, sizeof(ingress), "ingress-%05u", i);
    c.host = host;
    c.ingress = ingress;
    c.pool = add_pool(b, i, 0);
    need(table_builder_claim(b, &c) == 0, "no memory");
}

struct cost {
    double fill, settle, freeze, whole;
};

static struct table *build(struct registry *r, unsigned hosts, struct cost *c)
{
    double start = cpu_ms(), filled, settled;
    struct table_builder *b = table_builder_new(r);
    struct table *t;

    need(b != NULL, "no memory");
    for (unsigned i = 0; i < hosts; i++) {
        add_host(b, i * 7919u % hosts); /* in no order */
    }
    filled = cpu_ms();
    need(table_builder_settle(b, NULL, NULL) == 0, "no memory");
    settled = cpu_ms();
    t = table_builder_freeze(b, 1);
    need(t != NULL, "no memory");
    *c = (struct cost){filled - start, settled - filled, cpu_ms() - settled, 0};
    table_builder_free(b);
    c->whole = cpu_ms() - start;
    return t;
}

static double drop(struct table *t)
{
    double start = cpu_ms();

    table_unref(t);
    need(table_free_if_unused(t), "the table is held");
    return cpu_ms() - start;
}

/* The table after a host has come, with a Service of its own; the one before is freed. */
static struct table *add_one(struct registry *r, struct table *t, unsigned i, double *ms)
{
    double start = cpu_ms();
    struct table_builder *b = table_builder_new(r);
    struct table *next = NULL;

    need(b != NULL, "no memory");
    add_host(b, i);
    need(table_builder_amend(b, t, 2, &next) == 0 && next != NULL, "not amended");
    table_builder_free(b);
    (void)drop(t);
    *ms = cpu_ms() - start;
    return next;
}

/* And after it has gone again. */
static struct table *drop_one(struct registry *r, struct table *t, unsigned i, double *ms)
{
    double start = cpu_ms();
    struct table_builder *b = table_builder_new(r);
    struct table *next = NULL;
    char host[64];

    need(b != NULL, "no memory");
    snprintf(host, sizeof(host), HOST, i);
    need(table_builder_drop(b, host) == 0, "no memory");
    need(table_builder_amend(b, t, 2, &next) == 0 && next != NULL, "not amended");
    table_builder_free(b);
    (void)drop(t);
    *ms = cpu_ms() - start;
    return next;
}

/* The table after one pool has changed; the one before is freed. */
static struct table *amend(struct registry *r, struct table *t, unsigned i, unsigned version,
                           double *ms)
{
    double start = cpu_ms();
    struct table_builder *b = table_builder_new(r);
    struct table *next = NULL;

    need(b != NULL, "no memory");
    (void)add_pool(b, i, version);
    need(table_builder_amend(b, t, 2, &next) == 0 && next != NULL, "not amended");
    table_builder_free(b);
    (void)drop(t);
    *ms = cpu_ms() - start;
    return next;
}

static struct table *measure_builds(struct registry *r, unsigned hosts, size_t n)
{
    double *ms = calloc(n * 5, sizeof(*ms));
    struct table *t = NULL;

    need(ms != NULL && n > 0, "no memory");
    for (size_t i = 0; i < n; i++) {
        struct table *old = t;
        struct cost c;

        t = build(r, hosts, &c);
        ms[i] = c.fill;
        ms[n + i] = c.settle;
        ms[2 * n + i] = c.freeze;
        ms[3 * n + i] = c.whole;
        ms[4 * n + i] = old != NULL ? drop(old) : 0;
    }
    print_spread("pools, endpoints and claims told", ms, n);
    print_spread("settled", ms + n, n);
    print_spread("frozen", ms + 2 * n, n);
    print_spread("all that, and the builder freed", ms + 3 * n, n);
    print_spread("an old table freed", ms + 4 * n, n);
    free(ms);
    return t;
}

static struct table *measure_amendments(struct registry *r, struct table *t, unsigned hosts,
                                        size_t n)
{
    double *ms = calloc(n, sizeof(*ms)), first;

    need(ms != NULL && n > 0, "no memory");
    t = amend(r, t, 0, 1, &first);
    printf("%-44s %.3f ms\n", "the first amendment of a pool", first);
    for (size_t i = 0; i < n; i++) {
        t = amend(r, t, (unsigned)(i * 7919u % hosts), 2 + (unsigned)(i / hosts), &ms[i]);
    }
    print_spread("an amendment, the table before freed", ms, n);
    free(ms);
    return t;
}

static struct table *measure_hosts(struct registry *r, struct table *t, unsigned hosts, size_t n)
{
    double *ms = calloc(2 * n, sizeof(*ms));

    need(ms != NULL && n > 0, "no memory");
    for (size_t i = 0; i < n; i++) {
        t = add_one(r, t, hosts + (unsigned)i, &ms[i]);
        t = drop_one(r, t, hosts + (unsigned)i, &ms[n + i]);
    }
    print_spread("a host more, the table before freed", ms, n);
    print_spread("and less", ms + n, n);
    free(ms);
    return t;
}

/* ---- look-ups ------------------------------------------------------------------------------- */

/* Names that are there, in no order, each made before it is timed. */
static void measure_lookups(const struct table *t, unsigned hosts)
{
    enum { NAMES = 1024, ROUNDS = 200 };
    static char names[NAMES][64];
    double start, spent = 0;
    unsigned at = 1;
    size_t found = 0;

    for (unsigned k = 0; k < ROUNDS; k++) {
        for (unsigned i = 0; i < NAMES; i++) {
            at = at * 1664525u + 1013904223u;
            snprintf(names[i], sizeof(names[i]), HOST, (at >> 8) % hosts);
        }
        start = cpu_ms();
        for (unsigned i = 0; i < NAMES; i++) {
            enum table_match match;

            found += table_lookup(t, names[i], strlen(names[i]), &match) != NULL;
        }
        spent += cpu_ms() - start;
    }
    need(found == (size_t)NAMES * ROUNDS, "a host is missing");
    printf("%-44s %.0f ns\n", "a look-up", spent * 1e6 / NAMES / ROUNDS);
}

int main(void)
{
    unsigned hosts = number_from("HOSTS", 100000);
    struct registry *r = registry_new(0, 0);
    long before = status_kib("VmRSS");
    struct table *t;

    need(r != NULL && hosts > 0, "no memory");
    t = measure_builds(r, hosts, number_from("BUILDS", 5));
    printf("%-44s %zu, %.1f for each host\n", "bytes of a table", table_bytes(t),
           (double)table_bytes(t) / hosts);
    measure_lookups(t, hosts);
    t = measure_amendments(r, t, hosts, number_from("AMENDMENTS", 200));
    t = measure_hosts(r, t, hosts, number_from("AMENDMENTS", 200));
    printf("%-44s %ld KiB settled, %ld KiB at most\n", "resident, states and all",
           status_kib("VmRSS") - before, status_kib("VmHWM") - before);
    (void)drop(t);
    (void)registry_sweep(r);
    registry_free(r);
    return 0;
}
