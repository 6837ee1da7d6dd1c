/**
 * err - words for a failure, written where it is understood and printed where it is decided on.
 *
 * Functions return 0 or -errno; where a person will read about it they also fill a struct err.
 * Fixed size, so reporting a failure cannot fail.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/attr.h"

struct err {
    char text[512]; /* always terminated; "" when nothing was said */
};

/** Forget what was said.  Thread: the owner of `e`. */
void err_clear(struct err *e);

/** Say what is wrong, where and how to mend it; too long a text is cut.  NULL `e` is ignored. */
void err_set(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Put a context in front of what was said, as "context: text".  NULL `e` is ignored. */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
