#include "kubeanswer_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "kubefailure_priv.h"
#include "kubewarnings_priv.h"

void kubeanswer_init(struct kubeanswer *a, const struct kuberequest_config *cfg,
                     struct kubewarnings *warnings)
{
    memset(a, 0, sizeof(*a));
    a->cfg = cfg;
    a->warnings = warnings;
    buf_init(&a->body, KUBESTATUS_BODY_BYTES);
}

void kubeanswer_fini(struct kubeanswer *a)
{
    buf_fini(&a->body);
}

bool kubeanswer_is_good(const struct kubeanswer *a)
{
    return a->code >= 200 && a->code <= 299;
}

/* The empty line behind a head, or behind trailers. */
static void end_head(struct kubeanswer *a)
{
    long code = 0;

    (void)curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &code);
    if (a->code != 0 || code < 200) { /* trailers; 1xx */
        return;
    }
    a->code = (int)code;
    if (kubeanswer_is_good(a) && a->cfg->on_head != NULL) {
        a->cfg->on_head(a->cfg->ctx);
    }
}

/* CURLOPT_HEADERFUNCTION: a line at a time, its end included. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct kubeanswer *a = ctx;
    size_t len = size * n;

    if (a->is_muted) {
        return 0;
    }
    a->heard_ms = clock_now_ms();
    a->head_bytes += len;
    if (a->head_bytes > LIMIT_KUBE_HEAD_BYTES) {
        a->fault = "the head of the answer is too large";
        return 0;
    }
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) {
        n--;
    }
    kubewarnings_hear(a->warnings, line, n);
    if (n == 0) {
        end_head(a);
    }
    return a->is_muted ? 0 : len;
}

/* Keep it as far as there is room; what is beyond cannot matter, so the transfer ends. */
static size_t keep(struct kubeanswer *a, const char *bytes, size_t len)
{
    size_t room = KUBESTATUS_BODY_BYTES - a->body.len;
    size_t kept = len < room ? len : room;

    return buf_append(&a->body, bytes, kept) == 0 && kept == len ? len : 0;
}

/* CURLOPT_WRITEFUNCTION */
static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct kubeanswer *a = ctx;
    size_t len = size * n;

    if (a->is_muted) {
        return 0;
    }
    a->heard_ms = clock_now_ms();
    if (!kubeanswer_is_good(a)) {
        return keep(a, bytes, len);
    }
    if (len > 0 && a->cfg->on_bytes(a->cfg->ctx, bytes, len) != 0) {
        a->is_declined = true;
    }
    return a->is_muted || a->is_declined ? 0 : len;
}

CURLcode kubeanswer_attach(struct kubeanswer *a, CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);

    a->easy = easy;
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, a);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, a);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, a->error);
    }
    return code;
}

/* The header as seconds or date; libcurl reads both, but tells neither 0 nor nonsense from absence.
 */
static void read_retry_after(CURL *easy, struct kubestatus *s)
{
    struct curl_header *header;
    curl_off_t seconds = 0;

    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK ||
        curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds) != CURLE_OK) {
        return;
    }
    if (seconds > 0 || strcmp(header->value, "0") == 0) {
        s->has_retry_after = true;
        s->retry_after_s = seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
    }
}

static void read_refusal(const struct kubeanswer *a, struct kubestatus *s)
{
    char *type = NULL;

    (void)curl_easy_getinfo(a->easy, CURLINFO_CONTENT_TYPE, &type);
    kubestatus_from_answer(s, a->code, type, a->body.data, a->body.len);
    read_retry_after(a->easy, s);
    if (a->code < 400) {
        char *to = NULL;

        (void)curl_easy_getinfo(a->easy, CURLINFO_REDIRECT_URL, &to);
        (void)snprintf(s->message, sizeof(s->message), "redirects are not followed; to %.200s",
                       to != NULL ? to : "nowhere");
    }
}

static void say_failure(const struct kubeanswer *a, CURLcode code, const char *server,
                        struct kubestatus *s)
{
    struct kubefailure f = {code, a->error, 0};
    char text[sizeof(s->message)];
    long os_errno = 0;

    if (a->fault != NULL) {
        (void)snprintf(text, sizeof(text), "%.200s: %s", server, a->fault);
    } else {
        if (code == CURLE_COULDNT_CONNECT &&
            curl_easy_getinfo(a->easy, CURLINFO_OS_ERRNO, &os_errno) == CURLE_OK) {
            f.os_errno = (int)os_errno;
        }
        kubefailure_say(&f, server, text, sizeof(text));
    }
    kubestatus_unreachable(s, text);
}

void kubeanswer_judge(const struct kubeanswer *a, CURLcode code, const char *server,
                      struct kuberesult *out)
{
    memset(out, 0, sizeof(*out));
    out->began = kubeanswer_is_good(a);
    if (a->code != 0 && !out->began) {
        out->how = KUBERESULT_REFUSED; /* however its body ended */
        read_refusal(a, &out->status);
    } else if (out->began && code == CURLE_OK && a->fault == NULL) {
        out->how = KUBERESULT_OK;
        out->status.code = a->code;
    } else {
        out->how = KUBERESULT_FAILED;
        if (!a->is_declined) {
            say_failure(a, code == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : code, server,
                        &out->status);
        }
    }
}
