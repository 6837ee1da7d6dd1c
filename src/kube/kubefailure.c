#include "kubefailure_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/attr.h"

static const struct words {
    CURLcode code;
    const char *text;
} WORDS[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "its name has no address"},
    {CURLE_COULDNT_RESOLVE_PROXY, "the proxy's name has no address"},
    {CURLE_COULDNT_CONNECT, "cannot connect"},
    {CURLE_OPERATION_TIMEDOUT, "no connection in time"},
    {CURLE_SSL_CONNECT_ERROR, "the TLS handshake failed"},
    {CURLE_PEER_FAILED_VERIFICATION, "the server's certificate is not trusted"},
    {CURLE_SSL_CACERT_BADFILE, "the certificates to trust cannot be used"},
    {CURLE_SSL_CERTPROBLEM, "the client certificate or its key cannot be used"},
    {CURLE_GOT_NOTHING, "the connection was closed without an answer"},
    {CURLE_PARTIAL_FILE, "the answer was cut short"},
    {CURLE_RECV_ERROR, "the connection broke"},
    {CURLE_SEND_ERROR, "the connection broke"},
    {CURLE_UNSUPPORTED_PROTOCOL, "what answers speaks no HTTP/1.1"},
    {CURLE_WEIRD_SERVER_REPLY, "what answers speaks no HTTP/1.1"},
    {CURLE_BAD_CONTENT_ENCODING, "the answer cannot be decompressed"},
    {CURLE_WRITE_ERROR, "the answer cannot be decompressed"}, /* we never refuse a write unsaid */
    {CURLE_OUT_OF_MEMORY, "out of memory"},
};

static const char *find_words(CURLcode code)
{
    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++) {
        if (WORDS[i].code == code) {
            return WORDS[i].text;
        }
    }
    return "the request failed";
}

void kubefailure_say(const struct kubefailure *f, const char *server, char *out, size_t size)
{
    const char *detail = *f->detail != '\0' ? f->detail : curl_easy_strerror(f->code);

    if (f->os_errno != 0) {
        (void)snprintf(out, size, "%.200s: %s: %s (%s)", server, find_words(f->code), detail,
                       strerror(f->os_errno));
    } else {
        (void)snprintf(out, size, "%.200s: %s: %s", server, find_words(f->code), detail);
    }
}
