/**
 * hello_check - feed a ClientHello in every way that must not matter, and compare what comes out.
 *
 * Used by the parser's unit test and its fuzzer.
 */
#ifndef SUPPORT_HELLO_CHECK_H
#define SUPPORT_HELLO_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/hello_builder.h"
#include "tls/clienthello.h"

struct guard_page;

/** What a parser said, and at which byte. */
struct hello_outcome {
    enum clienthello_result result;
    size_t fed;                   /* bytes it had seen by then */
    struct clienthello_info info; /* all 0xa5 when the result is CLIENTHELLO_MORE */
};

/**
 * Feed a new parser `raw` up to `steps[0]` bytes, then `steps[1]` more and so on, the last step
 * repeated until the end or a result.  Each time the parser sees a copy that ends at a guard page.
 * Steps are not 0.
 */
struct hello_outcome hello_check_feed(struct guard_page *guard, const struct hello_bytes *raw,
                                      size_t max_bytes, const size_t *steps, size_t n);

/** All at once. */
struct hello_outcome hello_check_whole(struct guard_page *guard, const struct hello_bytes *raw,
                                       size_t max_bytes);

/** Whether both say the same of the message: everything but its size and number of records. */
bool hello_check_same(const struct hello_outcome *a, const struct hello_outcome *b);

/** Append the handshake message inside the records of a hello that parsed. */
void hello_check_message(const struct hello_bytes *raw, struct hello_bytes *message);

#endif
