#include "support/hello_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define CAP ((size_t)LIMIT_HELLO_DEFAULT_BYTES)

struct guard_page hello_expect_guard;

int hello_expect_set_up(void **state)
{
    (void)state;
    guard_page_init(&hello_expect_guard, 8 * CAP);
    return 0;
}

int hello_expect_tear_down(void **state)
{
    (void)state;
    guard_page_fini(&hello_expect_guard);
    return 0;
}

static void assert_text(const char *got, size_t len, size_t room, const char *want)
{
    static const char zeros[CLIENTHELLO_NAME_MAX];
    assert_int_equal(len, strlen(want));
    assert_memory_equal(got, want, len);
    assert_memory_equal(got + len, zeros, room - len);
}

void hello_expect_outcome(const struct hello_outcome *o, const struct hello_expected *want)
{
    const struct clienthello_info *info = &o->info;
    bool ok = want->result == CLIENTHELLO_OK;
    assert_int_equal(o->result, want->result);
    assert_int_equal(info->alert, want->alert);
    assert_true(ok ? info->why == NULL : strlen(info->why) > 0);
    assert_int_equal(info->has_name, want->name != NULL);
    assert_text(info->name, info->name_len, sizeof info->name, want->name ? want->name : "");
    assert_text(info->alpn, info->alpn_len, sizeof info->alpn, want->alpn ? want->alpn : "");
    assert_int_equal(info->versions, want->versions);
    assert_int_equal(info->features & ~CLIENTHELLO_MULTI_RECORD, want->features);
}

static void expect_cuts(const struct hello_bytes *raw, const struct hello_expected *want)
{
    struct hello_outcome whole = hello_check_whole(&hello_expect_guard, raw, CAP);
    hello_expect_outcome(&whole, want);
    struct hello_outcome bytes =
        hello_check_feed(&hello_expect_guard, raw, CAP, (const size_t[]){1}, 1);
    assert_true(hello_check_same(&bytes, &whole));
    assert_int_equal(bytes.info.raw_bytes, whole.info.raw_bytes);
    assert_int_equal(bytes.info.features, whole.info.features);
    for (size_t cut = 1; cut < raw->len; cut++) {
        struct hello_bytes prefix = {.data = raw->data, .len = cut};
        struct hello_outcome first = hello_check_whole(&hello_expect_guard, &prefix, CAP);
        assert_int_equal(first.result, cut < bytes.fed ? CLIENTHELLO_MORE : want->result);
        struct hello_outcome both =
            hello_check_feed(&hello_expect_guard, raw, CAP, (const size_t[]){cut, raw->len}, 2);
        assert_true(hello_check_same(&both, &whole));
    }
}

static void expect_records(const struct hello_bytes *message, size_t cut,
                           const struct hello_expected *want)
{
    struct hello_bytes raw = {0};
    hello_records_at(&raw, message, &cut, 1);
    struct hello_outcome o = hello_check_whole(&hello_expect_guard, &raw, CAP);
    hello_expect_outcome(&o, want);
    if (want->result == CLIENTHELLO_OK) {
        assert_int_equal(o.info.raw_bytes, raw.len);
        assert_true(o.info.features & CLIENTHELLO_MULTI_RECORD);
    }
    hello_bytes_free(&raw);
}

void hello_expect_message(const struct hello_bytes *message, const struct hello_expected *want)
{
    struct hello_bytes raw = {0};
    hello_records(&raw, message, LIMIT_RECORD_BYTES);
    expect_cuts(&raw, want);
    for (size_t cut = 1; cut < message->len; cut++) {
        expect_records(message, cut, want);
    }
    raw.len = 0;
    hello_records(&raw, message, 1);
    struct hello_outcome whole = hello_check_whole(&hello_expect_guard, &raw, CAP);
    hello_expect_outcome(&whole, want);
    struct hello_outcome bytes =
        hello_check_feed(&hello_expect_guard, &raw, CAP, (const size_t[]){1}, 1);
    assert_true(hello_check_same(&bytes, &whole));
    hello_bytes_free(&raw);
}

void hello_expect_bytes(const void *bytes, size_t len, enum clienthello_result result,
                        enum alert_code alert)
{
    struct hello_bytes raw = {0};
    hello_bytes_add(&raw, bytes, len);
    expect_cuts(&raw, &(struct hello_expected){.result = result, .alert = alert});
    hello_bytes_free(&raw);
}

void hello_expect_rerecorded(const struct hello_bytes *raw, const struct hello_expected *want)
{
    struct hello_bytes message = {0};
    hello_check_message(raw, &message);
    hello_expect_message(&message, want);
    hello_bytes_free(&message);
}

void hello_expect_hello(struct hello *h, const struct hello_expected *want)
{
    hello_end(h);
    hello_expect_message(&h->message, want);
    hello_free(h);
}

void hello_expect_hello_once(struct hello *h, const struct hello_expected *want)
{
    struct hello_bytes raw = {0};
    hello_end(h);
    hello_records(&raw, &h->message, LIMIT_RECORD_BYTES);
    struct hello_outcome o = hello_check_whole(&hello_expect_guard, &raw, CAP);
    hello_expect_outcome(&o, want);
    hello_bytes_free(&raw);
    hello_free(h);
}
