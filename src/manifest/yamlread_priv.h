/**
 * yamlread - YAML text to trees, by libyaml's events.
 */
#ifndef MANIFEST_YAMLREAD_PRIV_H
#define MANIFEST_YAMLREAD_PRIV_H

#include <stddef.h>

#include "base/attr.h"

struct docbuild;

/** Parse a text, valid UTF-8, into documents.  0; -EINVAL with the error filled; -ENOMEM. */
MUST_CHECK int yamlread_parse(const char *text, size_t len, struct docbuild *b);

#endif
