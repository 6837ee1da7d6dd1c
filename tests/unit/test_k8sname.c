#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/attr.h"
#include "model/k8sname.h"

#define FIFTY "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define L63   FIFTY "1234567890123"
#define L64   L63 "4"
#define N250  FIFTY FIFTY FIFTY FIFTY FIFTY
#define N253  N250 "123"

struct named_case {
    const char *name;
    bool ok;
};

static void check(bool (*is)(const char *), const struct named_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is(cases[i].name) != cases[i].ok) {
            fail_msg("%s should be %s", cases[i].name, cases[i].ok ? "accepted" : "refused");
        }
    }
}

static void a_label_is_lower_case_alphanumeric_with_inner_dashes(void **state)
{
    static const struct named_case cases[] = {
        {"a", true},    {"0", true},    {"a-b", true},  {"a--b", true},      {L63, true},
        {L64, false},   {"", false},    {"-a", false},  {"a-", false},       {"A", false},
        {"a.b", false}, {"a_b", false}, {"a b", false}, {"\xc3\xa4", false}, {"a\n", false},
    };

    (void)state;
    check(k8sname_is_label, cases, ARRAY_LEN(cases));
    check(k8sname_is_service, cases, ARRAY_LEN(cases));
}

static void a_subdomain_is_labels_and_single_dots(void **state)
{
    static const struct named_case cases[] = {
        {"a", true},       {"a.b", true},   {"1.2.3.4", true}, {L64 ".x", true}, {N253, true},
        {N253 "4", false}, {"", false},     {".", false},      {"a.", false},    {".a", false},
        {"a..b", false},   {"a.-b", false}, {"a-.b", false},   {"a.B", false},   {"*.a", false},
    };

    (void)state;
    check(k8sname_is_subdomain, cases, ARRAY_LEN(cases));
}

static void a_port_name_is_short_and_has_a_letter(void **state)
{
    static const struct named_case cases[] = {
        {"https", true}, {"a", true},     {"8a", true},     {"abcdefghijklmno", true},
        {"80", false},   {"a--b", false}, {"-a", false},    {"abcdefghijklmnop", false},
        {"", false},     {"a-", false},   {"HTTPS", false}, {"a.b", false},
    };

    (void)state;
    check(k8sname_is_port, cases, ARRAY_LEN(cases));
}

static void a_key_is_a_name_with_or_without_a_prefix(void **state)
{
    static const struct named_case cases[] = {
        {"a", true},
        {"A.b_c-d", true},
        {"example.com/a", true},
        {"Example.com/A", true},
        {L63, true},
        {N253 "/a", true},
        {L64, false},
        {N253 "4/a", false},
        {"", false},
        {"/a", false},
        {"a/", false},
        {"a/b/c", false},
        {"-a", false},
        {"a.", false},
        {"a b", false},
        {"exa_mple/a", false},
    };

    (void)state;
    check(k8sname_is_qualified, cases, ARRAY_LEN(cases));
}

static void a_controller_is_a_domain_and_a_path(void **state)
{
    static const struct named_case cases[] = {
        {"sealway.io/ingress-controller", true},
        {"k8s.io/a/b", true},
        {"sealway.io", false},
        {"sealway.io/", false},
        {"/x", false},
        {"Sealway.io/x", false},
        {"sealway.io/a b", false},
        {"a/" N250, false},
    };

    (void)state;
    check(k8sname_is_controller, cases, ARRAY_LEN(cases));
}

static void a_host_is_a_subdomain_or_a_wildcard_of_one(void **state)
{
    static const char *const good[] = {"a.test", "*.a.test",  "localhost", "*.test",
                                       "1.2.3",  "1.2.3.4.5", "256.1.1.1", L64 ".test"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_null(k8sname_host_fault(good[i]));
    }
}

static void what_is_wrong_with_a_host_is_said_with_the_mend(void **state)
{
    static const struct {
        const char *host, *says;
    } cases[] = {
        {"10.0.0.1", "IP address"},
        {"010.0.0.01", "IP address"},
        {"a.test:443", "port"},
        {"https://a.test", "scheme"},
        {"::1", "bare name"},
        {"A.test", "write it in lower case"},
        {"*.A.test", "write it in lower case"},
        {"A b", "in lower case, as labels"},
        {"A_.ex.com", "without underscores"},
        {"M\xc3\xbcnchen.test", "xn--"},
        {"\xe2\x80\x9c"
         "a.test\xe2\x80\x9d",
         "quotes"},
        {"'a.test'", "quotes"},
        {"m\xc3\xbcnchen.test", "xn--"},
        {"a.test.", "dot"},
        {"*", "wildcard"},
        {"*a.test", "wildcard"},
        {"a.*.test", "wildcard"},
        {"*.*.test", "wildcard"},
        {"*.", "dot"},
        {"a_b.test", "underscore"},
        {"a..test", "single dots"},
        {"-a.test", "labels"},
        {"a b", "labels"},
        {"*." N250 "12", "253"},
        {N253 "4", "253"},
        {"", "labels"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *fault = k8sname_host_fault(cases[i].host);

        if (fault == NULL || strstr(fault, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].host, fault != NULL ? fault : "accepted");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_lower_case_alphanumeric_with_inner_dashes),
        cmocka_unit_test(a_subdomain_is_labels_and_single_dots),
        cmocka_unit_test(a_port_name_is_short_and_has_a_letter),
        cmocka_unit_test(a_key_is_a_name_with_or_without_a_prefix),
        cmocka_unit_test(a_controller_is_a_domain_and_a_path),
        cmocka_unit_test(a_host_is_a_subdomain_or_a_wildcard_of_one),
        cmocka_unit_test(what_is_wrong_with_a_host_is_said_with_the_mend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
