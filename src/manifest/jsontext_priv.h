/**
 * jsontext - JSON text to trees, with lines.
 *
 * JSON is not quite a subset of the YAML that libyaml reads (surrogate pairs, DEL, long keys), and
 * a valid JSON manifest must not be refused.  Reads one value or several, one behind the other or
 * with "---" between them.
 */
#ifndef MANIFEST_JSONTEXT_PRIV_H
#define MANIFEST_JSONTEXT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct docbuild;

/** Whether a text begins as a JSON object or list. */
bool jsontext_looks_like(const char *text, size_t len);

/**
 * Parse a text, valid UTF-8, into documents.  Returns 0; -EILSEQ when it is no JSON (it may still
 * be YAML); -EINVAL with the error filled when it is, but over a limit or with a key twice;
 * -ENOMEM.
 */
MUST_CHECK int jsontext_parse(const char *text, size_t len, struct docbuild *b);

#endif
