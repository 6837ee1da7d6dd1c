/**
 * optionstore - one option's value, parsed as its row says, into its field of struct options.
 *
 * Between options (which knows where values come from) and optionvalue (which knows how numbers are
 * written).
 */
#ifndef APP_OPTIONSTORE_H
#define APP_OPTIONSTORE_H

#include <stddef.h>

#include "app/optiontable.h"
#include "base/attr.h"
#include "base/err.h"

/**
 * Parse `value` and set the field; a list grows by its entries.  The text is copied.  Returns 0,
 * -EINVAL or -ENOMEM with `e` saying what is wrong, without the option's name.
 */
MUST_CHECK int optionstore_set(struct options *o, const struct optiontable_row *row,
                               const char *value, struct err *e);

/** Add a copy of `len` bytes of text to a list of `o`.  0 or -ENOMEM. */
MUST_CHECK int optionstore_append(struct options *o, struct options_list *l, const char *text,
                                  size_t len);

#endif
