#include "kubebase64_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/secret.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Copy without line ends.  Returns the length, or 0 when it cannot be base64. */
static size_t strip(const char *text, char *out)
{
    size_t n = 0, digits;

    for (; *text != '\0'; text++) {
        if (*text != '\n' && *text != '\r') {
            out[n++] = *text;
        }
    }
    out[n] = '\0';
    digits = strspn(out, ALPHABET);
    if (n % 4 != 0 || n - digits > 2 || strspn(out + digits, "=") != n - digits || n > INT_MAX) {
        return 0;
    }
    return n;
}

int kubebase64_decode(const char *text, char **out)
{
    size_t len = strlen(text), n;
    char *plain = calloc(1, len + 1), *bytes = calloc(1, len + 4);
    int rc = plain != NULL && bytes != NULL ? 0 : -ENOMEM;

    if (rc == 0) {
        n = strip(text, plain);
        if (n == 0 || EVP_DecodeBlock((unsigned char *)bytes, (unsigned char *)plain, (int)n) < 0) {
            rc = -EINVAL;
        } else {
            /* EVP counts the padding as bytes of zero. */
            size_t size = n / 4 * 3 - (n - strspn(plain, ALPHABET));

            bytes[size] = '\0';
            rc = strlen(bytes) == size ? 0 : -EINVAL;
        }
    }
    secret_free(plain);
    if (rc == 0) {
        *out = bytes;
    } else if (bytes != NULL) {
        explicit_bzero(bytes, len + 4);
        free(bytes);
    }
    return rc;
}

char *kubebase64_encode(const char *text)
{
    size_t len = strlen(text);
    char *out = len < INT_MAX / 2 ? malloc((len + 2) / 3 * 4 + 1) : NULL;

    if (out != NULL) {
        (void)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)len);
    }
    return out;
}
