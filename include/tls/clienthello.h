/**
 * clienthello - a ClientHello's bytes to the few facts a passthrough proxy needs.
 *
 * The only ClientHello parser of the program (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).
 * Incremental over TCP segments and TLS records; pure: no socket, no clock, no allocation.  Strict
 * where a proxy and a backend could otherwise read different names, indifferent to everything it
 * does not know (GREASE, unknown versions, ciphers and extensions).  Whether host_name is a *valid*
 * DNS name is not decided here: see route/hostname.h.
 *
 * Use: clienthello_init(), then clienthello_feed() with all bytes so far each time more arrive,
 * until the result is not CLIENTHELLO_MORE.
 */
#ifndef TLS_CLIENTHELLO_H
#define TLS_CLIENTHELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/limits.h"
#include "tls/alert.h"
#include "tls/record.h"

/** The longest host_name kept; a longer one cannot be a DNS name and is malformed(47). */
#define CLIENTHELLO_NAME_MAX 256

enum clienthello_result {
    CLIENTHELLO_MORE, /* incomplete; never to be taken for "no name" */
    CLIENTHELLO_OK,   /* complete, well-formed; it may have no name */
    CLIENTHELLO_NOT_TLS,
    CLIENTHELLO_MALFORMED, /* info.alert says which alert */
    CLIENTHELLO_TOO_LARGE,
};

/** TLS versions offered, as a set. */
enum clienthello_version {
    CLIENTHELLO_TLS10 = 1 << 0,
    CLIENTHELLO_TLS11 = 1 << 1,
    CLIENTHELLO_TLS12 = 1 << 2,
    CLIENTHELLO_TLS13 = 1 << 3,
};

/** Things worth counting, as a set. */
enum clienthello_feature {
    CLIENTHELLO_PQ_KEY_SHARE = 1 << 0, /* a key_share entry of a post-quantum group */
    CLIENTHELLO_ECH = 1 << 1, /* encrypted_client_hello, real outer or GREASE (they look alike) */
    CLIENTHELLO_EARLY_DATA = 1 << 2,
    CLIENTHELLO_MULTI_RECORD = 1 << 3,
};

/**
 * What a complete hello said.  After CLIENTHELLO_OK all of it is valid; after an error `alert` and
 * `why` are and the rest is zero, so that half a name is never logged or routed.
 */
struct clienthello_info {
    bool has_name;                   /* a server_name extension with a non-empty host_name */
    uint16_t name_len;               /* bytes in name; any bytes but they fit */
    char name[CLIENTHELLO_NAME_MAX]; /* as sent, not terminated, not validated */
    uint16_t alpn_len;
    char alpn[LIMIT_ALPN_TEXT]; /* protocol names as sent, joined by ',', cut between names */
    uint8_t versions;           /* enum clienthello_version set */
    uint8_t features;           /* enum clienthello_feature set */
    uint32_t raw_bytes;         /* size on the wire, record headers included */
    enum alert_code alert;      /* the answer RFC 8446 wants; ALERT_NONE after CLIENTHELLO_OK */
    const char *why;            /* a static phrase for the log, NULL unless an error */
};

struct clienthello {
    struct record_scan scan;
};

void clienthello_init(struct clienthello *h);

/**
 * Look at `raw`, all `len` bytes received so far.  `max_bytes`, the same in every call, is the cap
 * on the raw hello.  `info` is written, all of it, when the result is not CLIENTHELLO_MORE; the
 * hello is then done with and must not be fed again.
 *
 * Errors of framing are told as early as their byte is there (see record_scan_feed); what is inside
 * the message is checked once it is whole.  The result does not depend on how the bytes were cut
 * into segments, nor, within the cap, into records.  Cost: linear in bytes over all calls together.
 * Thread: any; no shared state.
 */
MUST_CHECK enum clienthello_result clienthello_feed(struct clienthello *h, const uint8_t *raw,
                                                    size_t len, size_t max_bytes,
                                                    struct clienthello_info *info);

#endif
