/**
 * optionpairs - options that are each good and do not go together.
 */
#ifndef APP_OPTIONPAIRS_H
#define APP_OPTIONPAIRS_H

#include "app/options.h"
#include "base/attr.h"
#include "base/err.h"

/** 0, or -EINVAL with `e` naming both and the mend. */
MUST_CHECK int optionpairs_check(const struct options *o, struct err *e);

#endif
