#include "execcredential_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "base/secret.h"
#include "kube/kubejson.h"
#include "kubepem_priv.h"
#include "kubetoken_priv.h"

void execcredential_fini(struct execcredential *c)
{
    secret_free(c->token);
    secret_free(c->cert);
    secret_free(c->key);
    *c = (struct execcredential){0};
}

/* ---- RFC 3339 -------------------------------------------------------------------------------- */

static bool digits(const char **at, int n, int *out)
{
    int value = 0;

    for (; n > 0; n--) {
        if (!isdigit((unsigned char)**at)) {
            return false;
        }
        value = value * 10 + (*(*at)++ - '0');
    }
    *out = value;
    return true;
}

static bool mark(const char **at, const char *set)
{
    if (**at == '\0' || strchr(set, **at) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

/** "Z" or "+02:00", as seconds. */
static bool read_zone(const char **at, int *out)
{
    int sign = **at == '-' ? -1 : 1, hours, minutes;

    if (mark(at, "Zz")) {
        *out = 0;
        return true;
    }
    if (!mark(at, "+-") || !digits(at, 2, &hours) || !mark(at, ":") || !digits(at, 2, &minutes) ||
        hours > 23 || minutes > 59) {
        return false;
    }
    *out = sign * (hours * 3600 + minutes * 60);
    return true;
}

static bool read_moment(const char **at, struct tm *tm)
{
    if (!digits(at, 4, &tm->tm_year) || !mark(at, "-") || !digits(at, 2, &tm->tm_mon) ||
        !mark(at, "-") || !digits(at, 2, &tm->tm_mday) || !mark(at, "Tt") ||
        !digits(at, 2, &tm->tm_hour) || !mark(at, ":") || !digits(at, 2, &tm->tm_min) ||
        !mark(at, ":") || !digits(at, 2, &tm->tm_sec)) {
        return false;
    }
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31 ||
        tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60) {
        return false;
    }
    tm->tm_year -= 1900;
    tm->tm_mon -= 1;
    return true;
}

static bool read_time(const char *text, int64_t *out)
{
    struct tm tm = {0};
    int zone;

    if (!read_moment(&text, &tm)) {
        return false;
    }
    if (mark(&text, ".")) {
        do {
            if (!mark(&text, "0123456789")) {
                return false;
            }
        } while (isdigit((unsigned char)*text));
    }
    if (!read_zone(&text, &zone) || *text != '\0') {
        return false;
    }
    *out = (int64_t)timegm(&tm) - zone;
    return true;
}

/* ---- the object ------------------------------------------------------------------------------ */

/** A text field; "" and null are absent.  Returns whether it is one or absent. */
static bool field(const cJSON *object, const char *key, const char **out)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);

    *out = NULL;
    if (node == NULL || cJSON_IsNull(node)) {
        return true;
    }
    if (!cJSON_IsString(node)) {
        return false;
    }
    *out = node->valuestring[0] != '\0' ? node->valuestring : NULL;
    return true;
}

static int refuse(struct err *e, const char *why)
{
    err_set(e, "%s", why);
    return -EINVAL;
}

static bool is_text(const char *text, const char *want)
{
    return text != NULL && strcmp(text, want) == 0;
}

static int check_head(const cJSON *tree, const char *api_version, struct err *e)
{
    const char *kind, *version;

    if (!field(tree, "kind", &kind) || !is_text(kind, "ExecCredential")) {
        return refuse(e, "what it printed is no ExecCredential (kind)");
    }
    if (!field(tree, "apiVersion", &version) || !is_text(version, api_version)) {
        err_set(e,
                "it answered in another apiVersion than %s, which the kubeconfig has; write what "
                "the plugin speaks there, or renew the plugin",
                api_version);
        return -EINVAL;
    }
    return 0;
}

struct texts {
    const char *token, *cert, *key, *expires;
};

static int check_status(const struct texts *t, struct err *e)
{
    if (t->token == NULL && t->cert == NULL && t->key == NULL) {
        return refuse(e, "its ExecCredential has neither status.token nor "
                         "status.clientCertificateData; log in anew with the plugin's own tool");
    }
    if ((t->cert == NULL) != (t->key == NULL)) {
        return refuse(e, "its ExecCredential has one of status.clientCertificateData and "
                         "clientKeyData without the other");
    }
    if (t->token != NULL && !kubetoken_is_good(t->token)) {
        return refuse(e, "its status.token holds a character that no token has");
    }
    if (t->cert != NULL && (!kubepem_is_certificates(t->cert) || !kubepem_is_key(t->key) ||
                            !kubepem_is_pair(t->cert, t->key))) {
        return refuse(e, "its status.clientCertificateData and clientKeyData are no PEM "
                         "certificate and its key");
    }
    return 0;
}

static bool keep(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

static int read_tree(struct execcredential *out, const cJSON *tree, const char *api_version,
                     struct err *e)
{
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(tree, "status");
    struct texts t = {0};
    int rc = check_head(tree, api_version, e);

    if (rc != 0) {
        return rc;
    }
    if (!field(status, "token", &t.token) || !field(status, "clientCertificateData", &t.cert) ||
        !field(status, "clientKeyData", &t.key) ||
        !field(status, "expirationTimestamp", &t.expires)) {
        return refuse(e, "a field of the status of its ExecCredential is not a text");
    }
    rc = check_status(&t, e);
    if (rc == 0 && t.expires != NULL && !read_time(t.expires, &out->expires)) {
        rc = refuse(e, "its status.expirationTimestamp is no RFC 3339 time");
    }
    if (rc == 0 &&
        (!keep(&out->token, t.token) || !keep(&out->cert, t.cert) || !keep(&out->key, t.key))) {
        err_set(e, "out of memory");
        rc = -ENOMEM;
    }
    return rc;
}

int execcredential_parse(struct execcredential *out, const char *text, size_t len,
                         const char *api_version, struct err *e)
{
    struct execcredential made = {.expires = EXECCREDENTIAL_FOREVER};
    cJSON *tree;
    int rc = kubejson_parse(text, len, &tree);

    if (rc == -ENOMEM) {
        err_set(e, "out of memory");
    } else if (rc != 0) {
        rc = refuse(e, len == 0 ? "it printed nothing" : "what it printed is no JSON object");
    } else {
        rc = read_tree(&made, tree, api_version, e);
        secret_free_tree(tree);
    }
    if (rc == 0) {
        *out = made;
    } else {
        execcredential_fini(&made);
    }
    return rc;
}
