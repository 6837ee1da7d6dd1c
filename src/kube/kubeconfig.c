#include "kubeconfig_priv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "kubeconfigcluster_priv.h"
#include "kubeconfigexec_priv.h"
#include "kubeconfigread_priv.h"
#include "kubeconfiguser_priv.h"
#include "kubefile_priv.h"
#include "serverurl_priv.h"

#define FILE_MAX ((size_t)LIMIT_KUBE_CONFIG_BYTES)

/** One named item of clusters, users or contexts, open for reading. */
struct entry {
    struct kubeconfigread r;
    struct json_at root; /* the item: name and body */
    struct json_at body;
};

void kubeconfig_init(struct kubeconfig *c)
{
    c->n = 0;
}

void kubeconfig_fini(struct kubeconfig *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->files[i].path);
        secret_free_tree(c->files[i].tree);
    }
    c->n = 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/** Whether it says it is something else. */
static int check_kind(const char *path, const cJSON *tree, struct err *e)
{
    struct kubeconfigread r;
    struct json_at root;
    const char *kind, *version;

    kubeconfigread_init(&r, path, e);
    root = json_root(&r.reader, tree);
    kind = kubeconfigread_text(&root, "kind");
    version = kubeconfigread_text(&root, "apiVersion");
    if ((kind != NULL && strcmp(kind, "Config") != 0) ||
        (version != NULL && strcmp(version, "v1") != 0)) {
        kubeconfigread_refuse(&root, "is no kubeconfig (apiVersion: v1, kind: Config)");
    }
    return r.rc;
}

int kubeconfig_add(struct kubeconfig *c, const char *path, cJSON *tree, struct err *e)
{
    struct kubeconfig_file *file = &c->files[c->n];
    int rc = 0;

    if (c->n == ARRAY_LEN(c->files)) {
        err_set(e, "more than %u kubeconfig files", LIMIT_KUBE_CONFIG_FILES);
        rc = -EINVAL;
        goto fail;
    }
    if (cJSON_IsNull(tree)) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    rc = tree != NULL ? check_kind(path, tree, e) : 0;
    if (rc != 0) {
        goto fail;
    }
    file->path = strdup(path);
    if (file->path == NULL) {
        err_set(e, "kubeconfig %s: out of memory", path);
        rc = -ENOMEM;
        goto fail;
    }
    file->tree = tree;
    c->n++;
    return 0;

fail:
    secret_free_tree(tree);
    return rc;
}

int kubeconfig_load(struct kubeconfig *c, const char *path, kubeaccess_parse_fn *parse,
                    struct err *e)
{
    char *text = NULL;
    cJSON *tree = NULL;
    int rc = kubefile_read(path, FILE_MAX, &text, e);

    if (rc == 0 && text[strspn(text, " \t\r\n")] != '\0') {
        rc = parse(path, text, strlen(text), &tree, e);
    }
    secret_free(text);
    if (rc != 0) {
        err_prefix(e, "kubeconfig %s", path);
        return rc == -ENOMEM || rc == -ENOENT ? rc : -EINVAL;
    }
    return kubeconfig_add(c, path, tree, e);
}

/* ---- entries --------------------------------------------------------------------------------- */

/** Where to look, for a message: the file, or the first of them. */
static const char *first_path(const struct kubeconfig *c)
{
    return c->n > 0 ? c->files[0].path : "";
}

static const char *and_more(const struct kubeconfig *c, char text[40])
{
    text[0] = '\0';
    if (c->n > 1) {
        (void)snprintf(text, 40, " (and %zu more)", c->n - 1);
    }
    return text;
}

/** Look in one file.  Returns whether it is there; complaints are in out->r. */
static bool find_in(const struct kubeconfig_file *file, const char *section, const char *name,
                    struct entry *out)
{
    struct json_at root, list, item = {0};
    const cJSON *found = NULL;

    if (file->tree == NULL) {
        return false;
    }
    root = json_root(&out->r.reader, file->tree);
    list = json_array(&root, section);
    while (json_next(&list, &item)) {
        const char *text = json_is_object(&item) ? kubeconfigread_text(&item, "name") : NULL;

        if (text == NULL || strcmp(text, name) != 0) {
            continue;
        }
        if (found != NULL) {
            kubeconfigread_refuse(&item, "has the name of another one; rename or delete it");
        } else {
            found = item.raw;
            out->r.index = item.index;
        }
    }
    out->root = (struct json_at){.reader = &out->r.reader, .raw = found, .node = found};
    return found != NULL;
}

/**
 * Open the entry `name` of `section`, whose body stands under `key`.  Returns 0, -ENOENT or
 * -EINVAL with `e`.
 */
static int open_entry(const struct kubeconfig *c, const char *const where[2], const char *name,
                      struct entry *out, struct err *e)
{
    for (size_t i = 0; i < c->n; i++) {
        bool found;

        kubeconfigread_init(&out->r, c->files[i].path, e);
        found = find_in(&c->files[i], where[0], name, out);
        if (out->r.rc != 0) {
            return out->r.rc;
        }
        if (found) {
            out->r.section = where[0];
            out->r.name = name;
            out->body = json_object(&out->root, where[1]);
            return out->r.rc;
        }
    }
    return -ENOENT;
}

static const char *current_context(const struct kubeconfig *c, struct err *e, int *rc_out)
{
    for (size_t i = 0; i < c->n; i++) {
        struct kubeconfigread r;
        struct json_at root;
        const char *name;

        if (c->files[i].tree == NULL) {
            continue;
        }
        kubeconfigread_init(&r, c->files[i].path, e);
        root = json_root(&r.reader, c->files[i].tree);
        name = kubeconfigread_text(&root, "current-context");
        if (name != NULL || r.rc != 0) {
            *rc_out = r.rc;
            return name;
        }
    }
    return NULL;
}

static int open_context(const struct kubeconfig *c, const char *name, struct entry *out,
                        struct err *e)
{
    static const char *const where[] = {"contexts", "context"};
    char more[40], quoted[JSON_TEXT_MAX];
    int rc = 0;

    if (name == NULL) {
        name = current_context(c, e, &rc);
    }
    if (rc != 0) {
        return rc;
    }
    if (name == NULL) {
        err_set(e, "kubeconfig %s%s: there is no current-context; write one, or give --context",
                first_path(c), and_more(c, more));
        return -EINVAL;
    }
    rc = open_entry(c, where, name, out, e);
    if (rc == -ENOENT) {
        err_set(e,
                "kubeconfig %s%s: there is no context named %s; kubectl config get-contexts "
                "lists those there are",
                first_path(c), and_more(c, more), json_quote(name, quoted));
        return -EINVAL;
    }
    return rc;
}

/** Open what the context names under `where[1]`. */
static int open_named(const struct kubeconfig *c, const struct entry *context,
                      const char *const where[2], struct entry *out)
{
    struct json_at at = json_field(&context->body, where[1]);
    const char *name = kubeconfigread_text(&context->body, where[1]);
    char quoted[JSON_TEXT_MAX];
    int rc;

    if (context->r.rc != 0) {
        return context->r.rc;
    }
    if (name == NULL) {
        kubeconfigread_refuse(&at, "is missing; name one of %s", where[0]);
        return -EINVAL;
    }
    rc = open_entry(c, where, name, out, context->r.e);
    if (rc == -ENOENT) {
        kubeconfigread_refuse(&at, "is %s, and there is none of that name under %s",
                              json_quote(name, quoted), where[0]);
        return -EINVAL;
    }
    return rc;
}

/* ---- what it amounts to ---------------------------------------------------------------------- */

static bool has_credentials(const struct kubeaccess *a)
{
    return a->token != NULL || a->token_file != NULL || a->cert.data != NULL ||
           a->cert.file != NULL || a->exec.command != NULL || a->as_user != NULL;
}

static void read_user(const struct entry *user, const struct entry *cluster, struct kubeaccess *a)
{
    kubeconfiguser_read(&user->body, a);
    kubeconfigexec_read(&user->body, &cluster->body, a);
    if (a->server != NULL && !serverurl_is_https(a->server) && has_credentials(a)) {
        kubeconfigread_refuse(&user->root, "has credentials, but the server is http://, where "
                                           "anybody could read them; make the server https://, or "
                                           "take the user out of the context");
    }
}

/** Where it came from, for the log. */
static void describe(const struct entry *context, struct kubeaccess *a)
{
    char quoted[JSON_TEXT_MAX];

    a->ns = kubeconfigread_line(&context->body, "namespace");
    if (a->ns == NULL) {
        a->ns = strdup("");
    }
    json_quote(context->r.name, quoted);
    if (asprintf(&a->origin, "kubeconfig %s, context %s", context->r.path, quoted) < 0) {
        a->origin = NULL;
    }
    if (a->ns == NULL || a->origin == NULL) {
        kubeconfigread_starve(&context->body);
    }
}

static int resolve(const struct kubeconfig *c, const char *name, struct kubeaccess *a,
                   struct err *e)
{
    static const char *const clusters[] = {"clusters", "cluster"}, *const users[] = {"users",
                                                                                     "user"};
    struct entry context, cluster, user;
    int rc = open_context(c, name, &context, e);

    if (rc == 0) {
        rc = open_named(c, &context, clusters, &cluster);
    }
    if (rc != 0) {
        return rc;
    }
    kubeconfigcluster_read(&cluster.body, a);
    /* Without a user requests go out without credentials. */
    if (cluster.r.rc == 0 && kubeconfigread_text(&context.body, "user") != NULL) {
        rc = open_named(c, &context, users, &user);
        if (rc == 0) {
            read_user(&user, &cluster, a);
            rc = user.r.rc;
        }
    }
    if (rc == 0 && cluster.r.rc == 0) {
        describe(&context, a);
    }
    return cluster.r.rc != 0 ? cluster.r.rc : rc != 0 ? rc : context.r.rc;
}

int kubeconfig_resolve(const struct kubeconfig *c, const char *context, struct kubeaccess *out,
                       struct err *e)
{
    struct kubeaccess made = {0};
    int rc = resolve(c, context, &made, e);

    if (rc == 0) {
        *out = made;
    } else {
        kubeaccess_fini(&made);
    }
    return rc;
}
