#include "kubeconfiguser_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "kubeconfigread_priv.h"
#include "kubepem_priv.h"
#include "kubetoken_priv.h"

static void refuse_what_is_gone(const struct json_at *user)
{
    static const char *const basic[] = {"username", "password"};
    struct json_at at = json_field(user, "auth-provider");

    if (at.node != NULL) {
        kubeconfigread_refuse(&at, "is no longer supported by Kubernetes (since 1.26); use a "
                                   "credential plugin (exec), a token or a client certificate");
    }
    for (size_t i = 0; i < ARRAY_LEN(basic); i++) {
        if (kubeconfigread_text(user, basic[i]) != NULL) {
            at = json_field(user, basic[i]);
            kubeconfigread_refuse(&at, "is no longer supported by Kubernetes (since 1.19); use a "
                                       "token or a client certificate");
        }
    }
}

static void read_token(const struct json_at *user, struct kubeaccess *a)
{
    struct json_at at = json_field(user, "token");

    a->token = kubeconfigread_copy(user, "token");
    a->token_file = kubeconfigread_path(user, "tokenFile");
    if (a->token != NULL && !kubetoken_is_good(a->token)) {
        kubeconfigread_refuse(&at, "holds a space, a line end or another character that no token "
                                   "has; copy it again");
    }
}

/** One of the two PEM texts, by its data or its file. */
static void read_pem(const struct json_at *user, const char *const keys[2],
                     struct kubeaccess_pem *out)
{
    out->data = kubeconfigread_data(user, keys[1]);
    if (out->data == NULL) {
        out->file = kubeconfigread_path(user, keys[0]);
    }
}

static bool is_given(const struct kubeaccess_pem *pem)
{
    return pem->data != NULL || pem->file != NULL;
}

static void read_certificate(const struct json_at *user, struct kubeaccess *a)
{
    static const char *const cert[] = {"client-certificate", "client-certificate-data"};
    static const char *const key[] = {"client-key", "client-key-data"};
    struct json_at cert_data = json_field(user, cert[1]), key_data = json_field(user, key[1]);

    read_pem(user, cert, &a->cert);
    read_pem(user, key, &a->key);
    if (a->cert.data != NULL && !kubepem_is_certificates(a->cert.data)) {
        kubeconfigread_refuse(&cert_data, "holds no PEM certificate (BEGIN CERTIFICATE)");
    } else if (a->key.data != NULL && !kubepem_is_key(a->key.data)) {
        kubeconfigread_refuse(&key_data, "holds no PEM private key, or one with a passphrase; "
                                         "give one without");
    } else if (is_given(&a->cert) != is_given(&a->key)) {
        kubeconfigread_refuse(user, "has a client %s; give both, or none",
                              is_given(&a->cert) ? "certificate without its key"
                                                 : "key without its certificate");
    } else if (a->cert.data != NULL && a->key.data != NULL &&
               !kubepem_is_pair(a->cert.data, a->key.data)) {
        kubeconfigread_refuse(&key_data, "is not the key of the client-certificate-data");
    }
}

/** Add a pair, or only count it where `out` is NULL.  Returns false without memory. */
static bool add_pair(char **out, size_t *n, const char *key, const char *value)
{
    if (out != NULL) {
        out[*n] = strdup(key);
        out[*n + 1] = out[*n] != NULL ? strdup(value) : NULL;
        if (out[*n + 1] == NULL) {
            return false;
        }
    }
    *n += 2;
    return true;
}

/** The values of one key.  Returns false without memory. */
static bool list_values(struct json_at *list, char **out, size_t *n)
{
    struct json_at item = {0};

    if (list->node == NULL) {
        return true;
    }
    if (!cJSON_IsArray(list->node)) {
        kubeconfigread_refuse(list, "must be a list of texts");
        return true;
    }
    if (!kubeconfigread_is_line(list->key)) {
        kubeconfigread_refuse(list, "holds a control character; take it out");
    }
    while (json_next(list, &item)) {
        const char *text = kubeconfigread_item(&item, true);

        if (text != NULL && !add_pair(out, n, list->key, text)) {
            kubeconfigread_starve(&item);
            return false;
        }
    }
    return true;
}

/** Pairs of key and value.  Returns how many texts; writes them where there is an `out`. */
static size_t list_extra(const struct json_at *extra, char **out)
{
    struct json_at list = {0};
    size_t n = 0;

    while (json_next(extra, &list) && list_values(&list, out, &n)) {
        /* list_values() counts */
    }
    return n;
}

static void read_extra(const struct json_at *user, struct kubeaccess *a)
{
    struct json_at extra = json_object(user, "as-user-extra");
    size_t n = list_extra(&extra, NULL);

    if (n == 0) {
        return;
    }
    a->as_extra = calloc(n + 1, sizeof(*a->as_extra));
    if (a->as_extra == NULL) {
        kubeconfigread_starve(&extra);
        return;
    }
    (void)list_extra(&extra, a->as_extra);
}

static void read_impersonation(const struct json_at *user, struct kubeaccess *a)
{
    struct json_at as = json_field(user, "as");

    a->as_user = kubeconfigread_line(user, "as");
    a->as_uid = kubeconfigread_line(user, "as-uid");
    a->as_groups = kubeconfigread_list(user, "as-groups", true);
    read_extra(user, a);
    if (a->as_user == NULL && (a->as_uid != NULL || a->as_groups != NULL || a->as_extra != NULL)) {
        kubeconfigread_refuse(&as, "is missing, and as-uid, as-groups and as-user-extra are "
                                   "nothing without it; write it or delete those");
    }
}

void kubeconfiguser_read(const struct json_at *user, struct kubeaccess *a)
{
    refuse_what_is_gone(user);
    read_token(user, a);
    read_certificate(user, a);
    read_impersonation(user, a);
}
