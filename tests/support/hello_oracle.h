/**
 * hello_oracle - what another program reads in a first flight, held against the row.
 */
#ifndef SUPPORT_HELLO_ORACLE_H
#define SUPPORT_HELLO_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

#include "support/hello_rows.h"

/** Words of an oracle that are no names. */
#define HELLO_ORACLE_NONE    "none"    /* a hello without a name */
#define HELLO_ORACLE_REFUSED "refused" /* no hello it would go on with */
#define HELLO_ORACLE_MORE    "more"    /* not whole yet */

/** Room for a name of 255 bytes, the most that OpenSSL takes, each of them escaped. */
#define HELLO_ORACLE_WORD_MAX 1024

/** Make a name a word of the file: escaped where it is not printable, cut where it is longer. */
void hello_oracle_word(const void *name, size_t len, char out[HELLO_ORACLE_WORD_MAX]);

/**
 * Whether `said` is what the row expects, or is the disagreement `listed` with it: a new one and
 * one that has gone are both told on stderr.
 */
bool hello_oracle_holds(const struct hello_row *r, const struct hello_oracle *listed,
                        const char *said);

#endif
