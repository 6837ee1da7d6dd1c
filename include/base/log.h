/**
 * log - one line per event, as key=value text or JSON, with untrusted text escaped and cut.
 *
 * A line is built in place on the stack and handed to the calling thread's ring (see logring.h); a
 * thread without a ring, or a process before its log thread runs, writes straight to the stream.
 * Library code (base, tls, route, model) never logs; the layer that decides does.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"

struct logring;
struct netaddr;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };
enum log_stream { LOG_ACCESS, LOG_MAIN }; /* stdout, stderr */
#define LOG_STREAMS 2

/** Set level and format for the process; before threads start. */
void log_configure(enum log_level level, enum log_format format);

/** Whether a line of this level would be written; test it before gathering costly values. */
bool log_enabled(enum log_level level);

/** From now on the calling thread's lines go to `ring` (borrowed); NULL: straight to the stream. */
void log_use_ring(struct logring *ring);

/** One line with a message and nothing else, if the level is enabled. */
void log_message(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) log_message(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_message(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_message(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_message(LOG_ERROR, __VA_ARGS__)

/**
 * A line being built.  log_line_begin() writes the time and, for LOG_MAIN, level and msg; the
 * setters add fields in the order called; log_line_send() ends and hands it over.  A line that
 * grows past LIMIT_LOG_LINE loses its last fields and gains truncated=true.  Keys are literals of
 * ours; values may be anything.
 */
struct log_line {
    char text[LIMIT_LOG_LINE];
    size_t len;
    enum log_stream stream;
    bool truncated;
};

/** Start a main-stream line: time, level, msg. */
void log_line_begin(struct log_line *l, enum log_level level, const char *msg);

/** Start an access line: time only. */
void log_line_begin_access(struct log_line *l);

/** Add text of any origin; escaped, cut at LIMIT_LOG_VALUE bytes; NULL or empty is "-" (JSON:
 * null). */
void log_line_str(struct log_line *l, const char *key, const char *value);
void log_line_strn(struct log_line *l, const char *key, const char *value, size_t len);
void log_line_uint(struct log_line *l, const char *key, uint64_t value);
/** Microseconds, written as milliseconds with three digits after the point ("12.345"). */
void log_line_ms(struct log_line *l, const char *key, uint64_t us);
/** An address with its port; "-" (JSON: null) for none. */
void log_line_addr(struct log_line *l, const char *key, const struct netaddr *a);

/** End the line with a newline and hand it over. */
void log_line_send(struct log_line *l);

#endif
