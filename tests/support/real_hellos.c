#include "support/real_hellos.h"

static const uint8_t curl[] = {
#include "data/hellos/curl-7.88.hex"
};

static const uint8_t gnutls_tls12[] = {
#include "data/hellos/gnutls-3.7-tls12.hex"
};

static const uint8_t gnutls_tls13[] = {
#include "data/hellos/gnutls-3.7-tls13.hex"
};

static const uint8_t go[] = {
#include "data/hellos/go-1.26.hex"
};

static const uint8_t openssl_no_name[] = {
#include "data/hellos/openssl-3.0-no-name.hex"
};

static const uint8_t openssl_tls12[] = {
#include "data/hellos/openssl-3.0-tls12.hex"
};

static const uint8_t openssl_tls13[] = {
#include "data/hellos/openssl-3.0-tls13.hex"
};

const struct real_hello real_hellos[REAL_HELLOS] = {
    {"curl-7.88", curl, sizeof curl},
    {"gnutls-3.7-tls12", gnutls_tls12, sizeof gnutls_tls12},
    {"gnutls-3.7-tls13", gnutls_tls13, sizeof gnutls_tls13},
    {"go-1.26", go, sizeof go},
    {"openssl-3.0-no-name", openssl_no_name, sizeof openssl_no_name},
    {"openssl-3.0-tls12", openssl_tls12, sizeof openssl_tls12},
    {"openssl-3.0-tls13", openssl_tls13, sizeof openssl_tls13},
};
