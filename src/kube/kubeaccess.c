#include "kube/kubeaccess.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/secret.h"
#include "kubeconfig_priv.h"
#include "kubefile_priv.h"
#include "kubetoken_priv.h"
#include "serverurl_priv.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"
#define NAMESPACE_MAX   1024u

static void pem_fini(struct kubeaccess_pem *pem)
{
    free(pem->file);
    secret_free(pem->data);
}

void kubeaccess_fini(struct kubeaccess *a)
{
    pem_fini(&a->ca);
    pem_fini(&a->cert);
    pem_fini(&a->key);
    secret_free(a->token);
    secret_free(a->proxy_url); /* may name a user */
    /* Arguments and environment of a plugin may be secret; what it is told may hold the proxy. */
    secret_free_list(a->exec.args);
    secret_free_list(a->exec.env);
    secret_free(a->exec.cluster_json);
    free(a->exec.api_version);
    free(a->exec.command);
    free(a->exec.install_hint);
    secret_free_list(a->as_groups);
    secret_free_list(a->as_extra);
    free(a->server);
    free(a->tls_server_name);
    free(a->token_file);
    free(a->as_user);
    free(a->as_uid);
    free(a->ns);
    free(a->origin);
    *a = (struct kubeaccess){0};
}

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/** $KUBECONFIG names a file. */
static bool names_files(const char *env)
{
    return env != NULL && env[strspn(env, ":")] != '\0';
}

static bool is_pod(const struct kubeaccess_query *q)
{
    return is_set(q->host) && is_set(q->port);
}

bool kubeaccess_is_named(const struct kubeaccess_query *q)
{
    return is_set(q->kubeconfig) || names_files(q->env) || is_pod(q);
}

/* ---- a pod's service account ----------------------------------------------------------------- */

/** The path of one of its files, which must be readable; NULL with `e` and `*rc_out`. */
static char *account_file(const char *dir, const char *name, struct err *e, int *rc_out)
{
    char *path = kubefile_path(dir, name);

    if (path == NULL) {
        err_set(e, "out of memory");
        *rc_out = -ENOMEM;
    } else if (access(path, R_OK) != 0) {
        err_set(e,
                "service account: cannot read %s: %s; let the pod have its token "
                "(automountServiceAccountToken: true), or give --kubeconfig",
                path, strerror(errno));
        *rc_out = -EINVAL;
        free(path);
        path = NULL;
    }
    return path;
}

/** The pod's own namespace; that it is not told is no failure. */
static char *account_namespace(const char *dir)
{
    char *path = kubefile_path(dir, "namespace"), *text = NULL;
    struct err why;

    if (path == NULL || kubefile_read(path, NAMESPACE_MAX, &text, &why) != 0) {
        text = strdup("");
    }
    free(path);
    if (text != NULL) {
        kubetoken_trim(text);
    }
    return text;
}

static int check_address(const struct kubeaccess_query *q, struct kubeaccess *a, struct err *e)
{
    char *composed = serverurl_compose(q->host, q->port);
    int rc = -ENOMEM;

    if (composed == NULL) {
        err_set(e, "out of memory");
    } else {
        rc = serverurl_check(composed, &a->server, e);
        err_prefix(e, "$KUBERNETES_SERVICE_HOST and _PORT make %s, which", composed);
    }
    free(composed);
    return rc;
}

static char *with_slash(const char *dir)
{
    size_t size = strlen(dir) + sizeof("/");
    char *text = malloc(size);

    if (text != NULL) {
        (void)snprintf(text, size, "%s/", dir);
    }
    return text;
}

static int find_in_pod(const struct kubeaccess_query *q, struct kubeaccess *a, struct err *e)
{
    const char *given = q->service_account;
    char *dir = NULL;
    int rc = check_address(q, a, e);

    if (rc != 0) {
        return rc;
    }
    dir = given != NULL ? with_slash(given) : strdup(SERVICE_ACCOUNT);
    if (dir != NULL) {
        a->token_file = account_file(dir, "token", e, &rc);
        a->ca.file = rc == 0 ? account_file(dir, "ca.crt", e, &rc) : NULL;
        a->ns = account_namespace(dir);
    }
    a->origin = strdup("the service account");
    free(dir);
    if (rc == 0 && (dir == NULL || a->ns == NULL || a->origin == NULL)) {
        err_set(e, "out of memory");
        rc = -ENOMEM;
    }
    return rc;
}

/* ---- kubeconfig ------------------------------------------------------------------------------ */

/** Each file of $KUBECONFIG that exists. */
static int load_all(struct kubeconfig *c, const struct kubeaccess_query *q, struct err *e)
{
    const char *at = q->env;
    int rc = 0;

    while (rc == 0 && *at != '\0') {
        size_t len = strcspn(at, ":");
        char *path = len > 0 ? strndup(at, len) : NULL;

        if (len > 0 && path == NULL) {
            err_set(e, "out of memory");
            return -ENOMEM;
        }
        rc = path != NULL ? kubeconfig_load(c, path, q->parse, e) : 0;
        rc = rc == -ENOENT ? 0 : rc;
        free(path);
        at += len + (at[len] == ':');
    }
    if (rc == 0 && c->n == 0) {
        err_set(e, "$KUBECONFIG: no file that it names exists (%s); mend it or unset it", q->env);
        rc = -EINVAL;
    }
    return rc;
}

static int find_in_kubeconfig(const struct kubeaccess_query *q, struct kubeaccess *a, struct err *e)
{
    struct kubeconfig *c = calloc(1, sizeof(*c));
    int rc;

    if (c == NULL) {
        err_set(e, "out of memory");
        return -ENOMEM;
    }
    kubeconfig_init(c);
    if (is_set(q->kubeconfig)) {
        rc = kubeconfig_load(c, q->kubeconfig, q->parse, e);
        rc = rc == -ENOENT ? -EINVAL : rc;
    } else {
        rc = load_all(c, q, e);
    }
    if (rc == 0) {
        rc = kubeconfig_resolve(c, is_set(q->context) ? q->context : NULL, a, e);
    }
    kubeconfig_fini(c);
    free(c);
    return rc;
}

static int find(const struct kubeaccess_query *q, struct kubeaccess *a, struct err *e)
{
    if (is_set(q->kubeconfig) || names_files(q->env)) {
        return find_in_kubeconfig(q, a, e);
    }
    if (is_set(q->context)) {
        err_set(e, "--context needs a kubeconfig; give --kubeconfig FILE or set $KUBECONFIG");
        return -EINVAL;
    }
    if (is_pod(q)) {
        return find_in_pod(q, a, e);
    }
    err_set(e, "no API server is named: give --kubeconfig FILE, set $KUBECONFIG, or run in a pod "
               "($KUBERNETES_SERVICE_HOST and _PORT)");
    return -ENOENT;
}

int kubeaccess_find(struct kubeaccess *a, const struct kubeaccess_query *q, struct err *e)
{
    struct kubeaccess made = {0};
    int rc;

    err_clear(e);
    rc = find(q, &made, e);
    if (rc == 0) {
        err_clear(e);
        *a = made;
    } else {
        kubeaccess_fini(&made);
    }
    return rc;
}
