/**
 * translate_torture - translation with every allocation failing in turn.
 *
 * For programs linked with failalloc (see the Makefile).
 */
#ifndef SUPPORT_TRANSLATE_TORTURE_H
#define SUPPORT_TRANSLATE_TORTURE_H

#include <stddef.h>

#include "controller/translate.h"

/**
 * Translate the objects of `yaml` again and again, out of memory at another point each time, and
 * hold that nothing but -ENOMEM comes of it.  Returns the number of allocation points.
 */
size_t translate_torture(const struct translate_config *cfg, const char *yaml);

#endif
