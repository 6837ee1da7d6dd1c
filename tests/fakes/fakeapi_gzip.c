#include "fakes/fakeapi_priv.h"

#define STORED_MAX 65535u

static uint32_t crc32_of(const char *bytes, size_t len)
{
    uint32_t table[256];
    uint32_t crc = 0xffffffffu;

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = (table[i] >> 1) ^ ((table[i] & 1) != 0 ? 0xedb88320u : 0);
        }
    }
    for (size_t i = 0; i < len; i++) {
        crc = (crc >> 8) ^ table[(crc ^ (unsigned char)bytes[i]) & 0xff];
    }
    return ~crc;
}

static void add_little_endian(struct fakeapi_text *t, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        char byte = (char)(value >> (8 * i) & 0xff);

        fakeapi_text_add(t, &byte, 1);
    }
}

/* RFC 1952 around RFC 1951's stored blocks. */
void fakeapi_gzip_wrap(struct fakeapi_text *t)
{
    static const char head[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, (char)0xff};
    struct fakeapi_text out = {0};
    size_t at = 0;

    fakeapi_text_add(&out, head, sizeof(head));
    do {
        size_t left = t->len - at;
        uint32_t n = left > STORED_MAX ? STORED_MAX : (uint32_t)left;

        add_little_endian(&out, n == left, 1);
        add_little_endian(&out, n, 2);
        add_little_endian(&out, ~n & 0xffff, 2);
        fakeapi_text_add(&out, t->s + at, n);
        at += n;
    } while (at < t->len);
    add_little_endian(&out, crc32_of(t->s, t->len), 4);
    add_little_endian(&out, (uint32_t)t->len, 4);
    fakeapi_text_free(t);
    *t = out;
}
