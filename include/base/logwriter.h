/**
 * logwriter - the log thread: writes every ring to stdout and stderr, and alone may block on them.
 *
 * A stream that does not move keeps its lines in their rings and holds up nothing else: what no
 * longer fits there is dropped and counted, as are lines that a descriptor refuses.  Dropped lines
 * are summarised in a main line of their own, at most one a second.
 */
#ifndef BASE_LOGWRITER_H
#define BASE_LOGWRITER_H

#include <stdint.h>

#include "base/attr.h"
#include "base/log.h"

struct logwriter;
struct logring;

/**
 * Start the log thread.  Lines of LOG_ACCESS go to `access_fd`, LOG_MAIN to `main_fd`; both
 * borrowed and not made non-blocking.  Returns NULL without memory or thread.
 */
MUST_CHECK struct logwriter *logwriter_start(int access_fd, int main_fd);

/**
 * A ring for one thread; give it to log_use_ring() there.  It belongs to the writer and lives until
 * logwriter_stop().  Thread: any.  NULL without memory.
 */
MUST_CHECK struct logring *logwriter_add_ring(struct logwriter *w);

/** Lines lost so far over all rings.  Thread: any. */
uint64_t logwriter_dropped(const struct logwriter *w, enum log_stream stream);

/**
 * Write what waits, end the thread, free the rings.  A stream still blocked a second later
 * loses what it has not taken; a thread stuck in a write after all is left behind with its memory.
 * No thread may use its ring any more.  NULL is ignored.
 */
void logwriter_stop(struct logwriter *w);

#endif
