#include "serverurl_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/attr.h"

#define NO_PROXY "is no proxy; write http://, https:// or socks5:// and HOST:PORT"

/* Parts of a URL; NULL: it has none.  Each is libcurl's to free.  Not the host: of the schemes that
 * are taken here libcurl takes no URL without one. */
struct parts {
    char *scheme, *user, *password;
};

/* Returns 0 with *out the part, or NULL when there is none; -ENOMEM, for then nobody knows. */
static int take_part(CURLU *u, CURLUPart part, char **out)
{
    CURLUcode code = curl_url_get(u, part, out, 0);

    if (code != CURLUE_OK) {
        *out = NULL;
    } else if ((*out)[0] == '\0') {
        curl_free(*out);
        *out = NULL;
    }
    return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : 0;
}

/* What could be taken is in `p` in either case, for free_parts(). */
static int take_apart(CURLU *u, struct parts *p)
{
    const struct {
        CURLUPart part;
        char **out;
    } wanted[] = {{CURLUPART_SCHEME, &p->scheme},
                  {CURLUPART_USER, &p->user},
                  {CURLUPART_PASSWORD, &p->password}};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(wanted) && rc == 0; i++) {
        rc = take_part(u, wanted[i].part, wanted[i].out);
    }
    return rc;
}

static void free_parts(struct parts *p)
{
    curl_free(p->scheme);
    curl_free(p->user);
    curl_free(p->password);
}

static bool has_scheme(const struct parts *p, const char *const *schemes)
{
    for (; p->scheme != NULL && *schemes != NULL; schemes++) {
        if (strcasecmp(p->scheme, *schemes) == 0) {
            return true;
        }
    }
    return false;
}

/* libcurl takes any number of them from one to three for two. */
static bool has_two_slashes(const struct parts *p, const char *url)
{
    const char *rest = url + strlen(p->scheme);

    return strncmp(rest, "://", 3) == 0 && rest[3] != '/';
}

static int check_server(const struct parts *p, const char *url, struct err *e)
{
    static const char *const schemes[] = {"https", "http", NULL};

    if (!has_scheme(p, schemes)) {
        err_set(e, "must begin with https:// (or http://, without credentials)");
    } else if (!has_two_slashes(p, url)) {
        err_set(e, "names no host; write https://HOST:PORT");
    } else if (p->user != NULL || p->password != NULL) {
        err_set(e, "holds a user or password; take it out: credentials stand under users");
    } else if (strpbrk(url, "?#") != NULL) {
        err_set(e, "holds a \"?\" or \"#\"; write https://HOST:PORT/PREFIX and no more");
    } else {
        return 0;
    }
    return -EINVAL;
}

static int check_proxy(const struct parts *p, const char *url, struct err *e)
{
    static const char *const schemes[] = {"http", "https", "socks5", NULL};

    if (has_scheme(p, schemes) && has_two_slashes(p, url)) {
        return 0;
    }
    err_set(e, NO_PROXY);
    return -EINVAL;
}

/* Returns 0 with *p taken apart, -EINVAL for what is no URL, -ENOMEM. */
static int parse(CURLU *u, const char *url, struct parts *p)
{
    switch (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)) {
    case CURLUE_OK:
        return take_apart(u, p);
    case CURLUE_OUT_OF_MEMORY:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
}

/* `otherwise`: what is said of what is no URL at all. */
static int check(const char *url, int (*judge)(const struct parts *, const char *, struct err *),
                 const char *otherwise, struct err *e)
{
    CURLU *u = curl_url();
    struct parts p = {.scheme = NULL};
    int rc = u != NULL ? parse(u, url, &p) : -ENOMEM;

    if (rc == 0) {
        rc = judge(&p, url, e);
    } else {
        err_set(e, "%s", rc == -ENOMEM ? "out of memory" : otherwise);
    }
    free_parts(&p);
    curl_url_cleanup(u);
    return rc;
}

int serverurl_check(const char *url, char **out, struct err *e)
{
    size_t len = strlen(url);
    int rc = check(url, check_server, "is no URL; write https://HOST:PORT", e);
    char *text;

    if (rc != 0) {
        return rc;
    }
    while (url[len - 1] == '/') { /* the host is before them */
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
    return check(url, check_proxy, NO_PROXY, e);
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
