#include "kubeconfigexec_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kubeconfigcluster_priv.h"
#include "kubeconfigread_priv.h"
#include "kubefile_priv.h"

#define API_V1      "client.authentication.k8s.io/v1"
#define API_V1BETA1 "client.authentication.k8s.io/v1beta1"

static void read_version(const struct json_at *exec, struct kubeaccess_exec *out)
{
    struct json_at at = json_field(exec, "apiVersion");

    out->api_version = kubeconfigread_copy(exec, "apiVersion");
    if (out->api_version == NULL) {
        kubeconfigread_refuse(&at, "is missing; write " API_V1);
    } else if (strcmp(out->api_version, API_V1) != 0 &&
               strcmp(out->api_version, API_V1BETA1) != 0) {
        kubeconfigread_refuse(&at, "must be " API_V1 " or /v1beta1; renew the plugin and write "
                                   "one of these");
    }
}

/** Looked up in the PATH only where it has no slash; otherwise it belongs to the file's directory.
 */
static void read_command(const struct json_at *exec, struct kubeaccess_exec *out)
{
    struct json_at at = json_field(exec, "command");
    const char *command = kubeconfigread_text(exec, "command");

    if (command == NULL) {
        kubeconfigread_refuse(&at, "is missing; name the program of the plugin");
    } else if (strchr(command, '/') != NULL) {
        out->command = kubeconfigread_path(exec, "command");
    } else {
        out->command = kubeconfigread_copy(exec, "command");
    }
}

/** There is nobody to talk to. */
static void check_mode(const struct json_at *exec, const struct kubeaccess_exec *out)
{
    struct json_at at = json_field(exec, "interactiveMode");
    const char *mode = kubeconfigread_text(exec, "interactiveMode");

    if (mode == NULL) {
        if (out->api_version != NULL && strcmp(out->api_version, API_V1) == 0) {
            kubeconfigread_refuse(&at, "is missing, and " API_V1 " requires it; write Never or "
                                       "IfAvailable");
        }
    } else if (strcmp(mode, "Always") == 0) {
        kubeconfigread_refuse(&at, "is Always, but there is no terminal to ask at; use a plugin "
                                   "that needs none, or a token");
    } else if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0) {
        kubeconfigread_refuse(&at, "must be Never or IfAvailable");
    }
}

/** "NAME=value" of one item; NULL when it is refused. */
static char *read_variable(struct json_at *item)
{
    const char *name, *value;
    char *text = NULL;
    size_t size;

    if (!json_is_object(item)) {
        return NULL;
    }
    name = kubeconfigread_text(item, "name");
    value = kubeconfigread_text(item, "value");
    if (name == NULL || strchr(name, '=') != NULL) {
        kubeconfigread_refuse(item, "needs a name without \"=\"");
        return NULL;
    }
    value = value != NULL ? value : "";
    size = strlen(name) + 1 + strlen(value) + 1;
    text = malloc(size);
    if (text == NULL) {
        kubeconfigread_starve(item);
        return NULL;
    }
    (void)snprintf(text, size, "%s=%s", name, value);
    return text;
}

static void read_environment(const struct json_at *exec, struct kubeaccess_exec *out)
{
    struct json_at list = json_array(exec, "env"), item = {0};
    size_t n = json_count(&list), i = 0;

    if (n == 0) {
        return;
    }
    out->env = calloc(n + 1, sizeof(*out->env));
    if (out->env == NULL) {
        kubeconfigread_starve(exec);
        return;
    }
    while (json_next(&list, &item)) {
        out->env[i] = read_variable(&item);
        if (out->env[i++] == NULL) {
            return;
        }
    }
}

void kubeconfigexec_read(const struct json_at *user, const struct json_at *cluster,
                         struct kubeaccess *a)
{
    struct json_at exec = json_object(user, "exec");
    struct json_at provide = json_field(&exec, "provideClusterInfo");

    if (exec.node == NULL) {
        return;
    }
    if (a->token != NULL || a->token_file != NULL) {
        kubeconfigread_refuse(&exec, "stands beside a token; delete one of the two");
    }
    read_version(&exec, &a->exec);
    check_mode(&exec, &a->exec);
    read_command(&exec, &a->exec);
    a->exec.args = kubeconfigread_list(&exec, "args", false);
    read_environment(&exec, &a->exec);
    a->exec.install_hint = kubeconfigread_copy(&exec, "installHint");
    if (json_bool(&provide, false)) {
        a->exec.cluster_json = kubeconfigcluster_for_plugin(cluster, a);
    }
}
