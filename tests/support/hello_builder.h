/**
 * hello_builder - ClientHellos for tests: right ones, and wrong in any way a test asks for.
 *
 * A hello is built in three moves: hello_begin() writes everything in front of the extensions, the
 * hello_add_*() functions add extensions in the order called (twice if called twice), hello_end()
 * makes the lengths true.  Then hello_lie() may make one of them untrue, and hello_records() puts
 * records around the message.  Running out of memory stops the test.
 */
#ifndef SUPPORT_HELLO_BUILDER_H
#define SUPPORT_HELLO_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that grow.  All zero is empty; hello_bytes_free() makes it so again. */
struct hello_bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void hello_bytes_add(struct hello_bytes *b, const void *bytes, size_t n);
void hello_bytes_add_zeros(struct hello_bytes *b, size_t n);
void hello_bytes_add_u8(struct hello_bytes *b, unsigned value);
void hello_bytes_add_u16(struct hello_bytes *b, unsigned value);
void hello_bytes_free(struct hello_bytes *b);

/** The length fields of a ClientHello; of an extension added twice, those of the last. */
enum hello_field {
    HELLO_MESSAGE,
    HELLO_SESSION_ID,
    HELLO_CIPHER_SUITES,
    HELLO_COMPRESSION,
    HELLO_EXTENSIONS,
    HELLO_NAME_EXTENSION,
    HELLO_NAME_LIST,
    HELLO_NAME,
    HELLO_ALPN_EXTENSION,
    HELLO_ALPN_LIST,
    HELLO_ALPN_NAME, /* the last name */
    HELLO_VERSIONS_EXTENSION,
    HELLO_VERSIONS_LIST,
    HELLO_SHARE_EXTENSION,
    HELLO_SHARE_LIST,
    HELLO_SHARE_KEY, /* the last key */
    HELLO_FIELDS,
};

/** What stands in front of the extensions. */
struct hello_head {
    uint16_t legacy_version;
    size_t session_id_bytes;
    size_t cipher_bytes;
    size_t compression_bytes;
    bool without_extensions; /* not even the length of the block */
};

/** As an OpenSSL or browser client begins. */
extern const struct hello_head hello_head_default;

struct hello_length {
    size_t at;    /* where the field stands in the message */
    size_t width; /* in bytes; 0: the hello has no such field */
};

/** A hello under construction; `message` is the handshake message, header included. */
struct hello {
    struct hello_bytes message;
    struct hello_length lengths[HELLO_FIELDS];
};

/** Start; NULL means hello_head_default.  Pair with hello_free(). */
void hello_begin(struct hello *h, const struct hello_head *head);
void hello_free(struct hello *h);

/** server_name with one host_name of any bytes. */
void hello_add_name(struct hello *h, const void *name, size_t len);
/** ALPN from a list separated by commas ("h2,http/1.1"). */
void hello_add_alpn(struct hello *h, const char *names);
/** supported_versions. */
void hello_add_versions(struct hello *h, const uint16_t *versions, size_t n);
struct hello_share {
    uint16_t group;
    size_t key_bytes; /* of zeros */
};
/** key_share with these keys; one key. */
void hello_add_key_shares(struct hello *h, const struct hello_share *shares, size_t n);
void hello_add_key_share(struct hello *h, uint16_t group, size_t key_bytes);
/** Any extension, its body as it is (NULL: zeros). */
void hello_add_extension(struct hello *h, uint16_t type, const void *body, size_t len);
/** A padding extension (RFC 7685) that makes the message `message_bytes` long, header included. */
void hello_add_padding(struct hello *h, size_t message_bytes);

/** Write the true lengths of message and extensions.  Bytes may still be added to h->message: they
 * are then counted by none. */
void hello_end(struct hello *h);

bool hello_has_field(const struct hello *h, enum hello_field field);
/** Overwrite a length with `value`, cut to the field's width. */
void hello_lie(struct hello *h, enum hello_field field, size_t value);
/** What the field says now. */
size_t hello_length(const struct hello *h, enum hello_field field);

/** Append one record. */
void hello_add_record(struct hello_bytes *raw, unsigned type, unsigned version,
                      const uint8_t *payload, size_t len);
/** Append `message` as handshake records of version 3.1 with `record_bytes` payload each, the last
 * one shorter. */
void hello_records(struct hello_bytes *raw, const struct hello_bytes *message, size_t record_bytes);
/** The same with a border at each of `n` ascending offsets into the message. */
void hello_records_at(struct hello_bytes *raw, const struct hello_bytes *message,
                      const size_t *cuts, size_t n);

/** The whole thing for who only needs a hello: `sni` (NULL: none) and `alpn` (NULL: none), TLS 1.3,
 * one record, appended to `raw`. */
void hello_simple(struct hello_bytes *raw, const char *sni, const char *alpn);
/** As hello_simple(), and what a current browser adds: GREASE, ECH GREASE, a post-quantum key
 * share; about 1.8 kB. */
void hello_browser(struct hello_bytes *raw, const char *sni);

#endif
