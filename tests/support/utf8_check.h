/**
 * utf8_check - what RFC 3629 says of bytes, worked out from code points and not from a table: a
 * second opinion on base/utf8.h.
 */
#ifndef SUPPORT_UTF8_CHECK_H
#define SUPPORT_UTF8_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/** The length of the character at `s`, of `left` > 0 bytes; 0 when there is none. */
size_t utf8_check_len(const char *s, size_t left);

/** Whether it is UTF-8 throughout, without a control character (C0, DEL, C1). */
bool utf8_check_is_clean(const char *s, size_t len);

#endif
