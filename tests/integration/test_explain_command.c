/*
 * `sealway explain` as a user meets it: options, exit status, where it reads.  What it says is
 * test_explain_golden's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "support/command.h"
#include "support/json_path.h"
#include "support/objects.h"

#define SHOP                                                                                       \
    INGRESS("shop", "web", "", OURS RULES(HOST("shop.test", "web", "number: 443")))                \
    SERVED("shop", "web", "127.0.0.2")

static void the_exit_status_tells_routed_from_not(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/shop.yaml", SHOP);
    assert_int_equal(command_run("explain shop.test --manifests m"), 0);
    command_says("route: host shop.test, ingress shop/web, service web:443\n");
    assert_int_equal(command_run("explain nobody.test --manifests m"), 3);
    command_says("answer: fatal alert unrecognized_name (112)");
    assert_int_equal(command_run("explain '' --manifests m"), 3);
    command_says("name: none\n");
}

static void json_comes_by_either_spelling_with_the_same_exit_status(void **state)
{
    static const char *const spellings[] = {"--output json", "--output=json", "-o json", "-ojson"};

    (void)state;
    tempdir_write(&command_dir, "m/shop.yaml", SHOP);
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        char args[128];
        cJSON *tree;

        snprintf(args, sizeof(args), "explain shop.test --manifests m %s", spellings[i]);
        assert_int_equal(command_run(args), 0);
        tree = cJSON_Parse(command_output());
        assert_string_equal(json_path_text(tree, "route.ingress"), "web");
        cJSON_Delete(tree);
    }
    assert_int_equal(command_run("explain nobody.test --manifests m -o json"), 3);
}

static void what_cannot_be_asked_is_told_on_one_line(void **state)
{
    (void)state;
    assert_int_equal(command_run("explain shop.test --manifests m -o yaml 2>&1"), 2);
    command_says_one_line("sealway explain: --output yaml: ");
    assert_int_equal(command_run("explain shop.test --manifests m -x 2>&1"), 2);
    command_says_one_line("sealway explain: -x: no such option");
    assert_int_equal(command_run("explain --manifests m 2>&1"), 2);
    command_says_one_line("sealway explain: an argument is missing");
    assert_int_equal(command_run("explain a b --manifests m 2>&1"), 2);
    assert_int_equal(command_run("explain shop.test --manifests m --client here 2>&1"), 2);
    assert_int_equal(command_run("explain shop.test --manifests nowhere 2>&1"), 2);
    command_says_one_line(
        "sealway explain: --manifests nowhere: cannot read the directory: No such "
        "file or directory; give a directory");
}

static void the_options_of_serve_that_decide_are_its_own_too(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/shop.yaml", SHOP);
    assert_int_equal(command_run("explain shop.test --manifests m --ingress-class other"), 3);
    command_says("    not served: shop/web: ClassNotFound: there is no IngressClass");
    assert_int_equal(command_run("explain a.test --manifests m --on-unknown-name close"), 3);
    command_says("answer: connection closed, by --on-unknown-name close\n");
    assert_int_equal(
        command_run_after("export SEALWAY_ON_NO_NAME=reset;", "explain '' --manifests m"), 3);
    command_says("answer: connection reset, by --on-no-name reset\n");
}

static void a_hostile_name_commands_no_terminal(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/shop.yaml", SHOP);
    assert_int_equal(command_run("explain \"$(printf '\\033[31m\\302\\233x')\" --manifests m"), 3);
    command_is_silent_about("\x1b");
    command_is_silent_about("\xc2\x9b");
    command_says("name: cannot be a DNS name: ?[31m?x\n");
    assert_int_equal(
        command_run("explain \"$(printf '\\033[31m\\302\\233x')\" --manifests m -o json"), 3);
    command_is_silent_about("\x1b");
    command_is_silent_about("\xc2\x9b");
}

static void an_answer_that_cannot_be_written_fails(void **state)
{
    (void)state;
    tempdir_write(&command_dir, "m/shop.yaml", SHOP);
    assert_int_equal(command_run("explain shop.test --manifests m 2>&1 >/dev/full"), 1);
    command_says_one_line("No space left on device");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, command_setup, command_teardown)
    const struct CMUnitTest tests[] = {
        T(the_exit_status_tells_routed_from_not),
        T(json_comes_by_either_spelling_with_the_same_exit_status),
        T(what_cannot_be_asked_is_told_on_one_line),
        T(the_options_of_serve_that_decide_are_its_own_too),
        T(a_hostile_name_commands_no_terminal),
        T(an_answer_that_cannot_be_written_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
