#include "support/hello_builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "tls/record.h"

#define EXTENSION_SERVER_NAME        0
#define EXTENSION_ALPN               16
#define EXTENSION_PADDING            21
#define EXTENSION_SUPPORTED_VERSIONS 43
#define EXTENSION_KEY_SHARE          51
#define EXTENSION_ECH                0xfe0d
#define GROUP_X25519                 29
#define GROUP_X25519MLKEM768         0x11ec
#define GREASE                       0x4a4a

const struct hello_head hello_head_default = {
    .legacy_version = 0x0303,
    .session_id_bytes = 32,
    .cipher_bytes = 8,
    .compression_bytes = 1,
};

void hello_bytes_add(struct hello_bytes *b, const void *bytes, size_t n)
{
    if (n == 0) {
        return;
    }
    if (b->cap - b->len < n) {
        b->cap = 2 * b->cap + n;
        b->data = realloc(b->data, b->cap);
        ASSERT(b->data);
    }
    if (bytes) {
        memcpy(b->data + b->len, bytes, n);
    } else {
        memset(b->data + b->len, 0, n);
    }
    b->len += n;
}

void hello_bytes_add_zeros(struct hello_bytes *b, size_t n)
{
    hello_bytes_add(b, NULL, n);
}

void hello_bytes_add_u8(struct hello_bytes *b, unsigned value)
{
    hello_bytes_add(b, &(uint8_t){(uint8_t)value}, 1);
}

void hello_bytes_add_u16(struct hello_bytes *b, unsigned value)
{
    hello_bytes_add_u8(b, value >> 8);
    hello_bytes_add_u8(b, value & 0xff);
}

void hello_bytes_free(struct hello_bytes *b)
{
    free(b->data);
    *b = (struct hello_bytes){0};
}

/* Reserve a length field, to be made true by length_end(). */
static void length_begin(struct hello *h, enum hello_field field, size_t width)
{
    h->lengths[field] = (struct hello_length){.at = h->message.len, .width = width};
    hello_bytes_add_zeros(&h->message, width);
}

static void length_end(struct hello *h, enum hello_field field)
{
    const struct hello_length *l = &h->lengths[field];
    hello_lie(h, field, h->message.len - l->at - l->width);
}

static void add_zeros_with_length(struct hello *h, enum hello_field field, size_t width, size_t n)
{
    length_begin(h, field, width);
    hello_bytes_add_zeros(&h->message, n);
    length_end(h, field);
}

void hello_begin(struct hello *h, const struct hello_head *head)
{
    const struct hello_head *use = head ? head : &hello_head_default;
    *h = (struct hello){0};
    hello_bytes_add_u8(&h->message, HANDSHAKE_CLIENT_HELLO);
    length_begin(h, HELLO_MESSAGE, 3);
    hello_bytes_add_u16(&h->message, use->legacy_version);
    hello_bytes_add_zeros(&h->message, 32);
    add_zeros_with_length(h, HELLO_SESSION_ID, 1, use->session_id_bytes);
    add_zeros_with_length(h, HELLO_CIPHER_SUITES, 2, use->cipher_bytes);
    add_zeros_with_length(h, HELLO_COMPRESSION, 1, use->compression_bytes);
    if (!use->without_extensions) {
        length_begin(h, HELLO_EXTENSIONS, 2);
    }
}

void hello_free(struct hello *h)
{
    hello_bytes_free(&h->message);
}

void hello_add_name(struct hello *h, const void *name, size_t len)
{
    hello_bytes_add_u16(&h->message, EXTENSION_SERVER_NAME);
    length_begin(h, HELLO_NAME_EXTENSION, 2);
    length_begin(h, HELLO_NAME_LIST, 2);
    hello_bytes_add_u8(&h->message, 0);
    length_begin(h, HELLO_NAME, 2);
    hello_bytes_add(&h->message, name, len);
    length_end(h, HELLO_NAME);
    length_end(h, HELLO_NAME_LIST);
    length_end(h, HELLO_NAME_EXTENSION);
}

void hello_add_alpn(struct hello *h, const char *names)
{
    hello_bytes_add_u16(&h->message, EXTENSION_ALPN);
    length_begin(h, HELLO_ALPN_EXTENSION, 2);
    length_begin(h, HELLO_ALPN_LIST, 2);
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, ",");
        length_begin(h, HELLO_ALPN_NAME, 1);
        hello_bytes_add(&h->message, at, n);
        length_end(h, HELLO_ALPN_NAME);
        at += n + (at[n] == ',');
    }
    length_end(h, HELLO_ALPN_LIST);
    length_end(h, HELLO_ALPN_EXTENSION);
}

void hello_add_versions(struct hello *h, const uint16_t *versions, size_t n)
{
    hello_bytes_add_u16(&h->message, EXTENSION_SUPPORTED_VERSIONS);
    length_begin(h, HELLO_VERSIONS_EXTENSION, 2);
    length_begin(h, HELLO_VERSIONS_LIST, 1);
    for (size_t i = 0; i < n; i++) {
        hello_bytes_add_u16(&h->message, versions[i]);
    }
    length_end(h, HELLO_VERSIONS_LIST);
    length_end(h, HELLO_VERSIONS_EXTENSION);
}

void hello_add_key_shares(struct hello *h, const struct hello_share *shares, size_t n)
{
    hello_bytes_add_u16(&h->message, EXTENSION_KEY_SHARE);
    length_begin(h, HELLO_SHARE_EXTENSION, 2);
    length_begin(h, HELLO_SHARE_LIST, 2);
    for (size_t i = 0; i < n; i++) {
        hello_bytes_add_u16(&h->message, shares[i].group);
        add_zeros_with_length(h, HELLO_SHARE_KEY, 2, shares[i].key_bytes);
    }
    length_end(h, HELLO_SHARE_LIST);
    length_end(h, HELLO_SHARE_EXTENSION);
}

void hello_add_key_share(struct hello *h, uint16_t group, size_t key_bytes)
{
    hello_add_key_shares(h, &(struct hello_share){group, key_bytes}, 1);
}

void hello_add_extension(struct hello *h, uint16_t type, const void *body, size_t len)
{
    hello_bytes_add_u16(&h->message, type);
    hello_bytes_add_u16(&h->message, (unsigned)len);
    hello_bytes_add(&h->message, body, len);
}

void hello_add_padding(struct hello *h, size_t message_bytes)
{
    ASSERT(message_bytes >= h->message.len + 4);
    hello_add_extension(h, EXTENSION_PADDING, NULL, message_bytes - h->message.len - 4);
}

void hello_end(struct hello *h)
{
    if (hello_has_field(h, HELLO_EXTENSIONS)) {
        length_end(h, HELLO_EXTENSIONS);
    }
    length_end(h, HELLO_MESSAGE);
}

bool hello_has_field(const struct hello *h, enum hello_field field)
{
    return h->lengths[field].width > 0;
}

void hello_lie(struct hello *h, enum hello_field field, size_t value)
{
    const struct hello_length *l = &h->lengths[field];
    ASSERT(l->width > 0);
    for (size_t i = 0; i < l->width; i++) {
        h->message.data[l->at + i] = (uint8_t)(value >> 8 * (l->width - 1 - i));
    }
}

size_t hello_length(const struct hello *h, enum hello_field field)
{
    const struct hello_length *l = &h->lengths[field];
    size_t value = 0;
    for (size_t i = 0; i < l->width; i++) {
        value = value << 8 | h->message.data[l->at + i];
    }
    return value;
}

void hello_add_record(struct hello_bytes *raw, unsigned type, unsigned version,
                      const uint8_t *payload, size_t len)
{
    hello_bytes_add_u8(raw, type);
    hello_bytes_add_u16(raw, version);
    hello_bytes_add_u16(raw, (unsigned)len);
    hello_bytes_add(raw, payload, len);
}

void hello_records(struct hello_bytes *raw, const struct hello_bytes *message, size_t record_bytes)
{
    for (size_t at = 0; at < message->len;) {
        size_t n = message->len - at < record_bytes ? message->len - at : record_bytes;
        hello_add_record(raw, RECORD_TYPE_HANDSHAKE, 0x0301, message->data + at, n);
        at += n;
    }
}

void hello_records_at(struct hello_bytes *raw, const struct hello_bytes *message,
                      const size_t *cuts, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i <= n; i++) {
        size_t end = i < n ? cuts[i] : message->len;
        hello_add_record(raw, RECORD_TYPE_HANDSHAKE, 0x0301, message->data + at, end - at);
        at = end;
    }
}

void hello_simple(struct hello_bytes *raw, const char *sni, const char *alpn)
{
    struct hello h;
    hello_begin(&h, NULL);
    if (sni) {
        hello_add_name(&h, sni, strlen(sni));
    }
    if (alpn) {
        hello_add_alpn(&h, alpn);
    }
    hello_add_versions(&h, (const uint16_t[]){0x0304, 0x0303}, 2);
    hello_add_key_share(&h, GROUP_X25519, 32);
    hello_end(&h);
    hello_records(raw, &h.message, 16384);
    hello_free(&h);
}

void hello_browser(struct hello_bytes *raw, const char *sni)
{
    struct hello h;
    hello_begin(&h, &(struct hello_head){.legacy_version = 0x0303,
                                         .session_id_bytes = 32,
                                         .cipher_bytes = 32,
                                         .compression_bytes = 1});
    hello_add_extension(&h, GREASE, NULL, 0);
    hello_add_name(&h, sni, strlen(sni));
    hello_add_alpn(&h, "h2,http/1.1");
    hello_add_versions(&h, (const uint16_t[]){GREASE, 0x0304, 0x0303}, 3);
    const struct hello_share shares[] = {
        {GREASE, 1}, {GROUP_X25519MLKEM768, 1216}, {GROUP_X25519, 32}};
    hello_add_key_shares(&h, shares, ARRAY_LEN(shares));
    hello_add_extension(&h, EXTENSION_ECH, NULL, 282);
    hello_add_extension(&h, 0x1a1a, NULL, 1);
    hello_end(&h);
    hello_records(raw, &h.message, 16384);
    hello_free(&h);
}
