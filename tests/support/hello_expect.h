/**
 * hello_expect - cmocka assertions on what the parser makes of a ClientHello.
 *
 * A hello is expected to mean the same however it is cut, so that one line of a test stands for
 * thousands of feeds, every one of them in front of a guard page.
 */
#ifndef SUPPORT_HELLO_EXPECT_H
#define SUPPORT_HELLO_EXPECT_H

#include <stddef.h>

#include "support/guard_page.h"
#include "support/hello_builder.h"
#include "support/hello_check.h"
#include "tls/clienthello.h"

/** Group fixtures; between them the guard page that every feed stands in front of. */
int hello_expect_set_up(void **state);
int hello_expect_tear_down(void **state);
extern struct guard_page hello_expect_guard;

struct hello_expected {
    enum clienthello_result result;
    enum alert_code alert;
    const char *name; /* NULL: it has none */
    const char *alpn; /* NULL as "" */
    unsigned versions;
    unsigned features; /* CLIENTHELLO_MULTI_RECORD left out */
};

/** Hold every field of an outcome to something: one left unwritten would show. */
void hello_expect_outcome(const struct hello_outcome *o, const struct hello_expected *want);

/** Feed a message in one record: whole, cut at every byte into two feeds, and one byte at a time;
 * every prefix shorter than what proves the result must ask for more.  Then in two records with the
 * border at every byte, and in records of one byte. */
void hello_expect_message(const struct hello_bytes *message, const struct hello_expected *want);

/** The same with the message inside the records of `raw`. */
void hello_expect_rerecorded(const struct hello_bytes *raw, const struct hello_expected *want);

/** End the hello, feed it as hello_expect_message(), and free it. */
void hello_expect_hello(struct hello *h, const struct hello_expected *want);

/** As hello_expect_hello(), but fed once: for hellos too large to be cut everywhere. */
void hello_expect_hello_once(struct hello *h, const struct hello_expected *want);

/** Feed bytes that are no hello, cut everywhere into two feeds and one byte at a time. */
void hello_expect_bytes(const void *bytes, size_t len, enum clienthello_result result,
                        enum alert_code alert);

#endif
