#include "tls/alert.h"

#include <string.h>

#include "base/attr.h"

#define ALERT_RECORD_TYPE 21
#define ALERT_LEVEL_FATAL 2

void alert_encode(enum alert_code code, uint8_t out[ALERT_RECORD_BYTES])
{
    ASSERT(code >= 0 && code <= UINT8_MAX);
    const uint8_t record[ALERT_RECORD_BYTES] = {
        ALERT_RECORD_TYPE, 3, 3, 0, 2, ALERT_LEVEL_FATAL, (uint8_t)code,
    };
    memcpy(out, record, sizeof record);
}

const char *alert_name(enum alert_code code)
{
    switch (code) {
    case ALERT_UNEXPECTED_MESSAGE:
        return "unexpected_message";
    case ALERT_RECORD_OVERFLOW:
        return "record_overflow";
    case ALERT_ILLEGAL_PARAMETER:
        return "illegal_parameter";
    case ALERT_DECODE_ERROR:
        return "decode_error";
    case ALERT_PROTOCOL_VERSION:
        return "protocol_version";
    case ALERT_INTERNAL_ERROR:
        return "internal_error";
    case ALERT_UNRECOGNIZED_NAME:
        return "unrecognized_name";
    case ALERT_NONE:
        break;
    }
    return "none";
}
