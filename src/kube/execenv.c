#include "execenv_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define INFO "KUBERNETES_EXEC_INFO="

static char *compose_info(const struct kubeaccess_exec *exec)
{
    static const char fmt[] = INFO "{\"apiVersion\":\"%s\",\"kind\":\"ExecCredential\","
                                   "\"spec\":{\"interactive\":false%s%s}}";
    const char *cluster = exec->cluster_json != NULL ? exec->cluster_json : "";
    size_t size =
        sizeof(fmt) + strlen(exec->api_version) + sizeof(",\"cluster\":") + strlen(cluster);
    char *info = malloc(size);

    if (info != NULL) {
        (void)snprintf(info, size, fmt, exec->api_version,
                       cluster[0] != '\0' ? ",\"cluster\":" : "", cluster);
    }
    return info;
}

static size_t count(char **list)
{
    size_t n = 0;

    while (list != NULL && list[n] != NULL) {
        n++;
    }
    return n;
}

static bool same_name(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");

    return strcspn(b, "=") == len && memcmp(a, b, len) == 0;
}

/** Of two variables of one name programs see the first. */
static bool is_there(char **vars, size_t n, const char *var)
{
    for (size_t i = 0; i < n; i++) {
        if (same_name(vars[i], var)) {
            return true;
        }
    }
    return false;
}

int execenv_init(struct execenv *env, const struct kubeaccess_exec *exec, char **inherited)
{
    size_t own = count(exec->env), n = 0;

    env->info = compose_info(exec);
    env->vars = calloc(1 + own + count(inherited) + 1, sizeof(*env->vars));
    if (env->info == NULL || env->vars == NULL) {
        execenv_fini(env);
        return -ENOMEM;
    }
    env->vars[n++] = env->info;
    /* Backwards: of two in the kubeconfig the last one counts. */
    for (size_t i = own; i-- > 0;) {
        if (!is_there(env->vars, n, exec->env[i])) {
            env->vars[n++] = exec->env[i];
        }
    }
    own = n;
    for (size_t i = 0; inherited != NULL && inherited[i] != NULL; i++) {
        if (!is_there(env->vars, own, inherited[i])) {
            env->vars[n++] = inherited[i];
        }
    }
    return 0;
}

void execenv_fini(struct execenv *env)
{
    secret_free(env->info);
    free(env->vars);
    *env = (struct execenv){0};
}
