#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "../../src/kube/kubepem_priv.h"
#include "base/attr.h"
#include "support/certs.h"
#include "support/tempdir.h"

static struct tempdir dir;
static char ca[8192], one[8192], two[8192];

static void slurp(const struct certs *c, const char *file, char out[8192])
{
    char path[PATH_MAX];
    int fd = open(certs_path(c, file, path), O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, out, 8191) : -1;

    assert_true(got > 0);
    out[got] = '\0';
    close(fd);
}

static int make(void **state)
{
    struct certs *c;

    (void)state;
    tempdir_make(&dir);
    c = certs_new(&dir);
    certs_issue(c, "one", "one.test");
    certs_issue(c, "two", "two.test");
    slurp(c, "ca", ca);
    slurp(c, "one", one);
    slurp(c, "two", two);
    certs_free(c);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

static void certificates_are_told_from_other_texts(void **state)
{
    char both[16384];

    (void)state;
    assert_true(kubepem_is_certificates(ca));
    (void)strcat(strcpy(both, ca), one);
    assert_true(kubepem_is_certificates(both));
    assert_false(kubepem_is_certificates(""));
    assert_false(kubepem_is_certificates("words"));
    assert_false(kubepem_is_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n"
                                         "-----END CERTIFICATE-----\n"));
}

static void one_that_is_cut_short_spoils_all(void **state)
{
    char cut[16384];

    (void)state;
    (void)strcat(strcpy(cut, ca), ca);
    cut[strlen(cut) - 40] = '\0';
    assert_false(kubepem_is_certificates(cut));
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for libcurl to find */
}

static void a_key_belongs_to_one_certificate(void **state)
{
    (void)state;
    assert_true(kubepem_is_key(one));
    assert_false(kubepem_is_key(ca));
    assert_true(kubepem_is_pair(one, one));
    assert_false(kubepem_is_pair(one, two));
    assert_int_equal(ERR_peek_error(), 0);
}

static void a_half_of_a_pair_is_none(void **state)
{
    static const char *const none[] = {"", "words"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        assert_false(kubepem_is_key(none[i]));
        assert_false(kubepem_is_pair(none[i], one));
        assert_false(kubepem_is_pair(one, none[i]));
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void a_key_with_a_passphrase_is_refused_without_asking(void **state)
{
    static const char locked[] = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                                 "DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n\n"
                                 "AAECAwQFBgcICQoLDA0ODw==\n-----END EC PRIVATE KEY-----\n";

    (void)state;
    assert_false(kubepem_is_key(locked));
    assert_false(kubepem_is_certificates(locked)); /* it is PEM, but none of those */
    assert_int_equal(ERR_peek_error(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_told_from_other_texts),
        cmocka_unit_test(one_that_is_cut_short_spoils_all),
        cmocka_unit_test(a_key_belongs_to_one_certificate),
        cmocka_unit_test(a_half_of_a_pair_is_none),
        cmocka_unit_test(a_key_with_a_passphrase_is_refused_without_asking),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
