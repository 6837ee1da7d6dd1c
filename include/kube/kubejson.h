/**
 * kubejson - one JSON object out of bytes that others wrote.
 */
#ifndef KUBE_KUBEJSON_H
#define KUBE_KUBEJSON_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"

/**
 * The object that `text` is, all of it but for blanks around it; it needs no terminator.  0,
 * -EBADMSG when it is anything else, or has a NUL in it, or -ENOMEM.  Of keys that come twice
 * cJSON's readers take the first.  cJSON bounds the depth (1000).
 */
MUST_CHECK int kubejson_parse(const char *text, size_t len, cJSON **out);

#endif
