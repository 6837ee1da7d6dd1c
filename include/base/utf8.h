/**
 * utf8 - where characters end in bytes of any origin.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The length of the well-formed sequence (RFC 3629) of one to four bytes that `s` begins with, of
 * `n` > 0 bytes; 0 when what stands there is none.
 */
size_t utf8_len(const char *s, size_t n);

/**
 * Whether the sequence of `len` bytes (as utf8_len() says) is a control character: below U+0020,
 * U+007F, and U+0080 to U+009F, which a terminal obeys as well.
 */
bool utf8_is_control(const char *s, size_t len);

/** How many of the `n` bytes at `s` may go to a terminal as they are: well-formed, none of control.
 */
size_t utf8_plain_run(const char *s, size_t n);

#endif
