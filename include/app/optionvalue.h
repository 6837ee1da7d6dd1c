/**
 * optionvalue - the texts a user gives as option values, to numbers.
 *
 * Pure.  Every function returns 0, or -EINVAL with `e` saying what is wrong and what would be
 * right; the caller knows the option's name and puts it in front.  Nothing overflows: a number too
 * large for its type is out of range.
 */
#ifndef APP_OPTIONVALUE_H
#define APP_OPTIONVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

/** What a value may be, both ends included. */
struct optionvalue_range {
    uint64_t min, max;
};

/** "30s ": room for any duration, size or count as text. */
#define OPTIONVALUE_TEXT_MAX 32

/** A whole number without a unit. */
MUST_CHECK int optionvalue_count(const char *text, const struct optionvalue_range *range,
                                 uint64_t *out, struct err *e);

/** A whole number with ms, s, m or h, as milliseconds; `range` is in milliseconds too. */
MUST_CHECK int optionvalue_duration(const char *text, const struct optionvalue_range *range,
                                    uint64_t *ms_out, struct err *e);

/** A whole number with KiB or MiB, as bytes; `range` is in bytes. */
MUST_CHECK int optionvalue_size(const char *text, const struct optionvalue_range *range,
                                uint64_t *bytes_out, struct err *e);

/** One of `words` (NULL at the end), as its index. */
MUST_CHECK int optionvalue_word(const char *text, const char *const *words, uint64_t *index_out,
                                struct err *e);

/** on, true, off or false. */
MUST_CHECK int optionvalue_switch(const char *text, bool *out, struct err *e);

#endif
