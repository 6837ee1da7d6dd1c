/**
 * stats - what a worker counts: one X-list makes the struct, the sum and the names.
 *
 * Single writer (the worker), any reader; relaxed atomics, so no lock and no request to the worker.
 * Names and words are those of the metrics (without prefix) and of the access log.
 */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <stdatomic.h>
#include <stdint.h>

/** Plain counters: name, what it counts. */
#define STATS_COUNTERS(X)                                                                          \
    X(accepted, "connections accepted")                                                            \
    X(refused_max_connections, "connections refused by --max-connections")                         \
    X(refused_per_client, "connections refused by --max-connections-per-client")                   \
    X(refused_descriptors, "connections refused for lack of descriptors or memory")                \
    X(accept_errors, "accept failures that were not the peer's")                                   \
    X(connect_ok, "dials that succeeded")                                                          \
    X(connect_refused, "dials refused by the endpoint")                                            \
    X(connect_timeout, "dials that ran into --connect-timeout")                                    \
    X(connect_error, "dials that failed otherwise")                                                \
    X(connect_retries, "dials to a further endpoint")                                              \
    X(match_exact, "names routed by an exact host")                                                \
    X(match_wildcard, "names routed by a wildcard")                                                \
    X(match_catch_all, "connections routed by the catch-all")                                      \
    X(match_none, "names without a route")                                                         \
    X(received_bytes, "bytes read from clients")                                                   \
    X(sent_bytes, "bytes written to clients")                                                      \
    X(tables_adopted, "tables taken over")

/** Outcome of reading a hello: enumerator, word. */
#define STATS_HELLO_RESULTS(X)                                                                     \
    X(HELLO_OK, "ok")                                                                              \
    X(HELLO_NO_NAME, "no_name")                                                                    \
    X(HELLO_NOT_TLS, "not_tls")                                                                    \
    X(HELLO_MALFORMED, "malformed")                                                                \
    X(HELLO_TOO_LARGE, "too_large")                                                                \
    X(HELLO_TIMEOUT, "timeout")                                                                    \
    X(HELLO_EOF, "eof")

/** Why a connection ended: enumerator, word.  A closed set. */
#define STATS_END_REASONS(X)                                                                       \
    X(END_CLIENT_EOF, "client_eof")                                                                \
    X(END_SERVER_EOF, "server_eof")                                                                \
    X(END_CLIENT_RESET, "client_reset")                                                            \
    X(END_SERVER_RESET, "server_reset")                                                            \
    X(END_IDLE_TIMEOUT, "idle_timeout")                                                            \
    X(END_HALF_CLOSE_TIMEOUT, "half_close_timeout")                                                \
    X(END_HELLO_NO_NAME, "hello_no_name")                                                          \
    X(END_HELLO_NOT_TLS, "hello_not_tls")                                                          \
    X(END_HELLO_MALFORMED, "hello_malformed")                                                      \
    X(END_HELLO_TOO_LARGE, "hello_too_large")                                                      \
    X(END_HELLO_TIMEOUT, "hello_timeout")                                                          \
    X(END_HELLO_EOF, "hello_eof")                                                                  \
    X(END_NO_ROUTE, "no_route")                                                                    \
    X(END_NO_ENDPOINT, "no_endpoint")                                                              \
    X(END_CONNECT_FAILED, "connect_failed")                                                        \
    X(END_LIMIT, "limit")                                                                          \
    X(END_DRAIN, "drain")                                                                          \
    X(END_ERROR, "error")

#define STATS_ENUM(id, word) id,
enum hello_result { STATS_HELLO_RESULTS(STATS_ENUM) HELLO_RESULTS };
enum end_reason { STATS_END_REASONS(STATS_ENUM) END_REASONS };
#undef STATS_ENUM

/** One worker's counters; on cache lines of its own. */
struct stats {
#define STATS_FIELD(name, help) _Atomic uint64_t name;
    STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
    _Atomic uint64_t hello[HELLO_RESULTS];
    _Atomic uint64_t closed[END_REASONS];
} __attribute__((aligned(64)));

/** A sum of several, as plain numbers. */
struct stats_snapshot {
#define STATS_FIELD(name, help) uint64_t name;
    STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
    uint64_t hello[HELLO_RESULTS];
    uint64_t closed[END_REASONS];
};

/** Add to a counter.  Thread: its only writer. */
static inline void stats_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/** Add one worker's counters to a sum.  Thread: any. */
void stats_sum(struct stats_snapshot *sum, const struct stats *s);

/** The word for logs and labels. */
const char *stats_hello_word(enum hello_result r);
const char *stats_end_word(enum end_reason r);

#endif
