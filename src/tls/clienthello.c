#include "tls/clienthello.h"

#include <string.h>

#include "base/attr.h"

#define VERSION_TLS10 0x0301
#define VERSION_TLS11 0x0302
#define VERSION_TLS12 0x0303
#define VERSION_TLS13 0x0304

#define RANDOM_BYTES         32
#define SESSION_ID_MAX_BYTES 32
#define NAME_TYPE_HOST_NAME  0

enum extension_type {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_ALPN = 16,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_KEY_SHARE = 51,
    EXTENSION_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

/* One bit per extension type: a 64 KiB hello has room for 16k of them, so that comparing each with
 * those before it would be work for an attacker to hand out. */
struct extension_set {
    uint64_t words[(UINT16_MAX + 1) / 64];
};

/* Returns whether `type` was there before. */
static bool extension_set_add(struct extension_set *set, uint16_t type)
{
    uint64_t *word = &set->words[type / 64];
    uint64_t bit = UINT64_C(1) << (type % 64);
    bool before = (*word & bit) != 0;
    *word |= bit;
    return before;
}

/* Write `info` as of a refused hello: nothing of what was read so far may be taken for a fact. */
static bool refuse(struct clienthello_info *info, enum alert_code alert, const char *why)
{
    *info = (struct clienthello_info){.alert = alert, .why = why};
    return false;
}

static bool refuse_decode(struct clienthello_info *info, const char *why)
{
    return refuse(info, ALERT_DECODE_ERROR, why);
}

/* A vector with a length of one byte, respectively two, in front (RFC 8446 3.4). */
static bool take_vector8(struct record_reader *r, struct record_reader *out)
{
    uint8_t bytes;
    return record_reader_u8(r, &bytes) && record_reader_split(r, bytes, out);
}

static bool take_vector16(struct record_reader *r, struct record_reader *out)
{
    uint16_t bytes;
    return record_reader_u16(r, &bytes) && record_reader_split(r, bytes, out);
}

/* An empty extension or list is no legal way to say "no name", but it can be read as nothing else.
 * More than one entry is refused whatever the types: two readers could choose differently. */
static bool parse_server_name(struct record_reader *body, struct clienthello_info *info)
{
    struct record_reader list;
    struct record_reader name;
    uint8_t type;

    if (body->left == 0) {
        return true;
    }
    if (!take_vector16(body, &list) || body->left != 0) {
        return refuse_decode(info, "server_name list does not fill its extension");
    }
    if (list.left == 0) {
        return true;
    }
    if (!record_reader_u8(&list, &type) || type != NAME_TYPE_HOST_NAME) {
        return refuse_decode(info, "server_name entry is not a host_name");
    }
    if (!take_vector16(&list, &name)) {
        return refuse_decode(info, "host_name is longer than its list");
    }
    if (list.left != 0) {
        return refuse_decode(info, "server_name list goes on behind its host_name");
    }
    if (name.left > sizeof info->name) {
        return refuse(info, ALERT_ILLEGAL_PARAMETER, "host_name is too long for a DNS name");
    }
    info->has_name = name.left > 0;
    info->name_len = (uint16_t)name.left;
    return record_reader_take(&name, (uint8_t *)info->name, name.left);
}

/* Add a name to the text; false when it does not fit any more. */
static bool append_alpn(struct clienthello_info *info, struct record_reader *name)
{
    size_t comma = info->alpn_len > 0 ? 1 : 0;
    size_t bytes = comma + name->left;
    if (bytes > sizeof info->alpn - info->alpn_len) {
        return false;
    }
    char *end = info->alpn + info->alpn_len;
    if (comma) {
        *end++ = ',';
    }
    info->alpn_len = (uint16_t)(info->alpn_len + bytes);
    return record_reader_take(name, (uint8_t *)end, name->left);
}

static bool parse_alpn(struct record_reader *body, struct clienthello_info *info)
{
    struct record_reader list;
    struct record_reader name;
    bool fits = true;

    if (!take_vector16(body, &list) || body->left != 0) {
        return refuse_decode(info, "ALPN list does not fill its extension");
    }
    if (list.left == 0) {
        return refuse_decode(info, "ALPN list is empty");
    }
    while (list.left > 0) {
        if (!take_vector8(&list, &name)) {
            return refuse_decode(info, "ALPN name is longer than its list");
        }
        if (name.left == 0) {
            return refuse_decode(info, "ALPN name is empty");
        }
        fits = fits && append_alpn(info, &name);
    }
    return true;
}

static uint8_t version_bit(uint16_t version)
{
    switch (version) {
    case VERSION_TLS10:
        return CLIENTHELLO_TLS10;
    case VERSION_TLS11:
        return CLIENTHELLO_TLS11;
    case VERSION_TLS12:
        return CLIENTHELLO_TLS12;
    case VERSION_TLS13:
        return CLIENTHELLO_TLS13;
    default:
        return 0;
    }
}

/* Without supported_versions a client takes legacy_version and anything below. */
static uint8_t versions_up_to(uint16_t legacy_version)
{
    uint8_t versions = CLIENTHELLO_TLS10;
    if (legacy_version >= VERSION_TLS11) {
        versions |= CLIENTHELLO_TLS11;
    }
    if (legacy_version >= VERSION_TLS12) {
        versions |= CLIENTHELLO_TLS12;
    }
    return versions;
}

static bool parse_supported_versions(struct record_reader *body, struct clienthello_info *info)
{
    struct record_reader list;
    uint16_t version;

    if (!take_vector8(body, &list) || body->left != 0) {
        return refuse_decode(info, "supported_versions list does not fill its extension");
    }
    if (list.left == 0 || list.left % 2 != 0) {
        return refuse_decode(info, "supported_versions list is empty or of odd length");
    }
    info->versions = 0;
    while (record_reader_u16(&list, &version)) {
        info->versions |= version_bit(version);
    }
    return true;
}

/* ML-KEM alone or with a curve, and its drafts: the IANA registry "TLS Supported Groups". */
static bool group_is_post_quantum(uint16_t group)
{
    switch (group) {
    case 0x0200: /* MLKEM512 */
    case 0x0201: /* MLKEM768 */
    case 0x0202: /* MLKEM1024 */
    case 0x11eb: /* SecP256r1MLKEM768 */
    case 0x11ec: /* X25519MLKEM768 */
    case 0x11ed: /* SecP384r1MLKEM1024 */
    case 0x11ee: /* curveSM2MLKEM768 */
    case 0x6399: /* X25519Kyber768Draft00 */
    case 0x639a: /* SecP256r1Kyber768Draft00 */
        return true;
    default:
        return false;
    }
}

static bool parse_key_share(struct record_reader *body, struct clienthello_info *info)
{
    struct record_reader shares;
    struct record_reader key;
    uint16_t group;

    if (!take_vector16(body, &shares) || body->left != 0) {
        return refuse_decode(info, "key_share list does not fill its extension");
    }
    while (shares.left > 0) {
        if (!record_reader_u16(&shares, &group) || !take_vector16(&shares, &key)) {
            return refuse_decode(info, "key_share entry is longer than its list");
        }
        if (key.left == 0) {
            return refuse_decode(info, "key_share key is empty");
        }
        if (group_is_post_quantum(group)) {
            info->features |= CLIENTHELLO_PQ_KEY_SHARE;
        }
    }
    return true;
}

static bool parse_extension(uint16_t type, struct record_reader *body,
                            struct clienthello_info *info)
{
    switch (type) {
    case EXTENSION_SERVER_NAME:
        return parse_server_name(body, info);
    case EXTENSION_ALPN:
        return parse_alpn(body, info);
    case EXTENSION_SUPPORTED_VERSIONS:
        return parse_supported_versions(body, info);
    case EXTENSION_KEY_SHARE:
        return parse_key_share(body, info);
    case EXTENSION_EARLY_DATA:
        info->features |= CLIENTHELLO_EARLY_DATA;
        return true;
    case EXTENSION_ENCRYPTED_CLIENT_HELLO:
        info->features |= CLIENTHELLO_ECH;
        return true;
    default:
        return true;
    }
}

/* pre_shared_key must come last; that is between client and backend. */
static bool parse_extensions(struct record_reader *block, struct clienthello_info *info)
{
    struct extension_set seen = {{0}};
    struct record_reader body;
    uint16_t type;

    while (block->left > 0) {
        if (!record_reader_u16(block, &type) || !take_vector16(block, &body)) {
            return refuse_decode(info, "extension is longer than its block");
        }
        if (extension_set_add(&seen, type)) {
            return refuse(info, ALERT_ILLEGAL_PARAMETER, "extension appears twice");
        }
        if (!parse_extension(type, &body, info)) {
            return false;
        }
    }
    return true;
}

/* What stands in front of the extensions; none of it matters to us but its lengths. */
static bool parse_legacy_fields(struct record_reader *message, struct clienthello_info *info)
{
    struct record_reader part;
    uint16_t version;

    if (!record_reader_u16(message, &version)) {
        return refuse_decode(info, "message ends inside client_version");
    }
    if (version < VERSION_TLS10) {
        return refuse(info, ALERT_PROTOCOL_VERSION, "client_version is below TLS 1.0");
    }
    info->versions = versions_up_to(version);
    if (!record_reader_take(message, NULL, RANDOM_BYTES)) {
        return refuse_decode(info, "message ends inside random");
    }
    if (!take_vector8(message, &part) || part.left > SESSION_ID_MAX_BYTES) {
        return refuse_decode(info, "session_id has a bad length");
    }
    if (!take_vector16(message, &part) || part.left == 0 || part.left % 2 != 0) {
        return refuse_decode(info, "cipher_suites has a bad length");
    }
    if (!take_vector8(message, &part) || part.left == 0) {
        return refuse_decode(info, "compression_methods has a bad length");
    }
    return true;
}

static bool parse_message(struct record_reader *message, struct clienthello_info *info)
{
    struct record_reader block;

    if (!parse_legacy_fields(message, info)) {
        return false;
    }
    if (message->left == 0) {
        return true; /* before TLS 1.3 a hello needed no extensions (RFC 5246 7.4.1.2) */
    }
    if (!take_vector16(message, &block) || message->left != 0) {
        return refuse_decode(info, "extensions do not fill the message");
    }
    return parse_extensions(&block, info);
}

static enum clienthello_result parse_complete(const struct clienthello *h, const uint8_t *raw,
                                              struct clienthello_info *info)
{
    struct record_reader message;

    *info = (struct clienthello_info){.alert = ALERT_NONE};
    record_reader_init(&message, &h->scan, raw);
    if (!parse_message(&message, info)) {
        return CLIENTHELLO_MALFORMED;
    }
    info->raw_bytes = (uint32_t)h->scan.offset;
    if (h->scan.records > 1) {
        info->features |= CLIENTHELLO_MULTI_RECORD;
    }
    return CLIENTHELLO_OK;
}

static enum clienthello_result refuse_framing(enum record_status status,
                                              struct clienthello_info *info)
{
    static const struct {
        enum clienthello_result result;
        enum alert_code alert;
        const char *why;
    } answers[] = {
        [RECORD_NOT_TLS] = {CLIENTHELLO_NOT_TLS, ALERT_UNEXPECTED_MESSAGE, "not a TLS record"},
        [RECORD_WRONG_TYPE] = {CLIENTHELLO_MALFORMED, ALERT_UNEXPECTED_MESSAGE,
                               "record is not of type handshake"},
        [RECORD_WRONG_MESSAGE] = {CLIENTHELLO_MALFORMED, ALERT_UNEXPECTED_MESSAGE,
                                  "first message is not a client_hello"},
        [RECORD_EMPTY] = {CLIENTHELLO_MALFORMED, ALERT_UNEXPECTED_MESSAGE,
                          "empty record before the end of the hello"},
        [RECORD_OVERFLOW] = {CLIENTHELLO_MALFORMED, ALERT_RECORD_OVERFLOW,
                             "record is longer than 16384 bytes"},
        [RECORD_TOO_LARGE] = {CLIENTHELLO_TOO_LARGE, ALERT_DECODE_ERROR,
                              "hello is larger than the limit"},
        [RECORD_TRAILING] = {CLIENTHELLO_MALFORMED, ALERT_DECODE_ERROR,
                             "record goes on behind the hello"},
    };
    ASSERT(status < ARRAY_LEN(answers) && answers[status].why);
    (void)refuse(info, answers[status].alert, answers[status].why);
    return answers[status].result;
}

void clienthello_init(struct clienthello *h)
{
    record_scan_init(&h->scan);
}

enum clienthello_result clienthello_feed(struct clienthello *h, const uint8_t *raw, size_t len,
                                         size_t max_bytes, struct clienthello_info *info)
{
    enum record_status status = record_scan_feed(&h->scan, raw, len, max_bytes);
    if (status == RECORD_MORE) {
        return CLIENTHELLO_MORE;
    }
    if (status == RECORD_COMPLETE) {
        return parse_complete(h, raw, info);
    }
    return refuse_framing(status, info);
}
