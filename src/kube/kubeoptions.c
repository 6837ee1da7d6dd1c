#include "kubeoptions_priv.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "kube/kubeaccess.h"
#include "kube/kubeauth.h"
#include "kube/kubeclient.h"
#include "kuberequest_priv.h"
#include "kubeserver_priv.h"

#define URL_BYTES 65536u

/* What libcurl reads at once.  It does so up to a hundred times before it returns to the loop,
 * where timers and bells wait; as 16 KiB, its default, that is 1.6 MB to be decoded. */
#define READ_BYTES 2048

/* An easy handle being set up, and the first thing that went wrong with it. */
struct setting {
    CURL *easy;
    CURLcode code;
};

static void set_long(struct setting *s, CURLoption option, long value)
{
    if (s->code == CURLE_OK) {
        s->code = curl_easy_setopt(s->easy, option, value);
    }
}

static void set_pointer(struct setting *s, CURLoption option, const void *value)
{
    if (s->code == CURLE_OK) {
        s->code = curl_easy_setopt(s->easy, option, value);
    }
}

static void set_pem(struct setting *s, CURLoption option, const char *pem, unsigned flags)
{
    union {
        const char *text;
        void *data; /* libcurl does not write to it */
    } it = {pem};
    struct curl_blob blob = {it.data, strlen(pem), flags};

    if (s->code == CURLE_OK) {
        s->code = curl_easy_setopt(s->easy, option, &blob);
    }
}

static void set_url(struct setting *s, const char *server, const char *path)
{
    struct buf url;

    buf_init(&url, URL_BYTES);
    if (buf_printf(&url, "%s%s", server, path) == 0 && buf_append(&url, "", 1) == 0) {
        set_pointer(s, CURLOPT_URL, url.data);
    } else {
        s->code = CURLE_OUT_OF_MEMORY;
    }
    buf_fini(&url);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && *value != '\0';
}

/* A proxy that is named is taken whatever NO_PROXY says; only HTTPS_PROXY, none of the other
 * variables libcurl knows, stands in for a name. */
static void set_proxy(struct setting *s, const char *url, bool is_plain)
{
    if (url != NULL && *url != '\0') {
        set_pointer(s, CURLOPT_PROXY, url);
        set_pointer(s, CURLOPT_NOPROXY, "");
    } else if (is_plain || (!is_set("HTTPS_PROXY") && !is_set("https_proxy"))) {
        set_pointer(s, CURLOPT_PROXY, "");
    }
    set_long(s, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
}

static void set_trust(struct setting *s, const struct kubeaccess *access,
                      const struct kubeauth_now *auth, char *key)
{
    set_long(s, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    if (auth->ca != NULL) {
        /* A blob is never cached; the directory of the system's would be trusted beside it. */
        set_pem(s, CURLOPT_CAINFO_BLOB, auth->ca, CURL_BLOB_COPY);
        set_pointer(s, CURLOPT_CAPATH, NULL);
    }
    if (access->insecure) {
        set_long(s, CURLOPT_SSL_VERIFYPEER, 0);
        set_long(s, CURLOPT_SSL_VERIFYHOST, 0);
    }
    if (auth->cert != NULL) {
        set_pem(s, CURLOPT_SSLCERT_BLOB, auth->cert, CURL_BLOB_COPY);
    }
    if (key != NULL) {
        set_pem(s, CURLOPT_SSLKEY_BLOB, key, CURL_BLOB_NOCOPY);
    }
}

static void set_request(struct setting *s, const struct kuberequest_config *cfg)
{
    if (cfg->body != NULL) {
        set_long(s, CURLOPT_POSTFIELDSIZE, (long)cfg->body_len);
        set_pointer(s, CURLOPT_POSTFIELDS, cfg->body);
    }
    set_pointer(s, CURLOPT_CUSTOMREQUEST, cfg->method);
    if (!cfg->is_watch && strcmp(cfg->method, "GET") == 0) {
        set_pointer(s, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
}

CURLcode kubeoptions_apply(const struct kubeoptions *o, CURL *easy)
{
    const struct kuberequest_launch *l = o->launch;
    struct setting s = {easy, CURLE_OK};

    set_long(&s, CURLOPT_NOSIGNAL, 1);
    /* Names are looked up in threads; ending a request must not wait for one that hangs. */
    set_long(&s, CURLOPT_QUICK_EXIT, 1);
    set_pointer(&s, CURLOPT_PROTOCOLS_STR, l->server->is_plain ? "http" : "https");
    set_long(&s, CURLOPT_FOLLOWLOCATION, 0); /* nobody else gets the token */
    set_long(&s, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    set_long(&s, CURLOPT_PATH_AS_IS, 1);
    set_long(&s, CURLOPT_BUFFERSIZE, READ_BYTES);
    /* Ours runs on clock_now_ms(); this one has libcurl try all addresses within that time. */
    set_long(&s, CURLOPT_CONNECTTIMEOUT_MS, KUBECLIENT_CONNECT_MS);
    set_url(&s, l->server->url, o->cfg->path);
    set_pointer(&s, CURLOPT_CONNECT_TO, o->connect_to);
    set_pointer(&s, CURLOPT_HTTPHEADER, o->headers);
    set_pointer(&s, CURLOPT_USERAGENT, l->agent);
    set_pointer(&s, CURLOPT_PRIVATE, o->ctx);
    set_proxy(&s, l->access->proxy_url, l->server->is_plain);
    set_trust(&s, l->access, l->auth, o->key);
    set_request(&s, o->cfg);
    if (s.code == CURLE_OK) {
        s.code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, o->on_connected);
    }
    set_pointer(&s, CURLOPT_PREREQDATA, o->ctx);
    if (s.code == CURLE_OK) {
        s.code = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, o->on_socket);
    }
    set_pointer(&s, CURLOPT_SOCKOPTDATA, o->ctx);
    return s.code;
}

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* known options with good values */
}

void kubeoptions_tune_socket(int fd)
{
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 45000);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* fails for a bad descriptor only */
}
