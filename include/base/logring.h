/**
 * logring - a bounded ring of finished lines from one thread to the log thread.
 *
 * One producer, one consumer, no lock.  A full ring drops the line and counts it: a thread that
 * carries traffic never waits for a log.
 */
#ifndef BASE_LOGRING_H
#define BASE_LOGRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"

struct logring;

/** Receives one whole line, newline included; returns false to stop draining (the line is kept). */
typedef bool (*logring_line_fn)(void *ctx, enum log_stream stream, const char *line, size_t len);

/** A ring of `bytes` (a power of two).  Returns NULL without memory. */
MUST_CHECK struct logring *logring_new(size_t bytes);
void logring_free(struct logring *r);

/** Append a line.  Returns false when it did not fit: dropped and counted.  Thread: the producer.
 */
bool logring_push(struct logring *r, enum log_stream stream, const char *line, size_t len);

/** Hand every waiting line to `fn`.  Returns the number of lines taken.  Thread: the consumer. */
size_t logring_drain(struct logring *r, logring_line_fn fn, void *ctx);

/** Lines dropped so far.  Thread: any. */
uint64_t logring_dropped(const struct logring *r, enum log_stream stream);

#endif
