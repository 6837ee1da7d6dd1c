/**
 * record - TLS record framing in front of the first handshake message (RFC 8446 5.1).
 *
 * Two halves over the same raw bytes, which the caller keeps because they are replayed to the
 * backend anyway: a scanner that is fed as bytes arrive and says when the first handshake message
 * is whole, and a reader that walks that message across record borders.  Neither copies nor
 * allocates; each raw byte is looked at once by each half, so the work is linear however the bytes
 * are cut. Knows nothing about sockets or what a message means.
 */
#ifndef TLS_RECORD_H
#define TLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER_BYTES    5
#define RECORD_TYPE_HANDSHAKE  22
#define HANDSHAKE_HEADER_BYTES 4
#define HANDSHAKE_CLIENT_HELLO 1

enum record_status {
    RECORD_MORE,       /* not whole yet */
    RECORD_COMPLETE,   /* the first handshake message is whole */
    RECORD_NOT_TLS,    /* first byte is not 0x16, or a record version is not 3.x */
    RECORD_WRONG_TYPE, /* record not handshake, message not client_hello, or an empty record */
    RECORD_OVERFLOW,   /* record longer than 2^14 */
    RECORD_TOO_LARGE,  /* over the cap, declared lengths included */
    RECORD_TRAILING,   /* more handshake bytes behind the hello in its last record */
};

/** Where a scan stands.  Small; lives in a connection only while its hello is read. */
struct record_scan {
    uint32_t offset;         /* raw bytes scanned: always at a place where scanning can go on */
    uint32_t record_left;    /* payload bytes of the current record not yet scanned */
    uint32_t message_bytes;  /* handshake bytes scanned, header included */
    uint32_t message_size;   /* 4 + declared length, 0 while the header is not whole */
    uint16_t records;        /* record headers seen */
    uint8_t length_bytes[3]; /* the declared length as it comes in */
};

void record_scan_init(struct record_scan *s);

/**
 * Go on scanning `raw`, which holds `len` bytes from the first byte of the connection; bytes
 * scanned before are not looked at again.  `max_bytes` caps the raw bytes of the hello, record
 * headers included; a declared length that cannot fit counts at once.
 *
 * An error is reported as soon as the byte that proves it is there (a first byte that is not 0x16
 * at byte 1, a record length at byte 5, a message length at byte 9).  After a result other than
 * RECORD_MORE the scan is over: do not feed it again.
 *
 * On RECORD_COMPLETE, s->offset is the raw size of the hello (what comes behind is not ours).
 */
enum record_status record_scan_feed(struct record_scan *s, const uint8_t *raw, size_t len,
                                    size_t max_bytes);

/** Walks handshake bytes of a completed scan. */
struct record_reader {
    const uint8_t *at;   /* next raw byte */
    size_t record_left;  /* payload bytes left in this record */
    size_t message_left; /* handshake bytes left in the message */
};

/** Start at the first byte behind the handshake header of a message that record_scan_feed()
 * completed. */
void record_reader_init(struct record_reader *r, const struct record_scan *s, const uint8_t *raw);

/** Copy the next `n` handshake bytes to `out` (NULL: skip them).  False, and nothing moved, when
 * fewer are left. */
bool record_reader_take(struct record_reader *r, uint8_t *out, size_t n);

#endif
