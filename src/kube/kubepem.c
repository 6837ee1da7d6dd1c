#include "kubepem_priv.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static BIO *open_text(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= INT_MAX ? BIO_new_mem_buf(text, (int)len) : NULL;
}

/* Without it OpenSSL would ask on the terminal. */
static int no_passphrase(char *out, int size, int is_writing, void *ctx)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)ctx;
    return -1;
}

bool kubepem_is_certificates(const char *text)
{
    BIO *in = open_text(text);
    STACK_OF(X509_INFO) *all = NULL;
    bool found = false;

    if (in != NULL) {
        all = PEM_X509_INFO_read_bio(in, NULL, no_passphrase, NULL);
    }
    for (int i = 0; i < sk_X509_INFO_num(all); i++) {
        found = found || sk_X509_INFO_value(all, i)->x509 != NULL;
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    BIO_free(in);
    ERR_clear_error();
    return found;
}

static EVP_PKEY *read_key(const char *text)
{
    BIO *in = open_text(text);
    EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

    BIO_free(in);
    return key;
}

bool kubepem_is_key(const char *text)
{
    EVP_PKEY *key = read_key(text);
    bool found = key != NULL;

    EVP_PKEY_free(key);
    ERR_clear_error();
    return found;
}

bool kubepem_is_pair(const char *cert, const char *key_text)
{
    BIO *in = open_text(cert);
    X509 *first = in != NULL ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *key = read_key(key_text);
    bool is_pair = first != NULL && key != NULL && X509_check_private_key(first, key) == 1;

    EVP_PKEY_free(key);
    X509_free(first);
    BIO_free(in);
    ERR_clear_error();
    return is_pair;
}
