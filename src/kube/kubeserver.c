#include "kubeserver_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "kube/kubeaccess.h"

/* A URL in pieces; all are libcurl's and freed with curl_free(). */
struct pieces {
    char *scheme, *host, *port, *path;
};

static void free_pieces(struct pieces *p)
{
    curl_free(p->scheme);
    curl_free(p->host);
    curl_free(p->port);
    curl_free(p->path);
}

static int set_text(char **out, char *text)
{
    if (text == NULL) {
        return -ENOMEM;
    }
    *out = text;
    return 0;
}

static char *printed(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* As asprintf(), but through malloc(), so that a test can make it fail. */
static char *printed(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len >= 0 && (text = malloc((size_t)len + 1)) != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(text, (size_t)len + 1, fmt, args);
        va_end(args);
    }
    return text;
}

static CURLUcode read_pieces(CURLU *u, struct pieces *out)
{
    CURLUcode code = curl_url_get(u, CURLUPART_SCHEME, &out->scheme, 0);

    if (code == CURLUE_OK) {
        code = curl_url_get(u, CURLUPART_HOST, &out->host, 0);
    }
    if (code == CURLUE_OK) {
        code = curl_url_get(u, CURLUPART_PORT, &out->port, CURLU_DEFAULT_PORT);
    }
    if (code == CURLUE_OK) {
        code = curl_url_get(u, CURLUPART_PATH, &out->path, 0);
    }
    return code;
}

static int split(const char *server, struct pieces *out, struct err *e)
{
    CURLU *u = curl_url();
    CURLUcode code = CURLUE_OUT_OF_MEMORY;
    int rc = -EINVAL;

    if (u != NULL) {
        code = curl_url_set(u, CURLUPART_URL, server, 0);
    }
    if (code == CURLUE_OK) {
        code = read_pieces(u, out);
    }
    if (code == CURLUE_OUT_OF_MEMORY) {
        err_set(e, "out of memory");
        rc = -ENOMEM;
    } else if (code != CURLUE_OK) {
        err_set(e, "the API server's address is no URL: %s", curl_url_strerror(code));
    } else {
        rc = 0;
    }
    curl_url_cleanup(u);
    return rc;
}

static int put_together(struct kubeserver *s, const struct pieces *p, const char *name)
{
    const char *prefix = strcmp(p->path, "/") == 0 ? "" : p->path;
    const char *open = name != NULL && strchr(name, ':') != NULL ? "[" : "";
    const char *close = *open != '\0' ? "]" : "";
    int rc;

    s->is_plain = strcmp(p->scheme, "http") == 0;
    rc = set_text(&s->url, printed("%s://%s%s%s:%s%s", p->scheme, open, name ? name : p->host,
                                   close, p->port, prefix));
    if (rc == 0 && name != NULL) {
        rc = set_text(&s->connect_to, printed("::%s:%s", p->host, p->port));
    }
    if (rc == 0 && name != NULL) {
        rc = set_text(&s->host, printed("Host: %s:%s", p->host, p->port));
    }
    return rc;
}

int kubeserver_init(struct kubeserver *s, const struct kubeaccess *a, struct err *e)
{
    struct kubeserver made = {0};
    struct pieces p = {0};
    const char *name = a->tls_server_name;
    int rc = split(a->server, &p, e);

    if (rc == 0 &&
        (rc = put_together(&made, &p, name != NULL && *name != '\0' ? name : NULL)) != 0) {
        err_set(e, "out of memory");
    }
    free_pieces(&p);
    if (rc != 0) {
        kubeserver_fini(&made);
        return rc;
    }
    *s = made;
    return 0;
}

void kubeserver_fini(struct kubeserver *s)
{
    free(s->url);
    free(s->connect_to);
    free(s->host);
    memset(s, 0, sizeof(*s));
}
