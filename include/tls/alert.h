/**
 * alert - the fatal alerts we answer with, as bytes (RFC 8446 6, RFC 6066 3).
 */
#ifndef TLS_ALERT_H
#define TLS_ALERT_H

#include <stddef.h>
#include <stdint.h>

enum alert_code {
    ALERT_NONE = -1,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_UNRECOGNIZED_NAME = 112,
};

/** A whole alert record: header (type 21, version 3.3, length 2), level, description. */
#define ALERT_RECORD_BYTES 7

/** Encode a fatal alert record.  `code` is not ALERT_NONE. */
void alert_encode(enum alert_code code, uint8_t out[ALERT_RECORD_BYTES]);

/** The registry's name ("unrecognized_name"), or "none". */
const char *alert_name(enum alert_code code);

#endif
