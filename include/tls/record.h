/**
 * record - TLS record framing in front of the first handshake message (RFC 8446 5.1).
 *
 * Two halves over the same raw bytes, which the caller keeps because they are replayed to the
 * backend anyway: a scanner that is fed as bytes arrive and says when the first handshake message
 * is whole, and a reader that walks that message across record borders.  Neither copies nor
 * allocates.  The scanner steps over payload without reading it and looks at a header again only
 * while that header is incomplete, so the work is linear however the bytes are cut.  Knows nothing
 * about sockets or what a message means.
 */
#ifndef TLS_RECORD_H
#define TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define RECORD_HEADER_BYTES    5
#define RECORD_TYPE_HANDSHAKE  22
#define HANDSHAKE_HEADER_BYTES 4
#define HANDSHAKE_CLIENT_HELLO 1

enum record_status {
    RECORD_MORE,          /* not whole yet */
    RECORD_COMPLETE,      /* the first handshake message is whole */
    RECORD_NOT_TLS,       /* the first byte is no record type, or a record version is not 3.x */
    RECORD_WRONG_TYPE,    /* a record, but not of type handshake */
    RECORD_WRONG_MESSAGE, /* a handshake message, but not a client_hello */
    RECORD_EMPTY,         /* a record without payload before the message is whole */
    RECORD_OVERFLOW,      /* a record longer than 2^14 */
    RECORD_TOO_LARGE,     /* over the cap, the message's declared length included */
    RECORD_TRAILING,      /* more handshake bytes behind the message in its last record */
};

/** Where a scan stands.  Small; lives in a connection only while its hello is read. */
struct record_scan {
    size_t offset;        /* raw bytes scanned: the start of a record header, or inside a payload */
    size_t record_left;   /* payload bytes of the current record not yet scanned */
    size_t message_bytes; /* handshake bytes scanned, header included */
    size_t message_size;  /* 4 + declared length, 0 while the handshake header is not whole */
    size_t records;       /* record headers seen */
    uint32_t declared;    /* the declared length as it comes in */
};

void record_scan_init(struct record_scan *s);

/**
 * Go on scanning `raw`, which holds `len` bytes from the first byte of the connection.
 * `max_bytes`, the same in every call, caps the raw bytes of the message, record headers included;
 * a declared length that cannot fit counts at once.
 *
 * An error is reported as soon as the byte that proves it is there, so the status and the byte it
 * comes with do not depend on how the bytes were cut: a wrong first byte at byte 1, a wrong version
 * at 2, a wrong record length at 5, a wrong message type at 6, a wrong message length at 9.  A
 * first byte of 20, 21, 23 or 24 waits for the version to tell RECORD_WRONG_TYPE from
 * RECORD_NOT_TLS. After a status other than RECORD_MORE the scan is over: do not feed it again.
 *
 * On RECORD_COMPLETE, s->offset is the raw size of the message (what comes behind is not ours).
 */
MUST_CHECK enum record_status record_scan_feed(struct record_scan *s, const uint8_t *raw,
                                               size_t len, size_t max_bytes);

/** Walks a stretch of handshake bytes, stepping over record headers. */
struct record_reader {
    const uint8_t *at;  /* next raw byte */
    size_t record_left; /* payload bytes left in this record */
    size_t left;        /* handshake bytes left in the stretch */
};

/**
 * Start at the first byte behind the handshake header of the message that `s` completed.  `raw` is
 * borrowed for as long as the reader, and every reader split from it, is used.
 */
void record_reader_init(struct record_reader *r, const struct record_scan *s, const uint8_t *raw);

/**
 * Copy the next `n` handshake bytes to `out` (NULL: skip them).  False, and nothing moved, when
 * fewer are left.
 */
MUST_CHECK bool record_reader_take(struct record_reader *r, uint8_t *out, size_t n);

/** Take one big-endian number of one or two bytes.  As record_reader_take(). */
MUST_CHECK bool record_reader_u8(struct record_reader *r, uint8_t *out);
MUST_CHECK bool record_reader_u16(struct record_reader *r, uint16_t *out);

/**
 * Make `part_out` a reader of the next `n` handshake bytes and skip them in `r`: what is parsed
 * inside a length can never leave it.  False, and nothing moved or written, when fewer are left.
 * Cost: one step per record border.
 */
MUST_CHECK bool record_reader_split(struct record_reader *r, size_t n,
                                    struct record_reader *part_out);

#endif
