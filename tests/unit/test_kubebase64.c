#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "../../src/kube/kubebase64_priv.h"
#include "support/failalloc.h"
#include "support/form.h"

#define BLOCK ((size_t)1 << 21)

static void what_is_encoded_is_decoded(void **state)
{
    static const char *const texts[] = {"f", "fo", "foo", "foob", "fooba", "foobar", "\xff\xfe~"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *base64 = kubebase64_encode(texts[i]), *back = NULL;

        assert_int_equal(kubebase64_decode(base64, &back), 0);
        assert_string_equal(back, texts[i]);
        free(base64);
        free(back);
    }
}

static void line_ends_are_passed_over(void **state)
{
    char *text;

    (void)state;
    assert_int_equal(kubebase64_decode("Zm9v\r\nYmFy\n", &text), 0); /* RFC 4648, section 10 */
    assert_string_equal(text, "foobar");
    free(text);
}

static void whatever_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zm-_", "Zg==Zg==", "Zm9v!mFy", "AGZv"};
    char *text = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(kubebase64_decode(bad[i], &text), -EINVAL);
        assert_null(text);
    }
}

/* A text of so many bytes that takes the memory of one block. */
static char *long_text(size_t len)
{
    size_t n = len / BLOCK + 1;
    int fd = memfd_create("text", MFD_CLOEXEC);
    char *text =
        mmap(NULL, n * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_true(fd >= 0 && text != MAP_FAILED && ftruncate(fd, (off_t)BLOCK) == 0);
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(mmap(text + i * BLOCK, BLOCK, PROT_READ | PROT_WRITE,
                              (i + 1 < n ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd, 0),
                         text + i * BLOCK);
    }
    memset(text, 'x', BLOCK);
    text[len] = '\0'; /* in the last block, which is a copy */
    close(fd);
    return text;
}

/* OpenSSL counts in int. */
static void what_is_too_long_to_be_counted_is_not_encoded(void **state)
{
    size_t len = (size_t)INT_MAX / 2;
    char *text;

    (void)state;
    if (FORM_SANITIZED) {
        print_message("             skip %s: a sanitizer notes every byte\n", __func__);
        skip();
    }
    text = long_text(len);
    assert_null(kubebase64_encode(text));
    assert_int_equal(munmap(text, (len / BLOCK + 1) * BLOCK), 0);
}

static bool is_refusing;

/* In OpenSSL's place. */
int EVP_DecodeBlock(unsigned char *out, const unsigned char *text, int len)
{
    int (*real)(unsigned char *, const unsigned char *, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "EVP_DecodeBlock");
    return is_refusing ? -1 : real(out, text, len);
}

static void what_openssl_refuses_is_refused(void **state)
{
    char *text = NULL;

    (void)state;
    is_refusing = true;
    assert_int_equal(kubebase64_decode("Zm9v", &text), -EINVAL);
    is_refusing = false;
    assert_null(text);
}

static void round_trip(void *ctx)
{
    char *text = NULL, *base64 = kubebase64_encode("foo");
    int rc = base64 != NULL ? kubebase64_decode(base64, &text) : -ENOMEM;

    (void)ctx;
    assert_true(rc == 0 || rc == -ENOMEM);
    free(base64);
    free(text);
}

static void without_memory_it_fails(void **state)
{
    (void)state;
    assert_int_equal(failalloc_torture(round_trip, NULL), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(line_ends_are_passed_over),
        cmocka_unit_test(whatever_else_is_refused),
        cmocka_unit_test(what_is_too_long_to_be_counted_is_not_encoded),
        cmocka_unit_test(what_openssl_refuses_is_refused),
        cmocka_unit_test(without_memory_it_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
