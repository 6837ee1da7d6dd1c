#include "support/certs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 3600)

struct certs {
    const struct tempdir *dir;
    EVP_PKEY *key;
    X509 *ca;
    long serial;
    long until_s; /* how long certificates are good from now */
};

static void check(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "certs: %s failed\n", what);
        abort();
    }
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    check(ext != NULL && X509_add_ext(cert, ext, -1), value);
    X509_EXTENSION_free(ext);
}

/* An unsigned certificate with everything but extensions. */
static X509 *make(struct certs *c, EVP_PKEY *key, const char *common_name)
{
    X509 *cert = X509_new();
    X509_NAME *name;

    check(cert != NULL && X509_set_version(cert, X509_VERSION_3), "X509_new");
    name = X509_get_subject_name(cert);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++c->serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), c->until_s);
    check(X509_set_pubkey(cert, key), "X509_set_pubkey");
    check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                     -1, -1, 0),
          "X509_NAME_add_entry_by_txt");
    X509_set_issuer_name(cert, X509_get_subject_name(c->ca != NULL ? c->ca : cert));
    return cert;
}

static void write_pem(const struct certs *c, const char *file, EVP_PKEY *key, X509 *cert)
{
    char path[PATH_MAX];
    FILE *f = fopen(certs_path(c, file, path), "w");

    check(f != NULL, path);
    if (key != NULL) {
        check(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), "PEM_write_PrivateKey");
    }
    check(PEM_write_X509(f, cert), "PEM_write_X509");
    check(fclose(f) == 0, path);
}

struct certs *certs_new(const struct tempdir *dir)
{
    struct certs *c = calloc(1, sizeof(*c));
    X509 *ca;

    check(c != NULL, "calloc");
    c->dir = dir;
    c->until_s = DAY_S;
    c->key = EVP_EC_gen("P-256");
    check(c->key != NULL, "EVP_EC_gen");
    ca = make(c, c->key, "Sealway test CA");
    c->ca = ca;
    add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca, ca, NID_subject_key_identifier, "hash");
    check(X509_sign(ca, c->key, EVP_sha256()), "X509_sign");
    write_pem(c, "ca", NULL, ca);
    return c;
}

void certs_issue(struct certs *c, const char *file, const char *host)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    const bool is_address = strchr(host, ':') != NULL && strchr(host, ',') == NULL;
    char names[300];
    X509 *cert;

    check(key != NULL, "EVP_EC_gen");
    cert = make(c, key, host);
    snprintf(names, sizeof(names), "%s:%s", is_address ? "IP" : "DNS", host);
    add_extension(cert, c->ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert, c->ca, NID_key_usage, "critical,digitalSignature");
    add_extension(cert, c->ca, NID_ext_key_usage, "serverAuth,clientAuth");
    add_extension(cert, c->ca, NID_authority_key_identifier, "keyid");
    add_extension(cert, c->ca, NID_subject_alt_name, names);
    check(X509_sign(cert, c->key, EVP_sha256()), "X509_sign");
    write_pem(c, file, key, cert);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void certs_issue_expired(struct certs *c, const char *file, const char *host)
{
    c->until_s = -DAY_S / 24;
    certs_issue(c, file, host);
    c->until_s = DAY_S;
}

const char *certs_path(const struct certs *c, const char *file, char out[PATH_MAX])
{
    char name[128];

    snprintf(name, sizeof(name), "%s.pem", file);
    return tempdir_path(c->dir, name, out);
}

void certs_free(struct certs *c)
{
    X509_free(c->ca);
    EVP_PKEY_free(c->key);
    free(c);
}
