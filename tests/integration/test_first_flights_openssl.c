/*
 * A second opinion on every first flight of tests/data/hellos.tsv: a TLS server of OpenSSL, in
 * memory.  What it reads is what a backend would read; where we differ the row says why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "support/certs.h"
#include "support/hello_oracle.h"
#include "support/hello_rows.h"
#include "support/tempdir.h"

/* What became of one flight; the servername callback writes it. */
struct opinion {
    bool asked;
    char word[HELLO_ORACLE_WORD_MAX];
};

struct oracle {
    struct tempdir dir;
    SSL_CTX *ctx;
    struct hello_rows rows;
};

/* Called once the hello is parsed, with or without a name; what fails later does not matter. */
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    struct opinion *o = SSL_get_app_data(ssl);
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    (void)arg;
    o->asked = true;
    if (name == NULL || name[0] == '\0') {
        snprintf(o->word, sizeof(o->word), "%s", HELLO_ORACLE_NONE);
    } else {
        hello_oracle_word(name, strlen(name), o->word);
    }
    return SSL_TLSEXT_ERR_OK;
}

static int set_up(void **state)
{
    static struct oracle o;
    struct certs *certs;
    char pem[PATH_MAX];

    tempdir_make(&o.dir);
    hello_rows_read(&o.rows);
    certs = certs_new(&o.dir);
    certs_issue(certs, "server", "foo.example.com");
    certs_path(certs, "server", pem);
    certs_free(certs);
    o.ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(o.ctx);
    SSL_CTX_set_security_level(o.ctx, 0);
    assert_int_equal(SSL_CTX_set_min_proto_version(o.ctx, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_cipher_list(o.ctx, "ALL:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(o.ctx, pem), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(o.ctx, pem, SSL_FILETYPE_PEM), 1);
    SSL_CTX_set_tlsext_servername_callback(o.ctx, on_server_name);
    *state = &o;
    return 0;
}

static int tear_down(void **state)
{
    struct oracle *o = *state;

    SSL_CTX_free(o->ctx);
    hello_rows_free(&o->rows);
    tempdir_remove(&o->dir);
    return 0;
}

static void ask(SSL_CTX *ctx, const struct hello_bytes *raw, struct opinion *out)
{
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *answer = BIO_new(BIO_s_mem());

    *out = (struct opinion){.asked = false};
    assert_true(ssl != NULL && in != NULL && answer != NULL);
    assert_true(raw->len <= INT_MAX);
    if (raw->len > 0) {
        assert_int_equal(BIO_write(in, raw->data, (int)raw->len), (int)raw->len);
    }
    SSL_set_bio(ssl, in, answer);
    SSL_set_app_data(ssl, out);
    int rc = SSL_accept(ssl);
    if (!out->asked) {
        bool waits = SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ;
        snprintf(out->word, sizeof(out->word), "%s",
                 waits ? HELLO_ORACLE_MORE : HELLO_ORACLE_REFUSED);
    }
    ERR_clear_error();
    SSL_free(ssl);
}

static void openssl_reads_what_we_read_but_for_what_is_listed(void **state)
{
    struct oracle *o = *state;
    size_t held = 0, listed = 0;

    for (size_t i = 0; i < o->rows.n; i++) {
        const struct hello_row *r = &o->rows.rows[i];
        struct opinion opinion;

        ask(o->ctx, &r->flight.raw, &opinion);
        held += hello_oracle_holds(r, &r->openssl, opinion.word);
        listed += r->openssl.says[0] != '\0';
    }
    print_message("             %zu of %zu first flights read as listed by %s, %zu of them "
                  "otherwise than we do\n",
                  held, o->rows.n, OpenSSL_version(OPENSSL_VERSION), listed);
    assert_int_equal(held, o->rows.n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_reads_what_we_read_but_for_what_is_listed),
    };

    return cmocka_run_group_tests_name("first flights, OpenSSL", tests, set_up, tear_down);
}
