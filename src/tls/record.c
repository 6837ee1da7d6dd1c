#include "tls/record.h"

#include <string.h>

#include "base/limits.h"

#define RECORD_TYPE_FIRST    20 /* change_cipher_spec */
#define RECORD_TYPE_LAST     24 /* heartbeat */
#define RECORD_VERSION_MAJOR 3

void record_scan_init(struct record_scan *s)
{
    memset(s, 0, sizeof *s);
}

/* Where the first byte of a connection speaks another protocol, the answer is another one, too:
 * only what is plainly a TLS record of a wrong type is treated as a peer that breaks TLS. */
static enum record_status scan_type(bool first, const uint8_t *at, size_t len)
{
    if (at[0] == RECORD_TYPE_HANDSHAKE) {
        return RECORD_COMPLETE;
    }
    if (!first) {
        return RECORD_WRONG_TYPE;
    }
    if (at[0] < RECORD_TYPE_FIRST || at[0] > RECORD_TYPE_LAST) {
        return RECORD_NOT_TLS;
    }
    if (len < 2) {
        return RECORD_MORE;
    }
    return at[1] == RECORD_VERSION_MAJOR ? RECORD_WRONG_TYPE : RECORD_NOT_TLS;
}

/* Of `len` bytes, one at least.  RECORD_COMPLETE: the header is good, its payload length is in
 * `payload_out`. */
static enum record_status scan_header(bool first, const uint8_t *at, size_t len,
                                      size_t *payload_out)
{
    enum record_status type = scan_type(first, at, len);
    if (type != RECORD_COMPLETE) {
        return type;
    }
    if (len >= 2 && at[1] != RECORD_VERSION_MAJOR) {
        return RECORD_NOT_TLS;
    }
    if (len < RECORD_HEADER_BYTES) {
        return RECORD_MORE;
    }
    size_t payload = (size_t)at[3] << 8 | at[4];
    if (payload > LIMIT_RECORD_BYTES) {
        return RECORD_OVERFLOW;
    }
    if (payload == 0) {
        return RECORD_EMPTY;
    }
    *payload_out = payload;
    return RECORD_COMPLETE;
}

/* The fewest raw bytes the message can end at: what does not fit this record comes in full ones. */
static size_t scan_least_raw_size(const struct record_scan *s)
{
    size_t left = s->message_size - s->message_bytes;
    if (left <= s->record_left) {
        return s->offset + left;
    }
    size_t beyond = left - s->record_left;
    size_t records = (beyond + LIMIT_RECORD_BYTES - 1) / LIMIT_RECORD_BYTES;
    return s->offset + left + records * RECORD_HEADER_BYTES;
}

/* Hold the message's declared length against the cap and against the record's length. */
static enum record_status scan_check_sizes(const struct record_scan *s, size_t max_bytes)
{
    if (s->message_size == 0) {
        return RECORD_MORE;
    }
    if (scan_least_raw_size(s) > max_bytes) {
        return RECORD_TOO_LARGE;
    }
    return s->message_size - s->message_bytes < s->record_left ? RECORD_TRAILING : RECORD_MORE;
}

/* One byte of the handshake header, which record borders may cut anywhere. */
static enum record_status scan_message_header(struct record_scan *s, uint8_t byte, size_t max_bytes)
{
    if (s->message_bytes == 0 && byte != HANDSHAKE_CLIENT_HELLO) {
        return RECORD_WRONG_MESSAGE;
    }
    s->declared = s->message_bytes == 0 ? 0 : s->declared << 8 | byte;
    s->offset++;
    s->record_left--;
    s->message_bytes++;
    if (s->message_bytes == HANDSHAKE_HEADER_BYTES) {
        s->message_size = HANDSHAKE_HEADER_BYTES + (size_t)s->declared;
    }
    return scan_check_sizes(s, max_bytes);
}

static void scan_skip_payload(struct record_scan *s, size_t len)
{
    size_t n = len - s->offset;
    if (n > s->record_left) {
        n = s->record_left;
    }
    s->offset += n;
    s->record_left -= n;
    s->message_bytes += n;
}

static enum record_status scan_next_record(struct record_scan *s, const uint8_t *raw, size_t len,
                                           size_t max_bytes)
{
    size_t payload = 0;
    enum record_status status =
        scan_header(s->records == 0, raw + s->offset, len - s->offset, &payload);
    if (status != RECORD_COMPLETE) {
        return status;
    }
    s->offset += RECORD_HEADER_BYTES;
    s->record_left = payload;
    s->records++;
    return scan_check_sizes(s, max_bytes);
}

static bool scan_is_complete(const struct record_scan *s)
{
    return s->message_size != 0 && s->message_bytes == s->message_size;
}

/* One record header, one byte of the handshake header, or what there is of a payload. */
static enum record_status scan_step(struct record_scan *s, const uint8_t *raw, size_t len,
                                    size_t max_bytes)
{
    if (s->record_left == 0) {
        return scan_next_record(s, raw, len, max_bytes);
    }
    if (s->message_size == 0) {
        return scan_message_header(s, raw[s->offset], max_bytes);
    }
    scan_skip_payload(s, len);
    return RECORD_MORE;
}

enum record_status record_scan_feed(struct record_scan *s, const uint8_t *raw, size_t len,
                                    size_t max_bytes)
{
    size_t usable = len < max_bytes ? len : max_bytes;
    size_t before;
    do {
        before = s->offset;
        if (before == usable) {
            break;
        }
        enum record_status status = scan_step(s, raw, usable, max_bytes);
        if (status != RECORD_MORE) {
            return status;
        }
        if (scan_is_complete(s)) {
            return RECORD_COMPLETE;
        }
    } while (s->offset != before);
    return len >= max_bytes ? RECORD_TOO_LARGE : RECORD_MORE;
}

static void reader_advance(struct record_reader *r, uint8_t *out, size_t n)
{
    if (out) {
        memcpy(out, r->at, n);
    }
    r->at += n;
    r->record_left -= n;
    r->left -= n;
}

void record_reader_init(struct record_reader *r, const struct record_scan *s, const uint8_t *raw)
{
    ASSERT(scan_is_complete(s));
    *r = (struct record_reader){.at = raw, .record_left = 0, .left = s->message_size};
    bool taken = record_reader_take(r, NULL, HANDSHAKE_HEADER_BYTES);
    ASSERT(taken);
}

bool record_reader_take(struct record_reader *r, uint8_t *out, size_t n)
{
    if (n > r->left) {
        return false;
    }
    while (n > 0) {
        /* The scan saw this header and that payload stands behind it. */
        if (r->record_left == 0) {
            r->record_left = (size_t)r->at[3] << 8 | r->at[4];
            r->at += RECORD_HEADER_BYTES;
        }
        size_t step = n < r->record_left ? n : r->record_left;
        reader_advance(r, out, step);
        out = out ? out + step : NULL;
        n -= step;
    }
    return true;
}

bool record_reader_u8(struct record_reader *r, uint8_t *out)
{
    return record_reader_take(r, out, 1);
}

bool record_reader_u16(struct record_reader *r, uint16_t *out)
{
    uint8_t bytes[2];
    if (!record_reader_take(r, bytes, sizeof bytes)) {
        return false;
    }
    *out = (uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

bool record_reader_split(struct record_reader *r, size_t n, struct record_reader *part_out)
{
    struct record_reader part = *r;
    if (!record_reader_take(r, NULL, n)) {
        return false;
    }
    part.left = n;
    *part_out = part;
    return true;
}
