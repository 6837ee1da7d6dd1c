#include "kubeconfigcluster_priv.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/secret.h"
#include "kubebase64_priv.h"
#include "kubeconfigread_priv.h"
#include "kubefile_priv.h"
#include "kubepem_priv.h"
#include "serverurl_priv.h"

#define FILE_MAX ((size_t)LIMIT_KUBE_CONFIG_BYTES)

/* client.authentication.k8s.io: configuration of the plugin that is kept with the cluster. */
#define PLUGIN_EXTENSION "client.authentication.k8s.io/exec"

static void read_server(const struct json_at *cluster, struct kubeaccess *a)
{
    struct json_at at = json_field(cluster, "server");
    const char *url = kubeconfigread_text(cluster, "server");
    struct err why;
    int rc;

    if (url == NULL) {
        kubeconfigread_refuse(&at, "is missing; write https://HOST:PORT");
        return;
    }
    rc = serverurl_check(url, &a->server, &why);
    if (rc == -ENOMEM) {
        kubeconfigread_starve(&at);
    } else if (rc != 0) {
        kubeconfigread_refuse(&at, "%s", why.text);
    }
}

static void read_proxy(const struct json_at *cluster, struct kubeaccess *a)
{
    struct json_at at = json_field(cluster, "proxy-url");
    struct err why;
    int rc;

    a->proxy_url = kubeconfigread_line(cluster, "proxy-url");
    if (a->proxy_url == NULL) {
        return;
    }
    rc = serverurl_check_proxy(a->proxy_url, &why);
    if (rc == -ENOMEM) {
        kubeconfigread_starve(&at);
    } else if (rc != 0) {
        kubeconfigread_refuse(&at, "%s", why.text);
    }
}

/** The data win over the file, which then is not even looked at. */
static void read_authority(const struct json_at *cluster, struct kubeaccess *a)
{
    struct json_at data = json_field(cluster, "certificate-authority-data");

    a->ca.data = kubeconfigread_data(cluster, "certificate-authority-data");
    if (a->ca.data == NULL) {
        a->ca.file = kubeconfigread_path(cluster, "certificate-authority");
    } else if (!kubepem_is_certificates(a->ca.data)) {
        kubeconfigread_refuse(&data, "holds no PEM certificates; encode the file of the authority "
                                     "(BEGIN CERTIFICATE) again");
    }
}

void kubeconfigcluster_read(const struct json_at *cluster, struct kubeaccess *a)
{
    struct json_at insecure = json_field(cluster, "insecure-skip-tls-verify");

    read_server(cluster, a);
    read_authority(cluster, a);
    read_proxy(cluster, a);
    a->tls_server_name = kubeconfigread_line(cluster, "tls-server-name");
    a->insecure = json_bool(&insecure, false);
    if (a->insecure && (a->ca.data != NULL || a->ca.file != NULL)) {
        kubeconfigread_refuse(&insecure, "goes against the certificate-authority named beside it; "
                                         "delete one of the two");
    }
}

/** What the plugin is configured with, copied; NULL when there is nothing. */
static const cJSON *plugin_configuration(const struct json_at *cluster)
{
    struct json_at list = json_array(cluster, "extensions"), item = {0};

    while (json_next(&list, &item)) {
        struct json_at name = json_field(&item, "name");

        if (cJSON_IsString(name.node) && strcmp(name.node->valuestring, PLUGIN_EXTENSION) == 0) {
            return cJSON_GetObjectItemCaseSensitive(item.node, "extension");
        }
    }
    return NULL;
}

static bool add_text(cJSON *out, const char *key, const char *text)
{
    return text == NULL || cJSON_AddStringToObject(out, key, text) != NULL;
}

static bool add_flag(cJSON *out, const char *key, bool flag)
{
    return !flag || cJSON_AddTrueToObject(out, key) != NULL;
}

static bool add_authority(cJSON *out, const char *ca)
{
    char *text = ca != NULL ? kubebase64_encode(ca) : NULL;
    bool good = ca == NULL || (text != NULL && add_text(out, "certificate-authority-data", text));

    secret_free(text);
    return good;
}

static char *compose(const struct json_at *cluster, const struct kubeaccess *a, const char *ca)
{
    const cJSON *configuration = plugin_configuration(cluster);
    cJSON *out = cJSON_CreateObject();
    char *text = NULL;
    cJSON *copy;

    if (out != NULL && add_text(out, "server", a->server) &&
        add_text(out, "tls-server-name", a->tls_server_name) &&
        add_text(out, "proxy-url", a->proxy_url) &&
        add_flag(out, "insecure-skip-tls-verify", a->insecure) && add_authority(out, ca)) {
        copy = configuration != NULL ? cJSON_Duplicate(configuration, 1) : NULL;
        if (configuration == NULL || (copy != NULL && cJSON_AddItemToObject(out, "config", copy))) {
            text = cJSON_PrintUnformatted(out);
        } else {
            cJSON_Delete(copy);
        }
    }
    secret_free_tree(out);
    return text;
}

char *kubeconfigcluster_for_plugin(const struct json_at *cluster, const struct kubeaccess *a)
{
    struct json_at at = json_field(cluster, "certificate-authority");
    char *from_file = NULL, *text;
    struct err why;

    if (a->ca.data == NULL && a->ca.file != NULL &&
        kubefile_read(a->ca.file, FILE_MAX, &from_file, &why) != 0) {
        kubeconfigread_refuse(&at, "%s: %s", a->ca.file, why.text);
        return NULL;
    }
    text = compose(cluster, a, a->ca.data != NULL ? a->ca.data : from_file);
    if (text == NULL) {
        kubeconfigread_starve(cluster);
    }
    secret_free(from_file);
    return text;
}
