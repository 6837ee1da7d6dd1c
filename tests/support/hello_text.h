/**
 * hello_text - bytes from the text of a test's data: characters with escapes, hex digits, files.
 */
#ifndef SUPPORT_HELLO_TEXT_H
#define SUPPORT_HELLO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "support/hello_builder.h"

/** Append what TEXT says: escapes are \xNN, \r, \n and \\; {x*N} is x, N times over. */
MUST_CHECK bool hello_text_add(struct hello_bytes *b, const char *text);

/** Append what HEX says: pairs of digits; {x*N} as above. */
MUST_CHECK bool hello_text_add_hex(struct hello_bytes *b, const char *hex);

/** Append the bytes of a .hex file: 0xNN or NN, separated by commas and space, behind comments of
 * C. */
MUST_CHECK bool hello_text_add_file(struct hello_bytes *b, const char *path);

/** A number and nothing behind it; `base` as strtoul()'s. */
MUST_CHECK bool hello_text_number(const char *text, int base, size_t *out);

#endif
