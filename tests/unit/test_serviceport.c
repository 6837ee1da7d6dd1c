#include "controller/serviceport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct service_port ports[] = {
    {"dns", 53, false}, {"https", 443, true}, {"", 80, true}, {"h3", 443, false}};
static const struct service svc = {.ports = ports, .n_ports = ARRAY_LEN(ports)};

static struct ingress_backend by_number(uint16_t number)
{
    return (struct ingress_backend){.port_name = "", .port_number = number};
}

static struct ingress_backend by_name(const char *name)
{
    return (struct ingress_backend){.port_name = name};
}

static void a_port_is_found_by_number_or_name(void **state)
{
    struct ingress_backend b = by_number(443), c = by_name("https");
    const struct service_port *p = NULL;

    (void)state;
    assert_int_equal(serviceport_find(&svc, &b, &p), SERVICEPORT_FOUND);
    assert_ptr_equal(p, &ports[1]);
    p = NULL;
    assert_int_equal(serviceport_find(&svc, &c, &p), SERVICEPORT_FOUND);
    assert_ptr_equal(p, &ports[1]);
}

static void what_is_not_there_or_not_tcp_leaves_the_answer_alone(void **state)
{
    struct ingress_backend b = by_number(8443), c = by_name("dns"), d = by_number(53);
    const struct service_port *p = NULL;

    (void)state;
    assert_int_equal(serviceport_find(&svc, &b, &p), SERVICEPORT_MISSING);
    assert_int_equal(serviceport_find(&svc, &c, &p), SERVICEPORT_NOT_TCP);
    assert_int_equal(serviceport_find(&svc, &d, &p), SERVICEPORT_NOT_TCP);
    assert_null(p);
}

static void a_port_is_alone_unless_another_tcp_port_has_its_number(void **state)
{
    static const struct service_port some[] = {
        {"a", 443, true}, {"b", 80, true}, {"c", 443, true}, {"d", 80, false}, {"e", 8443, true}};
    const struct service twice = {.ports = some, .n_ports = ARRAY_LEN(some)};
    const struct service once = {.ports = some, .n_ports = 2};

    (void)state;
    assert_false(serviceport_is_alone(&twice, &some[0]));
    assert_false(serviceport_is_alone(&twice, &some[2]));
    assert_true(serviceport_is_alone(&twice, &some[1])); /* the other is UDP */
    assert_true(serviceport_is_alone(&twice, &some[4]));
    assert_true(serviceport_is_alone(&once, &some[0]));
}

static void ports_are_listed_as_people_look_for_them(void **state)
{
    const struct service none = {.ports = ports, .n_ports = 1};
    char text[64];

    (void)state;
    assert_string_equal(serviceport_list(&svc, text, sizeof(text)), "443 (https), 80");
    assert_string_equal(serviceport_list(&none, text, sizeof(text)), "no TCP port");
}

static void a_long_list_is_cut_short(void **state)
{
    struct service_port many[20];
    struct service s = {.ports = many, .n_ports = ARRAY_LEN(many)};
    char text[400], tiny[8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct service_port){"p", (uint16_t)(i + 1), true};
    }
    assert_non_null(strstr(serviceport_list(&s, text, sizeof(text)), "8 (p) and others"));
    assert_null(strstr(text, "9 (p)"));
    assert_string_equal(serviceport_list(&s, tiny, sizeof(tiny)), "1 (p), ");
}

static void a_port_is_repeated_as_it_was_written(void **state)
{
    struct ingress_backend b = by_number(443), c = by_name("https");
    char text[16];

    (void)state;
    assert_string_equal(serviceport_as_written(&b, text, sizeof(text)), "443");
    assert_string_equal(serviceport_as_written(&c, text, sizeof(text)), "https");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_is_found_by_number_or_name),
        cmocka_unit_test(what_is_not_there_or_not_tcp_leaves_the_answer_alone),
        cmocka_unit_test(a_port_is_alone_unless_another_tcp_port_has_its_number),
        cmocka_unit_test(ports_are_listed_as_people_look_for_them),
        cmocka_unit_test(a_long_list_is_cut_short),
        cmocka_unit_test(a_port_is_repeated_as_it_was_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
