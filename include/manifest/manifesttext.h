/**
 * manifesttext - the text of a manifest to objects.
 */
#ifndef MANIFEST_MANIFESTTEXT_H
#define MANIFEST_MANIFESTTEXT_H

#include <stddef.h>

#include "base/attr.h"
#include "manifest/manifestfile.h"

/**
 * Decode every object of a text into `out`, an initialised content.  An object that cannot be used
 * keeps its last version, if `want` knows one.
 *
 * Returns 0, -EINVAL when the text as a whole cannot be parsed (one verdict is then all there is),
 * -ENOMEM.
 */
MUST_CHECK int manifesttext_decode(const struct manifestfile_request *want, const char *text,
                                   size_t len, struct manifestcontent *out);

#endif
