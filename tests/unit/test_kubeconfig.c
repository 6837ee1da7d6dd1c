#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/kubeconfig_priv.h"
#include "support/failalloc.h"

static struct kubeconfig config;
static struct kubeaccess access;
static struct err e;

static int open_scene(void **state)
{
    (void)state;
    kubeconfig_init(&config);
    err_clear(&e);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    kubeaccess_fini(&access);
    kubeconfig_fini(&config);
    return 0;
}

/** Single quotes stand for double ones. */
static cJSON *parse(const char *text)
{
    char json[4096];
    cJSON *tree;

    (void)snprintf(json, sizeof(json), "%s", text);
    for (char *p = json; *p != '\0'; p++) {
        *p = *p == '\'' ? '"' : *p;
    }
    tree = cJSON_Parse(json);
    assert_non_null(tree);
    return tree;
}

static void add(const char *path, const char *text)
{
    assert_int_equal(kubeconfig_add(&config, path, parse(text), &e), 0);
}

static void resolve(const char *context)
{
    kubeaccess_fini(&access);
    if (kubeconfig_resolve(&config, context, &access, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

static void refuses(const char *context, const char *why)
{
    assert_int_equal(kubeconfig_resolve(&config, context, &access, &e), -EINVAL);
    assert_string_equal(e.text, why);
}

#define PLAIN                                                                                      \
    "{'apiVersion':'v1','kind':'Config','current-context':'one','unknown':[1],"                    \
    "'clusters':[{'name':'c1','cluster':{'server':'https://one:6443/','unknown':{}}},"             \
    "            {'name':'c2','cluster':{'server':'http://two'}}],"                                \
    "'users':[{'name':'u1','user':{'token':'t1'}},{'name':'u2','user':{}}],"                       \
    "'contexts':[{'name':'one','context':{'cluster':'c1','user':'u1','namespace':'shop'}},"        \
    "            {'name':'two','context':{'cluster':'c2','user':'u2'}},"                           \
    "            {'name':'bare','context':{'cluster':'c2'}},"                                      \
    "            {'name':'open','context':{'cluster':'c2','user':'u1'}},"                          \
    "            {'name':'no-cluster','context':{'user':'u1'}},"                                   \
    "            {'name':'lost','context':{'cluster':'c9','user':'u1'}},"                          \
    "            {'name':'nobody','context':{'cluster':'c1','user':'u9'}}]}"

static void the_current_context_counts_unless_another_is_named(void **state)
{
    (void)state;
    add("/k/config", PLAIN);
    resolve(NULL);
    assert_string_equal(access.server, "https://one:6443");
    assert_string_equal(access.token, "t1");
    assert_string_equal(access.ns, "shop");
    assert_string_equal(access.origin, "kubeconfig /k/config, context \"one\"");
    resolve("two");
    assert_string_equal(access.server, "http://two");
    assert_null(access.token);
    assert_string_equal(access.ns, "");
    resolve("bare");
    assert_null(access.token);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    add("/k/config", PLAIN);
    refuses("zero", "kubeconfig /k/config: there is no context named \"zero\"; kubectl config "
                    "get-contexts lists those there are");
    refuses("no-cluster", "kubeconfig /k/config: contexts[4] (name \"no-cluster\").context.cluster "
                          "is missing; name one of clusters");
    refuses("lost", "kubeconfig /k/config: contexts[5] (name \"lost\").context.cluster is \"c9\", "
                    "and there is none of that name under clusters");
    refuses("nobody", "kubeconfig /k/config: contexts[6] (name \"nobody\").context.user is \"u9\", "
                      "and there is none of that name under users");
    assert_null(access.server);
}

static void credentials_are_for_https_only(void **state)
{
    (void)state;
    add("/k/config", PLAIN);
    refuses("open", "kubeconfig /k/config: users[0] (name \"u1\") has credentials, but the server "
                    "is http://, where anybody could read them; make the server https://, or take "
                    "the user out of the context");
}

/* Whatever they are: over http:// anybody could read them. */
static void no_credentials_of_any_kind_go_over_http(void **state)
{
    static const char plugin[] = "'exec':{'apiVersion':'client.authentication.k8s.io/v1',"
                                 "'command':'x','interactiveMode':'Never'}";
    const char *const users[] = {"'tokenFile':'t'", "'client-certificate':'c','client-key':'k'",
                                 "'as':'jane'", plugin};
    char text[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        kubeconfig_fini(&config);
        kubeconfig_init(&config);
        (void)snprintf(text, sizeof(text),
                       "{'current-context':'a','contexts':[{'name':'a','context':{'cluster':'c',"
                       "'user':'u'}}],'clusters':[{'name':'c','cluster':{'server':'http://s'}}],"
                       "'users':[{'name':'u','user':{%s}}]}",
                       users[i]);
        add("/k", text);
        assert_int_equal(kubeconfig_resolve(&config, NULL, &access, &e), -EINVAL);
        assert_non_null(strstr(e.text, "has credentials, but the server is http://"));
    }
}

static void an_entry_without_a_name_is_passed_over(void **state)
{
    (void)state;
    add("/k", "{'clusters':[{'cluster':{'server':'https://wrong'}},"
              "{'name':'','cluster':{'server':'https://wrong'}},"
              "{'name':'c','cluster':{'server':'https://right'}}],"
              "'contexts':[{'name':'a','context':{'cluster':'c'}}]}");
    resolve("a");
    assert_string_equal(access.server, "https://right");
}

static void without_a_current_context_one_must_be_named(void **state)
{
    (void)state;
    add("/k/config", "{'current-context':''}");
    add("/k/other", "{}");
    refuses(NULL, "kubeconfig /k/config (and 1 more): there is no current-context; write one, or "
                  "give --context");
}

static void of_several_files_the_first_that_has_an_entry_counts(void **state)
{
    (void)state;
    assert_int_equal(kubeconfig_add(&config, "/a/empty", NULL, &e), 0);
    assert_int_equal(kubeconfig_add(&config, "/a/null", cJSON_CreateNull(), &e), 0);
    add("/a/config", "{'current-context':'one','users':[{'name':'u1','user':{'tokenFile':'t'}}]}");
    add("/b/config", PLAIN);
    add("/c/config", "{'current-context':'two','clusters':[{'name':'c1','cluster':"
                     "{'server':'https://wrong'}}]}");
    resolve(NULL);
    assert_string_equal(access.server, "https://one:6443");
    assert_string_equal(access.token_file, "/a/t"); /* beside the file that says so */
    assert_null(access.token);                      /* entries are not merged */
}

static void two_of_one_name_in_a_file_are_refused(void **state)
{
    (void)state;
    add("/k", "{'contexts':[{'name':'a','context':{}},{'name':'b','context':{}},"
              "{'name':'a','context':{}}]}");
    refuses("a", "kubeconfig /k: contexts[2] has the name of another one; rename or delete it");
}

static void a_wrong_type_is_told_without_its_value(void **state)
{
    (void)state;
    add("/k", "{'contexts':[{'name':'a','context':'hunter2'}],'current-context':7}");
    refuses("a", "kubeconfig /k: contexts[0] (name \"a\").context must be an object");
    refuses(NULL, "kubeconfig /k: current-context must be a text");
    add("/l", "{'contexts':{'name':'b'}}");
    refuses("b", "kubeconfig /l: contexts must be a list");
}

static void what_is_no_entry_at_all_is_told_without_its_value(void **state)
{
    (void)state;
    add("/k", "{'contexts':['hunter2',{'name':'a','context':{'cluster':['hunter2']}}]}");
    refuses("a", "kubeconfig /k: contexts[0] must be an object");
    kubeconfig_fini(&config);
    kubeconfig_init(&config);
    add("/k", "{'contexts':[{'name':'a','context':{'cluster':['hunter2']}}]}");
    refuses("a", "kubeconfig /k: contexts[0] (name \"a\").context.cluster must be a text");
}

static void other_documents_are_no_kubeconfig(void **state)
{
    (void)state;
    assert_int_equal(kubeconfig_add(&config, "/k", parse("{'kind':'Pod'}"), &e), -EINVAL);
    assert_string_equal(e.text, "kubeconfig /k: is no kubeconfig (apiVersion: v1, kind: Config)");
    assert_int_equal(kubeconfig_add(&config, "/k", parse("{'apiVersion':'v2'}"), &e), -EINVAL);
    assert_int_equal(kubeconfig_add(&config, "/k", parse("['hunter2']"), &e), -EINVAL);
    assert_string_equal(e.text, "kubeconfig /k: must be an object");
    assert_int_equal(config.n, 0);
}

static void there_may_be_so_many_files_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < LIMIT_KUBE_CONFIG_FILES; i++) {
        add("/k", "{}");
    }
    assert_int_equal(kubeconfig_add(&config, "/k", parse("{}"), &e), -EINVAL);
    assert_string_equal(e.text, "more than 64 kubeconfig files");
}

static void add_and_resolve(void *ctx)
{
    cJSON *tree = cJSON_Parse(ctx);
    struct kubeaccess a = {0};

    kubeconfig_init(&config);
    if (tree != NULL && kubeconfig_add(&config, "/k/c", tree, &e) == 0 &&
        kubeconfig_resolve(&config, NULL, &a, &e) == 0) {
        kubeaccess_fini(&a);
    } else if (tree != NULL) {
        assert_non_null(strstr(e.text, "out of memory"));
    }
    kubeconfig_fini(&config);
}

static void without_memory_that_is_said_and_nothing_is_left(void **state)
{
    cJSON *tree = parse(
        "{'current-context':'a','contexts':[{'name':'a','context':{'cluster':'c','user':'u'}}],"
        "'clusters':[{'name':'c','cluster':{'server':'https://s','tls-server-name':'n',"
        "'proxy-url':'http://p','extensions':[{'name':'client.authentication.k8s.io/exec',"
        "'extension':{'x':1}}]}}],'users':[{'name':'u','user':{'as':'x','as-groups':['g'],"
        "'as-user-extra':{'k':['v','w'],'l':['x']},'exec':{'apiVersion':"
        "'client.authentication.k8s.io/v1','interactiveMode':'Never','command':'x','args':['1'],"
        "'env':[{'name':'A','value':'b'}],'provideClusterInfo':true}}}]}");
    char *text = cJSON_PrintUnformatted(tree);

    (void)state;
    cJSON_Delete(tree);
    assert_true(failalloc_torture(add_and_resolve, text) > 40);
    cJSON_free(text);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        SCENE(the_current_context_counts_unless_another_is_named),
        SCENE(what_is_missing_is_named),
        SCENE(credentials_are_for_https_only),
        SCENE(no_credentials_of_any_kind_go_over_http),
        SCENE(an_entry_without_a_name_is_passed_over),
        SCENE(without_a_current_context_one_must_be_named),
        SCENE(of_several_files_the_first_that_has_an_entry_counts),
        SCENE(two_of_one_name_in_a_file_are_refused),
        SCENE(a_wrong_type_is_told_without_its_value),
        SCENE(what_is_no_entry_at_all_is_told_without_its_value),
        SCENE(other_documents_are_no_kubeconfig),
        SCENE(there_may_be_so_many_files_and_no_more),
        SCENE(without_memory_that_is_said_and_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
