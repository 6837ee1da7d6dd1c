/* The words that belong to a hello: what it says. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "support/hello_expr_priv.h"
#include "support/hello_text.h"
#include "tls/record.h"

#define EXTENSION_SUPPORTED_GROUPS     10
#define EXTENSION_SIGNATURE_ALGORITHMS 13
#define GROUP_X25519                   29
#define WORD_MAX                       ((size_t)512)

void hello_expr_start(struct evaluation *e)
{
    static const uint8_t ciphers[] = {
        0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b,
        0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x9d,
    };

    e->in_hello = true;
    e->head = hello_head_default;
    e->type = HANDSHAKE_CLIENT_HELLO;
    e->record_version = 0x0301;
    e->record_bytes = LIMIT_RECORD_BYTES;
    hello_bytes_add(&e->ciphers, ciphers, sizeof(ciphers));
    hello_bytes_add_u8(&e->compression, 0);
}

void hello_expr_begin(struct evaluation *e)
{
    uint8_t *message;

    if (e->begun) {
        return;
    }
    e->begun = true;
    e->head.cipher_bytes = e->ciphers.len;
    e->head.compression_bytes = e->compression.len;
    hello_begin(&e->hello, &e->head);
    message = e->hello.message.data;
    message[0] = (uint8_t)e->type;
    memcpy(message + e->hello.lengths[HELLO_CIPHER_SUITES].at + 2, e->ciphers.data, e->ciphers.len);
    memcpy(message + e->hello.lengths[HELLO_COMPRESSION].at + 1, e->compression.data,
           e->compression.len);
}

static bool on_version(struct evaluation *e, const char *value)
{
    size_t version;

    if (!hello_text_number(value, 16, &version)) {
        return false;
    }
    e->head.legacy_version = (uint16_t)version;
    return true;
}

static bool on_type(struct evaluation *e, const char *value)
{
    return hello_text_number(value, 16, &e->type);
}

static bool on_session(struct evaluation *e, const char *value)
{
    return hello_text_number(value, 10, &e->head.session_id_bytes);
}

static bool on_ciphers(struct evaluation *e, const char *value)
{
    e->ciphers.len = 0;
    return hello_text_add_hex(&e->ciphers, value);
}

static bool on_compression(struct evaluation *e, const char *value)
{
    e->compression.len = 0;
    return hello_text_add_hex(&e->compression, value);
}

static bool on_bare(struct evaluation *e, const char *value)
{
    e->head.without_extensions = true;
    return value == NULL;
}

static bool on_name(struct evaluation *e, const char *value)
{
    struct hello_bytes name = {0};
    bool good = hello_text_add(&name, value);

    hello_add_name(&e->hello, name.data, name.len);
    hello_bytes_free(&name);
    return good;
}

static bool on_alpn(struct evaluation *e, const char *value)
{
    struct hello_bytes names = {0};
    bool good = hello_text_add(&names, value);

    hello_bytes_add_u8(&names, 0);
    hello_add_alpn(&e->hello, (const char *)names.data);
    hello_bytes_free(&names);
    return good;
}

static bool on_versions(struct evaluation *e, const char *value)
{
    size_t list[HELLO_EXPR_LIST_MAX], n;
    uint16_t versions[HELLO_EXPR_LIST_MAX];
    bool good = hello_expr_list(value, 16, list, &n);

    for (size_t i = 0; i < n; i++) {
        versions[i] = (uint16_t)list[i];
    }
    hello_add_versions(&e->hello, versions, n);
    return good;
}

static bool on_shares(struct evaluation *e, const char *value)
{
    struct hello_share shares[HELLO_EXPR_LIST_MAX];
    char copy[WORD_MAX];
    char *rest = copy, *item;
    size_t n = 0;

    snprintf(copy, sizeof(copy), "%s", value);
    while ((item = strsep(&rest, ",")) != NULL) {
        size_t group;
        const char *bytes = hello_expr_typed(item, &group);

        if (n == HELLO_EXPR_LIST_MAX || bytes == NULL ||
            !hello_text_number(bytes, 10, &shares[n].key_bytes)) {
            return false;
        }
        shares[n++].group = (uint16_t)group;
    }
    hello_add_key_shares(&e->hello, shares, n);
    return true;
}

static bool on_ext(struct evaluation *e, const char *value)
{
    struct hello_bytes body = {0};
    size_t type;
    const char *hex = hello_expr_typed(value, &type);
    bool good = hex != NULL && hello_text_add_hex(&body, hex);

    if (good) {
        hello_add_extension(&e->hello, (uint16_t)type, body.data, body.len);
    }
    hello_bytes_free(&body);
    return good;
}

static bool on_exts(struct evaluation *e, const char *value)
{
    size_t type, n;
    const char *number = hello_expr_typed(value, &type);

    if (number == NULL || !hello_text_number(number, 10, &n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        hello_add_extension(&e->hello, (uint16_t)(type + i), NULL, 0);
    }
    return true;
}

static bool on_groups(struct evaluation *e, const char *value)
{
    size_t groups[HELLO_EXPR_LIST_MAX], n;
    bool good = hello_expr_list(value, 16, groups, &n);
    struct hello_bytes body = {0};

    hello_bytes_add_u16(&body, (unsigned)(2 * n));
    for (size_t i = 0; i < n; i++) {
        hello_bytes_add_u16(&body, (unsigned)groups[i]);
    }
    hello_add_extension(&e->hello, EXTENSION_SUPPORTED_GROUPS, body.data, body.len);
    hello_bytes_free(&body);
    return good;
}

static bool on_algorithms(struct evaluation *e, const char *value)
{
    static const uint8_t algorithms[] = {0, 8, 4, 3, 8, 4, 4, 1, 5, 3};

    hello_add_extension(&e->hello, EXTENSION_SIGNATURE_ALGORITHMS, algorithms, sizeof(algorithms));
    return value == NULL;
}

static bool on_tls12(struct evaluation *e, const char *value)
{
    return on_groups(e, "001d,0017,0018") && on_algorithms(e, value);
}

static bool on_tls13(struct evaluation *e, const char *value)
{
    bool good = on_tls12(e, value);

    hello_add_versions(&e->hello, (const uint16_t[]){0x0304, 0x0303}, 2);
    hello_add_key_share(&e->hello, GROUP_X25519, 32);
    return good;
}

static bool on_pad(struct evaluation *e, const char *value)
{
    size_t bytes;

    if (!hello_text_number(value, 10, &bytes) || bytes < e->hello.message.len + 4) {
        return false;
    }
    hello_add_padding(&e->hello, bytes);
    return true;
}

static bool on_tail(struct evaluation *e, const char *value)
{
    return hello_text_add_hex(&e->tail, value);
}

static bool on_lie(struct evaluation *e, const char *value)
{
    if (e->n_lies == ARRAY_LEN(e->lies)) {
        return false;
    }
    e->lies[e->n_lies++] = value;
    return true;
}

static bool on_rv(struct evaluation *e, const char *value)
{
    return hello_text_number(value, 16, &e->record_version);
}

static bool on_records(struct evaluation *e, const char *value)
{
    return hello_text_number(value, 10, &e->record_bytes) && e->record_bytes > 0;
}

static bool on_split(struct evaluation *e, const char *value)
{
    return hello_expr_list(value, 10, e->splits, &e->n_splits);
}

const struct word hello_expr_hello_words[] = {
    {"type", on_type, WORD_OF_HEAD, false},
    {"version", on_version, WORD_OF_HEAD, false},
    {"session", on_session, WORD_OF_HEAD, false},
    {"ciphers", on_ciphers, WORD_OF_HEAD, false},
    {"compression", on_compression, WORD_OF_HEAD, false},
    {"bare", on_bare, WORD_OF_HEAD, true},
    {"name", on_name, WORD_OF_EXTENSION, false},
    {"alpn", on_alpn, WORD_OF_EXTENSION, false},
    {"versions", on_versions, WORD_OF_EXTENSION, false},
    {"shares", on_shares, WORD_OF_EXTENSION, false},
    {"ext", on_ext, WORD_OF_EXTENSION, false},
    {"exts", on_exts, WORD_OF_EXTENSION, false},
    {"groups", on_groups, WORD_OF_EXTENSION, false},
    {"algorithms", on_algorithms, WORD_OF_EXTENSION, true},
    {"tls12", on_tls12, WORD_OF_EXTENSION, true},
    {"tls13", on_tls13, WORD_OF_EXTENSION, true},
    {"pad", on_pad, WORD_OF_EXTENSION, false},
    {"tail", on_tail, WORD_OF_HELLO, false},
    {"lie", on_lie, WORD_OF_HELLO, false},
    {"rv", on_rv, WORD_OF_HELLO, false},
    {"records", on_records, WORD_OF_HELLO, false},
    {"split", on_split, WORD_OF_HELLO, false},
    {NULL, NULL, WORD_OF_HELLO, true},
};
