/**
 * logring - a bounded ring of finished lines from one thread to the log thread.
 *
 * One producer, one consumer, no lock.  Each stream has its own room, so that lines of a blocked
 * stream never stand before those of the other.  A full ring drops the line and counts it: a
 * thread that carries traffic never waits for a log.
 */
#ifndef BASE_LOGRING_H
#define BASE_LOGRING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"

struct logring;

/**
 * How producers wake a sleeping consumer.  The consumer sets `wanted`, looks at its rings once
 * more (logring_has_lines) and only then waits for `event_fd`; the first push clears `wanted` and
 * rings.  So a push costs a system call only when there is somebody to wake.
 */
struct logring_bell {
    atomic_bool wanted;
    int event_fd; /* an eventfd, non-blocking */
};

/** Receives one whole line; returns false to keep this line and the rest of its stream. */
typedef bool (*logring_line_fn)(void *ctx, enum log_stream stream, const char *line, size_t len);

/** A ring of `bytes` (a power of two) for each stream.  Returns NULL without memory. */
MUST_CHECK struct logring *logring_new(size_t bytes);

/** Free it and the lines still waiting.  NULL is ignored. */
void logring_free(struct logring *r);

/** Ring `bell` (borrowed) after a push when wanted.  Before the first push. */
void logring_set_bell(struct logring *r, struct logring_bell *bell);

/**
 * Append a line.  Returns false when it did not fit: dropped and counted.  Lines up to half of the
 * ring fit whenever it is empty.  Thread: the producer.  Cost: a copy and two atomics.
 */
bool logring_push(struct logring *r, enum log_stream stream, const char *line, size_t len);

/**
 * Hand the lines that wait now, each stream in order, to `fn`; later ones wait for the next call.
 * Returns the number of lines taken.  Thread: the consumer.
 */
size_t logring_drain(struct logring *r, logring_line_fn fn, void *ctx);

/** Whether lines of `stream` wait.  Ordered after the consumer's `wanted`.  Thread: the consumer.
 */
bool logring_has_lines(const struct logring *r, enum log_stream stream);

/** Lines dropped so far.  Thread: any. */
uint64_t logring_dropped(const struct logring *r, enum log_stream stream);

#endif
