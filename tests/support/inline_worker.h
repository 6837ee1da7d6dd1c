/**
 * inline_worker - a worker without a thread: the test turns its loop and owns its clock.
 *
 * Between two turns nothing moves, so a test may look at any connection's inside, let any call fail
 * and let hours pass.  What the worker's own thread does around the loop is tested elsewhere.
 */
#ifndef SUPPORT_INLINE_WORKER_H
#define SUPPORT_INLINE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "proxy/worker.h"
#include "support/proxy_fixture.h"

/** How long INLINE_UNTIL tries before it fails the test. */
#define INLINE_PATIENCE_MS 10000u

struct inline_worker {
    struct proxy_fixture f; /* its policy holds from inline_worker_open() */
    struct worker_shared shared;
    struct worker *w;      /* NULL while not open */
    struct netaddr addr;   /* its listener */
    struct logring *log;   /* what it says */
    uint64_t ended_before; /* connections that routes counted before it was open */
};

/** For cmocka_unit_test_setup_teardown(): *state is one with a fixture, not open. */
int inline_worker_setup(void **state);

/** Close it if need be and see that nothing was leaked: gauges, connections, tables, descriptors.
 */
int inline_worker_teardown(void **state);

/** Make the worker, with `t` adopted and one listener open. */
void inline_worker_open(struct inline_worker *iw, struct table *t);

/** From now on there may be `max` connections, those that are open included. */
void inline_worker_set_cap(struct inline_worker *iw, uint32_t max);

/** Connections that count against the cap. */
uint64_t inline_worker_open_connections(const struct inline_worker *iw);

/** End what is left with reason `drain`, see that what was counted fits together, and free the
 * worker. */
void inline_worker_close(struct inline_worker *iw);

/** One turn of the loop that waits for nothing, then the deadlines that are due, then the reaper.
 */
void inline_worker_turn(struct inline_worker *iw);

/** Let `ms` pass on its clock, and look at the deadlines. */
void inline_worker_pass(struct inline_worker *iw, uint64_t ms);

/** A client's socket, connected and accepted. */
int inline_worker_dial(struct inline_worker *iw);

/** Connections in `state`; the latest of them, or NULL. */
size_t inline_worker_count(const struct inline_worker *iw, enum conn_state state);
struct conn *inline_worker_conn(const struct inline_worker *iw, enum conn_state state);

/** Connections of any state but ENDED. */
size_t inline_worker_live(const struct inline_worker *iw);

/** What was counted with and without a route, all together. */
void inline_worker_totals(const struct inline_worker *iw, struct route_totals *out);

/** What the worker counted as ended for this reason. */
uint64_t inline_worker_ended(const struct inline_worker *iw, enum end_reason why);

/** What was said on `stream` since last asked: terminated lines; returns how many. */
size_t inline_worker_log(struct inline_worker *iw, enum log_stream stream, char *out, size_t room);

/** Monotonic milliseconds of the kernel, for patience only. */
uint64_t inline_worker_real_ms(void);

/** Turn the loop until `cond` holds. */
#define INLINE_UNTIL(iw, cond)                                                                     \
    do {                                                                                           \
        uint64_t until_ = inline_worker_real_ms() + INLINE_PATIENCE_MS;                            \
        while (!(cond)) {                                                                          \
            inline_worker_turn(iw);                                                                \
            if (inline_worker_real_ms() > until_) {                                                \
                fail_msg("waited in vain for: %s", #cond);                                         \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/** Turn the loop until the test's socket `fd` has received exactly these bytes. */
void inline_worker_expect(struct inline_worker *iw, int fd, const void *bytes, size_t len);

/** Likewise until the next thing it sees is a FIN, or a reset. */
void inline_worker_expect_eof(struct inline_worker *iw, int fd);
void inline_worker_expect_reset(struct inline_worker *iw, int fd);

/** Likewise until `listener` has a connection; returns it, non-blocking. */
int inline_worker_accept(struct inline_worker *iw, int listener);

/** Write all of it, turning the loop while the kernel takes no more. */
void inline_worker_write(struct inline_worker *iw, int fd, const void *bytes, size_t len);

/** Whether the worker makes no call that failsys counts while it turns and turns, `ms` passing each
 * time; it may make some in the first few turns. */
bool inline_worker_rests(struct inline_worker *iw, uint64_t ms);

/** Read and drop what comes until a FIN (true) or a reset (false); *read_out counts the bytes. */
bool inline_worker_drain(struct inline_worker *iw, int fd, uint64_t *read_out);

/** Write the stream `seed` (support/pattern.h) until nobody behind `fd` takes more for 50 ms.
 * Returns how much went. */
uint64_t inline_worker_flood(struct inline_worker *iw, int fd, uint64_t seed);

/** Read exactly the first `bytes` of the stream `seed`. */
void inline_worker_expect_stream(struct inline_worker *iw, int fd, uint64_t seed, uint64_t bytes);

/** A relayed connection: *client_out and *server_out are the test's ends of it, the hello read. */
void inline_worker_relay(struct inline_worker *iw, int *client_out, int *server_out);

#endif
