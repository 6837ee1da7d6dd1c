#include "adminclient.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/netaddr.h"

#define SCHEME    "http://"
#define CONNECT_S 5L
#define TOTAL_S   60L
#define STATUS_OK 200L
#define URL_MAX   8192

/* One request on its way. */
struct request {
    CURL *curl;
    char base[512]; /* the instance's URL, without a slash at its end */
    struct buf url;
    struct adminclient_page *page;
    int body_rc; /* of taking the answer */
    char why[CURL_ERROR_SIZE];
    struct err *e;
};

static int no_memory(struct err *e)
{
    err_set(e, "out of memory");
    return -ENOMEM;
}

/* --- Where to -------------------------------------------------------------------------------- */

static int refuse_url(const char *text, struct err *e)
{
    err_set(e, "--admin %.200s: not an address to ask; give http://HOST:PORT", text);
    return -EINVAL;
}

/* "ADDR:PORT" as the instance's own option has it; an address of all is asked on loopback. */
static void url_of_socket(const struct netaddr *a, char *url, size_t room)
{
    char text[NETADDR_TEXT_MAX];

    if (netaddr_is_unspecified(a)) {
        (void)snprintf(url, room, SCHEME "localhost:%u", (unsigned)a->port);
    } else {
        (void)snprintf(url, room, SCHEME "%s", netaddr_format(a, text));
    }
}

/* A host, and perhaps a path to put ours behind, as that of a proxy for pods; the rest is libcurl's
 * to judge. */
static bool is_base_url(const char *text)
{
    const char *host = text + strlen(SCHEME);

    if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0 || *host == '\0' || strchr("/:", *host)) {
        return false;
    }
    for (const char *c = host; *c != '\0'; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("?#@", *c) != NULL) {
            return false;
        }
    }
    return true;
}

static int set_base(struct request *rq, const char *text)
{
    struct netaddr a;
    size_t len;

    if (text == NULL) {
        text = ADMINCLIENT_DEFAULT;
    }
    len = strlen(text);
    if (netaddr_parse(text, &a) == 0 && a.port != 0) {
        url_of_socket(&a, rq->base, sizeof(rq->base));
        return 0;
    }
    if (len >= sizeof(rq->base) || !is_base_url(text)) {
        return refuse_url(text, rq->e);
    }
    while (text[len - 1] == '/') {
        len--;
    }
    memcpy(rq->base, text, len);
    rq->base[len] = '\0';
    return 0;
}

static int add_param(struct request *rq, const struct adminclient_param *param, char before)
{
    char *value = curl_easy_escape(rq->curl, param->value, (int)strlen(param->value));
    int rc = value != NULL ? buf_printf(&rq->url, "%c%s=%s", before, param->name, value) : -ENOMEM;

    curl_free(value);
    return rc;
}

static int set_url(struct request *rq, const char *path, const struct adminclient_param *params,
                   size_t n)
{
    char before = '?';
    int rc = buf_printf(&rq->url, "%s%s", rq->base, path);

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (params[i].value != NULL) {
            rc = add_param(rq, &params[i], before);
            before = '&';
        }
    }
    if (rc == 0) {
        rc = buf_append(&rq->url, "", 1);
    }
    if (rc == -ENOBUFS) {
        err_set(rq->e, "the question is too long to be asked");
        return rc;
    }
    return rc == 0 ? 0 : no_memory(rq->e);
}

/* --- The answer ------------------------------------------------------------------------------ */

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct request *rq = ctx;

    rq->body_rc = buf_append(&rq->page->body, bytes, size * n);
    return rq->body_rc == 0 ? size * n : 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
    static const char NAME[] = "sealway-verdict: ";
    struct request *rq = ctx;
    size_t len = size * n, name_len = strlen(NAME);

    if (len > name_len && strncasecmp(bytes, NAME, name_len) == 0) {
        const char *value = bytes + name_len;
        size_t value_len = 0;

        while (value_len < len - name_len && value[value_len] > ' ') {
            value_len++;
        }
        (void)snprintf(rq->page->verdict, sizeof(rq->page->verdict), "%.*s", (int)value_len, value);
    }
    return len;
}

static bool set_options(struct request *rq)
{
    CURL *c = rq->curl;

    return curl_easy_setopt(c, CURLOPT_URL, (const char *)rq->url.data) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, rq->why) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_S) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, rq) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, rq) == CURLE_OK;
}

/* Why there is no answer, or none that can be used. */
static int tell_failure(struct request *rq, CURLcode code)
{
    if (rq->body_rc == -ENOMEM) {
        return no_memory(rq->e);
    }
    if (rq->body_rc == -ENOBUFS) {
        err_set(rq->e, "%.200s: an answer of more than %lu MiB is no page of sealway", rq->base,
                LIMIT_ADMIN_PAGE_BYTES >> 20);
        return -EPROTO;
    }
    if (code == CURLE_URL_MALFORMAT) {
        return refuse_url(rq->base, rq->e);
    }
    err_set(rq->e,
            "no answer from %.200s: %s; see that sealway serve runs there, and what its --admin "
            "says",
            rq->base, rq->why[0] != '\0' ? rq->why : curl_easy_strerror(code));
    return -EIO;
}

static int check_status(const struct request *rq)
{
    const struct buf *body = &rq->page->body;
    long status = 0;

    curl_easy_getinfo(rq->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != STATUS_OK) {
        const char *text = body->len > 0 ? (const char *)body->data : "";
        size_t line = 0;

        while (line < body->len && text[line] != '\n') {
            line++;
        }
        err_set(rq->e, "%.200s answered %ld: %.*s", rq->base, status, (int)line, text);
        return -EPROTO;
    }
    if (rq->page->verdict[0] == '\0') {
        err_set(rq->e, "%.200s is not the admin port of a sealway that this one can ask", rq->base);
        return -EPROTO;
    }
    return 0;
}

static int perform(struct request *rq)
{
    CURLcode code;

    if (!set_options(rq)) {
        return no_memory(rq->e);
    }
    code = curl_easy_perform(rq->curl);
    return code == CURLE_OK ? check_status(rq) : tell_failure(rq, code);
}

int adminclient_get(const char *url, const char *path, const struct adminclient_param *params,
                    size_t n, struct adminclient_page *out, struct err *e)
{
    struct adminclient_page page = {.verdict = ""};
    struct request rq = {.page = &page, .e = e};
    int rc;

    buf_init(&page.body, LIMIT_ADMIN_PAGE_BYTES);
    buf_init(&rq.url, URL_MAX);
    rc = set_base(&rq, url);
    if (rc == 0) {
        rq.curl = curl_easy_init();
        rc = rq.curl != NULL ? set_url(&rq, path, params, n) : no_memory(e);
    }
    if (rc == 0) {
        rc = perform(&rq);
    }
    curl_easy_cleanup(rq.curl);
    buf_fini(&rq.url);
    if (rc == 0) {
        *out = page;
    } else {
        adminclient_page_fini(&page);
    }
    return rc;
}

void adminclient_page_fini(struct adminclient_page *p)
{
    buf_fini(&p->body);
}
