/**
 * kubeaccess - which API server, and with what credentials: as the pod or a kubeconfig has it.
 *
 * Only where and who; kubeauth reads the files named here, and goes on reading them.
 */
#ifndef KUBE_KUBEACCESS_H
#define KUBE_KUBEACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/err.h"

/** A PEM text: from a file to be read (and read again), or as given.  Neither: there is none. */
struct kubeaccess_pem {
    char *file; /* absolute, or relative to the working directory */
    char *data; /* terminated */
};

/** A credential plugin, users[].user.exec. */
struct kubeaccess_exec {
    char *api_version; /* client.authentication.k8s.io/v1 or /v1beta1 */
    char *command;     /* NULL: there is no plugin */
    char **args;       /* NULL-terminated, without the command; may be NULL */
    char **env;        /* NAME=value, likewise */
    char *install_hint;
    char *cluster_json; /* spec.cluster for KUBERNETES_EXEC_INFO where provideClusterInfo asks for
                           it; NULL */
};

struct kubeaccess {
    char *server;          /* https://host:port or with a path prefix; no slash at the end */
    char *tls_server_name; /* NULL: the host of the server */
    char *proxy_url;       /* NULL: none named */
    bool insecure;         /* insecure-skip-tls-verify */
    struct kubeaccess_pem ca, cert, key;
    char *token;      /* secret, as are cert.data, key.data */
    char *token_file; /* wins over token */
    struct kubeaccess_exec exec;
    char *as_user, *as_uid;
    char **as_groups; /* NULL-terminated; NULL: none */
    char **as_extra;  /* "key", "value", ...; likewise */
    char *ns;         /* the context's or the pod's own namespace; "" when not told */
    char *origin;     /* for the log: "the service account", "kubeconfig FILE, context NAME" */
};

/** Free all; secrets are overwritten first.  A zeroed one is accepted. */
void kubeaccess_fini(struct kubeaccess *a);

/** Parse a YAML or JSON text that came from `path`; returns 0, -EINVAL with `e` filled, -ENOMEM. */
typedef int kubeaccess_parse_fn(const char *path, const char *text, size_t len, cJSON **out,
                                struct err *e);

struct kubeaccess_query {
    const char *kubeconfig;      /* --kubeconfig: this file and no other; NULL: not given */
    const char *context;         /* --context; NULL: current-context */
    const char *env;             /* $KUBECONFIG, may be NULL or "" */
    const char *host, *port;     /* $KUBERNETES_SERVICE_HOST, _PORT; may be NULL or "" */
    const char *service_account; /* directory of token, ca.crt, namespace; NULL:
                                    /var/run/secrets/kubernetes.io/serviceaccount */
    kubeaccess_parse_fn *parse;
};

/** Whether there is any source at all: a kubeconfig named, or a pod's environment. */
bool kubeaccess_is_named(const struct kubeaccess_query *q);

/**
 * Find out.  --kubeconfig, then $KUBECONFIG (several files, separated by ':', merged so that the
 * first that defines a cluster, user, context or current-context wins; missing files are passed
 * over), then the service account of the pod.  ~/.kube/config is never taken unasked.
 *
 * Returns 0, -ENOENT when there is no source, -EINVAL or -ENOMEM, always with `e` filled: it names
 * file and key and how to mend it, and never a secret.
 */
MUST_CHECK int kubeaccess_find(struct kubeaccess *a, const struct kubeaccess_query *q,
                               struct err *e);

#endif
