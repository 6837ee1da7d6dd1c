/**
 * yamlsyntax - what libyaml complains about, in words that help: nearest line and mend.
 */
#ifndef MANIFEST_YAMLSYNTAX_PRIV_H
#define MANIFEST_YAMLSYNTAX_PRIV_H

#include <yaml.h>

#include "base/attr.h"

struct docbuild;

/** The text that was parsed; borrowed. */
struct yamlsyntax_text {
    const char *start, *end;
};

/**
 * Fill the error of `b` with that of a parser that has just failed.  Returns -EINVAL, or -ENOMEM
 * when the text was not to blame.
 */
MUST_CHECK int yamlsyntax_fail(struct docbuild *b, const struct yamlsyntax_text *text,
                               const yaml_parser_t *parser);

#endif
