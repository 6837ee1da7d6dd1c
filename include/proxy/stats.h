/**
 * stats - what is counted: X-lists make the cells, their sums and the words of every label.
 *
 * Three kinds, all with a single writer (one worker) and any reader, so that counting is a relaxed
 * load and store and nobody asks a worker anything: per listener (struct listener_stats), per route
 * (struct route_cells) and per worker (struct stats).  Each has a twin of plain numbers that sums
 * are made in.  Words are those of the metrics and of the access log; every set is closed.
 */
#ifndef PROXY_STATS_H
#define PROXY_STATS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/histogram.h"

/* Per listener. */

/** Why a connection was refused before it began: enumerator, word.  One that the descriptor kept in
 * reserve was spent on counts as refused and not as accepted; all others are both. */
#define STATS_REFUSALS(X)                                                                          \
    X(REFUSED_MAX_CONNECTIONS, "max_connections")                                                  \
    X(REFUSED_PER_CLIENT, "per_client")                                                            \
    X(REFUSED_DESCRIPTORS, "descriptors") /* or memory */

/** Outcome of reading a hello. */
#define STATS_HELLO_RESULTS(X)                                                                     \
    X(HELLO_OK, "ok")                                                                              \
    X(HELLO_NO_NAME, "no_name")                                                                    \
    X(HELLO_NOT_TLS, "not_tls")                                                                    \
    X(HELLO_MALFORMED, "malformed")                                                                \
    X(HELLO_TOO_LARGE, "too_large")                                                                \
    X(HELLO_TIMEOUT, "timeout")                                                                    \
    X(HELLO_EOF, "eof")

/**
 * What a complete, well-formed hello had; any number of them.  ech_outer counts every
 * encrypted_client_hello extension: GREASE is made to look like a real one (RFC 9849 6.2), so
 * nobody but the backend can tell them apart.  legacy: TLS 1.1 is the best it offers.
 */
#define STATS_HELLO_FEATURES(X)                                                                    \
    X(FEATURE_PQ_KEYSHARE, "pq_keyshare")                                                          \
    X(FEATURE_TLS13, "tls13")                                                                      \
    X(FEATURE_TLS12, "tls12")                                                                      \
    X(FEATURE_LEGACY, "legacy")                                                                    \
    X(FEATURE_ECH_OUTER, "ech_outer")                                                              \
    X(FEATURE_MULTI_RECORD, "multi_record")                                                        \
    X(FEATURE_MULTI_SEGMENT, "multi_segment") /* was not complete with the first read */           \
    X(FEATURE_NO_SNI, "no_sni")

/** How the route of a complete hello was found; default is the catch-all. */
#define STATS_MATCHES(X)                                                                           \
    X(MATCH_EXACT, "exact")                                                                        \
    X(MATCH_WILDCARD, "wildcard")                                                                  \
    X(MATCH_DEFAULT, "default")                                                                    \
    X(MATCH_NONE, "none")

/** Where a connection is now; half_closed: relaying, one FIN seen. */
#define STATS_PHASES(X)                                                                            \
    X(PHASE_PEEK, "peek")                                                                          \
    X(PHASE_CONNECT, "connect")                                                                    \
    X(PHASE_RELAY, "relay")                                                                        \
    X(PHASE_HALF_CLOSED, "half_closed")                                                            \
    X(PHASE_LINGER, "linger")

/* Per route. */

/** Why a connection ended. */
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

/** How a dial ended; one that was given up because its client left is none of them. */
#define STATS_DIALS(X)                                                                             \
    X(DIAL_OK, "ok")                                                                               \
    X(DIAL_REFUSED, "refused")                                                                     \
    X(DIAL_TIMEOUT, "timeout")                                                                     \
    X(DIAL_UNREACHABLE, "unreachable")                                                             \
    X(DIAL_NO_PORT, "no_port") /* no local port was left: ours, not the endpoint's */              \
    X(DIAL_ERROR, "error")

/** Why a connection with a route was not let through. */
#define STATS_DENIALS(X) X(DENIED_NO_ENDPOINTS, "no_endpoints")

#define STATS_ENUM(id, word) id,
enum refused_reason { STATS_REFUSALS(STATS_ENUM) REFUSALS };
enum hello_result { STATS_HELLO_RESULTS(STATS_ENUM) HELLO_RESULTS };
enum hello_feature { STATS_HELLO_FEATURES(STATS_ENUM) HELLO_FEATURES };
enum route_match { STATS_MATCHES(STATS_ENUM) MATCHES };
enum conn_phase { STATS_PHASES(STATS_ENUM) PHASES };
enum end_reason { STATS_END_REASONS(STATS_ENUM) END_REASONS };
enum dial_result { STATS_DIALS(STATS_ENUM) DIALS };
enum denied_reason { STATS_DENIALS(STATS_ENUM) DENIALS };
#undef STATS_ENUM

/** The cells of a listener.  accepted - (the sum of active) is what has ended. */
#define STATS_LISTENER_CELLS(CELL)                                                                 \
    CELL accepted;       /* those over a cap included */                                           \
    CELL active[PHASES]; /* a gauge: each worker's is exact and never below 0 */                   \
    CELL hello[HELLO_RESULTS];                                                                     \
    CELL match[MATCHES];                                                                           \
    CELL features[HELLO_FEATURES];                                                                 \
    CELL refused[REFUSALS];                                                                        \
    CELL hello_size[HISTOGRAM_CELLS(HISTOGRAM_HELLO_SIZE_BOUNDS)];                                 \
    CELL hello_duration[HISTOGRAM_CELLS(HISTOGRAM_HELLO_DURATION_BOUNDS)];

/**
 * The cells of a route, and of a worker's connections without one.  Bytes are counted as they
 * flow; everything else when it happens.  Every connection is in `closed` and in
 * `connection_duration` once.
 */
#define STATS_ROUTE_CELLS(CELL)                                                                    \
    CELL received_bytes; /* read from clients */                                                   \
    CELL sent_bytes;     /* written to clients */                                                  \
    CELL dials[DIALS];                                                                             \
    CELL connect_duration[HISTOGRAM_CELLS(HISTOGRAM_CONNECT_DURATION_BOUNDS)];                     \
    CELL connection_duration[HISTOGRAM_CELLS(HISTOGRAM_CONNECTION_DURATION_BOUNDS)];               \
    CELL closed[END_REASONS];                                                                      \
    CELL retries;   /* dials to a further endpoint */                                              \
    CELL ejections; /* an endpoint is passed over from now on */                                   \
    CELL denied[DENIALS];

/** What belongs to the worker: name, help. */
#define STATS_COUNTERS(X)                                                                          \
    X(accept_errors, "accept failures that were not the peer's")                                   \
    X(tables_adopted, "tables taken over")

struct listener_stats {
    STATS_LISTENER_CELLS(_Atomic uint64_t)
} __attribute__((aligned(64)));

struct listener_totals {
    STATS_LISTENER_CELLS(uint64_t)
};

struct route_cells {
    STATS_ROUTE_CELLS(_Atomic uint64_t)
};

struct route_totals {
    STATS_ROUTE_CELLS(uint64_t)
};

/** How many cells a registry keeps for a route (route/registry.h). */
#define STATS_N_ROUTE_CELLS (sizeof(struct route_totals) / sizeof(uint64_t))

#define STATS_CELL(name, help)  _Atomic uint64_t name;
#define STATS_TOTAL(name, help) uint64_t name;

struct stats {
    STATS_COUNTERS(STATS_CELL)
    _Atomic uint64_t lines_held_back[END_REASONS]; /* access lines, see connlog.h */
};

struct stats_totals {
    STATS_COUNTERS(STATS_TOTAL)
    uint64_t lines_held_back[END_REASONS];
};

#undef STATS_CELL
#undef STATS_TOTAL

/** Add to a cell.  Thread: its only writer. */
static inline void stats_add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/** Take from a gauge.  Thread: its only writer. */
static inline void stats_sub(_Atomic uint64_t *cell, uint64_t n)
{
    stats_add(cell, (uint64_t)0 - n);
}

/** Add one worker's cells to a sum.  Thread: any; each cell is exact, all together no snapshot. */
void stats_sum_listener(struct listener_totals *sum, const struct listener_stats *s);
void stats_sum_route(struct route_totals *sum, const struct route_cells *s);
void stats_sum(struct stats_totals *sum, const struct stats *s);

/** The words for logs and labels. */
const char *stats_refused_word(enum refused_reason r);
const char *stats_hello_word(enum hello_result r);
const char *stats_feature_word(enum hello_feature f);
const char *stats_match_word(enum route_match m);
const char *stats_phase_word(enum conn_phase p);
const char *stats_end_word(enum end_reason r);
const char *stats_dial_word(enum dial_result r);
const char *stats_denied_word(enum denied_reason r);

#endif
