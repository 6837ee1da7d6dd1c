#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>

void attr_assert_failed(const char *cond, const char *file, int line)
{
    (void)dprintf(2, "%s:%d: assertion failed: %s\n", file, line, cond); /* about to die anyway */
    abort();
}
