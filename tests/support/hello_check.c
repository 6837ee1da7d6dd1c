#include "support/hello_check.h"

#include <string.h>

#include "base/attr.h"
#include "support/guard_page.h"

struct hello_outcome hello_check_feed(struct guard_page *guard, const struct hello_bytes *raw,
                                      size_t max_bytes, const size_t *steps, size_t n)
{
    struct hello_outcome o = {.result = CLIENTHELLO_MORE};
    struct clienthello parser;
    clienthello_init(&parser);
    memset(&o.info, 0xa5, sizeof o.info);
    for (size_t i = 0; o.result == CLIENTHELLO_MORE && o.fed < raw->len; i++) {
        size_t step = steps[i < n ? i : n - 1];
        o.fed = raw->len - o.fed < step ? raw->len : o.fed + step;
        const uint8_t *copy = guard_page_copy(guard, raw->data, o.fed);
        o.result = clienthello_feed(&parser, copy, o.fed, max_bytes, &o.info);
    }
    return o;
}

struct hello_outcome hello_check_whole(struct guard_page *guard, const struct hello_bytes *raw,
                                       size_t max_bytes)
{
    return hello_check_feed(guard, raw, max_bytes, &raw->len, 1);
}

static bool same_info(const struct clienthello_info *a, const struct clienthello_info *b)
{
    return a->has_name == b->has_name && a->name_len == b->name_len &&
           memcmp(a->name, b->name, sizeof a->name) == 0 && a->alpn_len == b->alpn_len &&
           memcmp(a->alpn, b->alpn, sizeof a->alpn) == 0 && a->versions == b->versions &&
           ((a->features ^ b->features) & ~CLIENTHELLO_MULTI_RECORD) == 0 && a->alert == b->alert &&
           a->why == b->why;
}

bool hello_check_same(const struct hello_outcome *a, const struct hello_outcome *b)
{
    if (a->result != b->result) {
        return false;
    }
    return a->result == CLIENTHELLO_MORE || same_info(&a->info, &b->info);
}

void hello_check_message(const struct hello_bytes *raw, struct hello_bytes *message)
{
    size_t size = SIZE_MAX;
    for (size_t at = 0; message->len < size;) {
        size_t payload = (size_t)raw->data[at + 3] << 8 | raw->data[at + 4];
        hello_bytes_add(message, raw->data + at + 5, payload);
        at += 5 + payload;
        if (size == SIZE_MAX && message->len >= 4) {
            size = 4 + ((size_t)message->data[1] << 16 | (size_t)message->data[2] << 8 |
                        message->data[3]);
        }
    }
}
