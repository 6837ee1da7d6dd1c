/**
 * proxy_fixture - what tests of the data plane need around it: a registry, tables, endpoints that
 * listen or refuse, a hello; and the proof that nothing is held at the end.
 *
 * Asserts with cmocka: for the main thread of a test.
 */
#ifndef SUPPORT_PROXY_FIXTURE_H
#define SUPPORT_PROXY_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"
#include "proxy/proxy.h"

struct registry;
struct table;

/** The host of every table made here. */
#define PROXY_FIXTURE_HOST   "app.proxy.test"
#define PROXY_FIXTURE_TABLES 32
/** As many workers may count by route in its registry. */
#define PROXY_FIXTURE_WORKERS 4

struct proxy_fixture {
    struct registry *registry;
    struct table *tables[PROXY_FIXTURE_TABLES];
    size_t n_tables;
    struct proxy_policy policy; /* the defaults of the program; change at will before use */
    uint8_t hello[2048];        /* a ClientHello for PROXY_FIXTURE_HOST */
    size_t hello_len;
    int backend; /* listens, non-blocking; the endpoint of proxy_fixture_simple() */
    struct netaddr backend_addr;
};

void proxy_fixture_init(struct proxy_fixture *f);

/** See that nothing holds a table and every gauge is back at 0, and free all. */
void proxy_fixture_fini(struct proxy_fixture *f);

/** A table of generation 1, 2, … in which `host` ("" for the catch-all) has `n` endpoints.  The
 * fixture holds the reference. */
struct table *proxy_fixture_table(struct proxy_fixture *f, const char *host,
                                  const struct netaddr *endpoints, size_t n);

/** The same for PROXY_FIXTURE_HOST and the backend. */
struct table *proxy_fixture_simple(struct proxy_fixture *f);

/** Connections and dials counted by the endpoints and routes of all tables. */
uint64_t proxy_fixture_load(const struct proxy_fixture *f);

/** A ClientHello for `name` (NULL: none) in `out`: of exactly `bytes` on the wire, or as short as
 * it comes where that is longer.  Returns its length. */
size_t proxy_fixture_hello(const char *name, size_t bytes, uint8_t *out, size_t room);

/** A bound socket of 127.0.0.1 that refuses connections as long as it is open. */
int proxy_fixture_refuser(struct netaddr *addr_out);

/** A listener whose queue is full: who connects waits.  Fills `fill[2]`, to be closed too. */
int proxy_fixture_staller(struct netaddr *addr_out, int fill[2]);

/** A non-blocking socket, connected to `to`, or refused there (SO_ERROR says so). */
int proxy_fixture_dial(const struct netaddr *to);

/** Likewise, and perhaps still connecting. */
int proxy_fixture_begin_dial(const struct netaddr *to);

/** Likewise with so small a receive buffer that its peer soon stops sending. */
int proxy_fixture_dial_narrow(const struct netaddr *to);

/** Wait until the kernel at the other end of `fd` has all that was written to it. */
void proxy_fixture_arrive(int fd);

/** Descriptors open in this process. */
size_t proxy_fixture_open_fds(void);

#endif
