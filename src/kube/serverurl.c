#include "serverurl_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

static bool has(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool found = curl_url_get(u, part, &text, 0) == CURLUE_OK && text[0] != '\0';

    curl_free(text);
    return found;
}

static bool has_scheme(CURLU *u, const char *const *schemes)
{
    char *text = NULL;
    bool found = false;

    if (curl_url_get(u, CURLUPART_SCHEME, &text, 0) == CURLUE_OK) {
        for (; *schemes != NULL && !found; schemes++) {
            found = strcasecmp(text, *schemes) == 0;
        }
    }
    curl_free(text);
    return found;
}

static int check_parts(CURLU *u, const char *url, struct err *e)
{
    static const char *const schemes[] = {"https", "http", NULL};

    if (!has_scheme(u, schemes)) {
        err_set(e, "must begin with https:// (or http://, without credentials)");
    } else if (!has(u, CURLUPART_HOST) || strstr(url, ":///") != NULL) {
        /* libcurl takes three slashes for two. */
        err_set(e, "names no host; write https://HOST:PORT");
    } else if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD)) {
        err_set(e, "holds a user or password; take it out: credentials stand under users");
    } else if (strpbrk(url, "?#") != NULL) {
        err_set(e, "holds a \"?\" or \"#\"; write https://HOST:PORT/PREFIX and no more");
    } else {
        return 0;
    }
    return -EINVAL;
}

static int check_proxy_parts(CURLU *u, const char *url, struct err *e)
{
    static const char *const schemes[] = {"http", "https", "socks5", NULL};

    (void)url;
    if (has_scheme(u, schemes) && has(u, CURLUPART_HOST)) {
        return 0;
    }
    err_set(e, "is no proxy; write http://, https:// or socks5:// and HOST:PORT");
    return -EINVAL;
}

static int check(const char *url, int (*parts)(CURLU *, const char *, struct err *), struct err *e)
{
    CURLU *u = curl_url();
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    int rc = -EINVAL;

    if (u != NULL) {
        code = curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    }
    if (code == CURLUE_OUT_OF_MEMORY) {
        err_set(e, "out of memory");
        rc = -ENOMEM;
    } else if (code != CURLUE_OK) {
        err_set(e, "is no URL; write https://HOST:PORT");
    } else {
        rc = parts(u, url, e);
    }
    curl_url_cleanup(u);
    return rc;
}

int serverurl_check(const char *url, char **out, struct err *e)
{
    size_t len = strlen(url);
    int rc = check(url, check_parts, e);
    char *text;

    if (rc != 0) {
        return rc;
    }
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    text = strndup(url, len);
    if (text == NULL) {
        err_set(e, "out of memory");
        return -ENOMEM;
    }
    *out = text;
    return 0;
}

int serverurl_check_proxy(const char *url, struct err *e)
{
    return check(url, check_proxy_parts, e);
}

char *serverurl_compose(const char *host, const char *port)
{
    bool is_bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
    size_t size = strlen(host) + strlen(port) + sizeof("https://[]:");
    char *url = malloc(size);

    if (url != NULL) {
        (void)snprintf(url, size, is_bare_v6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
    }
    return url;
}

bool serverurl_is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}
