/*
 * Whatever the bytes: a kubeconfig is taken or refused with words, and what a credential plugin
 * prints is, too, of which nothing stands in them.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "../../src/kube/execcredential_priv.h"
#include "../../src/kube/kubeconfig_priv.h"
#include "base/attr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLUGIN_API "client.authentication.k8s.io/v1"
#define SECRET     "hunter2"

/** What every kubeaccess holds to. */
static void check_access(const struct kubeaccess *a)
{
    ASSERT(a->server != NULL && a->ns != NULL && a->origin != NULL);
    ASSERT(strncasecmp(a->server, "http", 4) == 0);
    ASSERT(a->server[strlen(a->server) - 1] != '/');
    ASSERT(!a->insecure || (a->ca.data == NULL && a->ca.file == NULL));
    ASSERT((a->cert.data != NULL || a->cert.file != NULL) ==
           (a->key.data != NULL || a->key.file != NULL));
    ASSERT(a->token == NULL || strpbrk(a->token, " \t\r\n") == NULL);
    ASSERT(a->exec.command == NULL || strstr(a->exec.api_version, "authentication") != NULL);
    if (strncasecmp(a->server, "https:", 6) != 0) {
        ASSERT(a->token == NULL && a->token_file == NULL && a->key.data == NULL &&
               a->key.file == NULL && a->exec.command == NULL && a->as_user == NULL);
    }
}

static void resolve(cJSON *tree, const char *context)
{
    static struct kubeconfig config;
    struct kubeaccess a = {0};
    struct err e = {""};
    int rc;

    kubeconfig_init(&config);
    rc = kubeconfig_add(&config, "/nonexistent/config", tree, &e);
    if (rc == 0) {
        rc = kubeconfig_resolve(&config, context, &a, &e);
    }
    if (rc == 0) {
        check_access(&a);
        kubeaccess_fini(&a);
    } else {
        ASSERT(rc == -EINVAL);
        ASSERT(e.text[0] != '\0'); /* names stand in it, which may be anything */
    }
    kubeconfig_fini(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct execcredential c = {0};
    struct err e = {""};
    cJSON *tree;

    if (execcredential_parse(&c, (const char *)data, size, PLUGIN_API, &e) == 0) {
        ASSERT(c.token != NULL || c.cert != NULL);
        ASSERT((c.cert == NULL) == (c.key == NULL));
        execcredential_fini(&c);
    } else {
        ASSERT(e.text[0] != '\0' && strstr(e.text, SECRET) == NULL);
    }
    tree = cJSON_ParseWithLength((const char *)data, size);
    if (tree != NULL) {
        resolve(cJSON_Duplicate(tree, 1), "a");
        resolve(tree, NULL);
    }
    return 0;
}
