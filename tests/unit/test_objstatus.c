#include "controller/objstatus.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "model/decode.h"
#include "support/decoded.h"
#include "support/failalloc.h"

#define TEXT_MAX 8192

/* "host,ip,host=ip": as the tests write a list; "+" behind one that says more. */
static const char *text_of(const struct object_address *items, size_t n)
{
    static char text[TEXT_MAX];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s%s%s", i > 0 ? "," : "",
                                items[i].hostname, *items[i].hostname && *items[i].ip ? "=" : "",
                                items[i].ip, *items[i].more ? "+" : "");
    }
    return text;
}

static const char *list_text(const struct objstatus_list *list)
{
    return text_of(list->items, list->n);
}

static const struct service *service_of(struct decoded *d, const char *spec, const char *balancer)
{
    char json[1500];

    assert_in_range(snprintf(json, sizeof(json),
                             "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'},"
                             " 'spec': {'ports': [{'port': 443}], %s},"
                             " 'status': {'loadBalancer': {'ingress': %s}}}",
                             spec, balancer),
                    1, sizeof(json) - 1);
    decoded_init_api(d, json);
    return (const struct service *)(const void *)d->o;
}

static void a_service_stands_for_its_addresses(void **state)
{
    static const struct {
        const char *spec, *balancer, *list;
    } cases[] = {
        {"'type': 'LoadBalancer'", "[{'ip': '192.0.2.1'}]", "192.0.2.1"},
        {"'type': 'LoadBalancer'", "[{'hostname': 'lb.test'}]", "lb.test"},
        {"'type': 'LoadBalancer'", "[{'hostname': 'lb.test', 'ip': '192.0.2.1'}]",
         "lb.test=192.0.2.1"},
        {"'type': 'LoadBalancer', 'externalIPs': ['192.0.2.9', '192.0.2.1']",
         "[{'ip': '192.0.2.1'}, {'hostname': 'lb.test'}]", "lb.test,192.0.2.1,192.0.2.9"},
        {"'type': 'LoadBalancer', 'clusterIP': '10.0.0.1'", "null", ""},
        {"'type': 'LoadBalancer', 'clusterIP': '10.0.0.1'", "[]", ""},
        {"'type': 'NodePort', 'clusterIP': '10.0.0.1'", "null", "10.0.0.1"},
        {"'type': 'NodePort', 'clusterIP': '10.0.0.1', 'externalIPs': ['192.0.2.9']", "null",
         "192.0.2.9"},
        {"'type': 'ClusterIP', 'clusterIPs': ['fd00::1', '10.0.0.1']", "[{'ip': '192.0.2.1'}]",
         "10.0.0.1,fd00::1"},
        {"'clusterIP': 'None'", "null", ""},
        {"'clusterIP': ''", "null", ""},
        {"'type': 'ExternalName', 'externalName': 'web.test'", "null", "web.test"},
        {"'type': 'ExternalName', 'externalName': '192.0.2.1'", "null", "192.0.2.1"},
        {"'type': 'ExternalName'", "null", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct objstatus_list list;
        struct decoded d;

        objstatus_of_service(service_of(&d, cases[i].spec, cases[i].balancer), &list);
        assert_string_equal(list_text(&list), cases[i].list);
        decoded_fini(&d);
    }
}

static void options_are_ips_and_host_names_sorted_without_duplicates(void **state)
{
    static const char *const addresses[] = {"192.0.2.2",   "z.test", "2001:db8::1", "192.0.2.1",
                                            "2001:DB8::1", "a.test", "z.test",      ""};
    struct objstatus_list list;

    (void)state;
    objstatus_of_options(addresses, ARRAY_LEN(addresses), &list);
    assert_string_equal(list_text(&list), "a.test,z.test,192.0.2.1,192.0.2.2,2001:db8::1");
    assert_string_equal(list.items[0].ip, "");
    assert_string_equal(list.items[2].hostname, "");
    objstatus_of_options(NULL, 0, &list);
    assert_int_equal(list.n, 0);
}

static void a_list_has_an_end(void **state)
{
    static char texts[OBJSTATUS_ADDRESSES + 10][16];
    const char *addresses[OBJSTATUS_ADDRESSES + 10];
    struct objstatus_list list;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        snprintf(texts[i], sizeof(texts[i]), "192.0.2.%zu", i);
        addresses[i] = texts[i];
    }
    objstatus_of_options(addresses, ARRAY_LEN(addresses), &list);
    assert_int_equal(list.n, OBJSTATUS_ADDRESSES);
}

static const struct ingress *ingress_of(struct decoded *d, const char *list)
{
    static char json[TEXT_MAX];

    assert_in_range(
        snprintf(
            json, sizeof(json),
            "{'apiVersion': 'networking.k8s.io/v1', 'kind': 'Ingress', 'metadata': {'name': 'i'},"
            " 'spec': {'defaultBackend': {'service': {'name': 's', 'port': {'number': 1}}}},"
            " 'status': {'loadBalancer': {'ingress': %s}}}",
            list),
        1, sizeof(json) - 1);
    decoded_init_api(d, json);
    return (const struct ingress *)(const void *)d->o;
}

/* "a.test 192.0.2.1": a list to publish. */
static void list_of(const char *words, struct objstatus_list *out)
{
    static char texts[8][512];
    static unsigned turn;
    const char *addresses[32];
    char *text = texts[turn++ % 8], *save = NULL;
    size_t n = 0;

    snprintf(text, sizeof(texts[0]), "%s", words);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        addresses[n++] = word;
    }
    objstatus_of_options(addresses, n, out);
}

static void merging_touches_only_what_is_ours(void **state)
{
    static const struct {
        const char *has, *want, *before;
        bool differs;
        const char *list;
    } cases[] = {
        {"null", "", "", false, ""},
        {"null", "192.0.2.1", "", true, "192.0.2.1"},
        {"[{'ip':'192.0.2.1'}]", "192.0.2.1", "", false, "192.0.2.1"},
        {"[{'ip':'192.0.2.2'},{'ip':'192.0.2.1'}]", "192.0.2.1 192.0.2.2", "", false,
         "192.0.2.1,192.0.2.2"},
        /* others' stay, in their order */
        {"[{'ip':'198.51.100.2'},{'ip':'198.51.100.1'}]", "192.0.2.1", "", true,
         "198.51.100.2,198.51.100.1,192.0.2.1"},
        {"[{'ip':'192.0.2.1'},{'ip':'198.51.100.1'}]", "192.0.2.1", "", false,
         "198.51.100.1,192.0.2.1"},
        {"[{'ip':'198.51.100.1'}]", "", "192.0.2.1", false, "198.51.100.1"},
        /* ours that are not wanted go */
        {"[{'ip':'192.0.2.1'}]", "", "192.0.2.1", true, ""},
        {"[{'ip':'192.0.2.1'},{'ip':'198.51.100.1'}]", "", "192.0.2.1", true, "198.51.100.1"},
        {"[{'ip':'192.0.2.1'}]", "192.0.2.2", "192.0.2.1 192.0.2.2", true, "192.0.2.2"},
        {"[{'ip':'192.0.2.1'},{'ip':'192.0.2.2'}]", "192.0.2.2", "192.0.2.1", true, "192.0.2.2"},
        /* one that is there twice is there once too often */
        {"[{'ip':'192.0.2.1'},{'ip':'192.0.2.1'}]", "192.0.2.1", "", true, "192.0.2.1"},
        /* the same address, spelt otherwise */
        {"[{'ip':'2001:DB8::1'}]", "2001:db8::1", "", false, "2001:DB8::1"},
        /* a host name and an IP are not the same, nor is an entry that has both */
        {"[{'hostname':'a.test','ip':'192.0.2.1'}]", "a.test 192.0.2.1", "", true,
         "a.test=192.0.2.1,a.test,192.0.2.1"},
        /* what was added to one of ours is kept */
        {"[{'ip':'192.0.2.1','ports':[{'port':443}]}]", "192.0.2.1 192.0.2.2", "", true,
         "192.0.2.1+,192.0.2.2"},
        {"[{'ip':'192.0.2.1','ports':[{'port':443}]}]", "192.0.2.1", "", false, "192.0.2.1+"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct objstatus_list want, before, list;
        struct decoded d;
        const struct ingress *has = ingress_of(&d, cases[i].has);

        list_of(cases[i].want, &want);
        list_of(cases[i].before, &before);
        assert_int_equal(objstatus_merge(has, &want, &before, &list), cases[i].differs);
        assert_string_equal(list_text(&list), cases[i].list);
        decoded_fini(&d);
    }
}

static void a_status_that_cannot_be_written_back_is_left_alone(void **state)
{
    struct objstatus_list want, list;
    struct decoded d;

    (void)state;
    list_of("192.0.2.1", &want);
    assert_false(
        objstatus_merge(ingress_of(&d, "[{'ip': '198.51.100.1'}, {}]"), &want, &want, &list));
    decoded_fini(&d);
}

/* What there is no room for stays out, again and again, and is no reason to write. */
static void a_full_status_comes_to_rest(void **state)
{
    static char entries[TEXT_MAX];
    struct objstatus_list want, list;
    struct decoded d;
    struct ingress has;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i + 1 < OBJSTATUS_ADDRESSES; i++) {
        len += (size_t)snprintf(entries + len, sizeof(entries) - len, "%s{'ip':'198.51.100.%zu'}",
                                i == 0 ? "[" : ",", i);
    }
    snprintf(entries + len, sizeof(entries) - len, "]");
    list_of("192.0.2.1 192.0.2.2", &want);
    has = *ingress_of(&d, entries);
    assert_true(objstatus_merge(&has, &want, &want, &list));
    assert_int_equal(list.n, OBJSTATUS_ADDRESSES);
    has.addresses = list.items;
    has.n_addresses = list.n;
    {
        struct objstatus_list again;

        assert_false(objstatus_merge(&has, &want, &want, &again));
    }
    decoded_fini(&d);
}

static const char *patch_text(struct buf *b, const char *version, const struct objstatus_list *list)
{
    buf_init(b, OBJSTATUS_PATCH_BYTES);
    assert_int_equal(objstatus_patch(b, version, list), 0);
    assert_int_equal(buf_append(b, "", 1), 0);
    return (const char *)b->data;
}

static void a_patch_is_conditional_and_replaces_the_list(void **state)
{
    struct objstatus_list want, list;
    struct decoded d;
    struct buf b;

    (void)state;
    list_of("lb.test 192.0.2.1", &want);
    (void)objstatus_merge(
        ingress_of(&d, "[{'ip':'192.0.2.9','ports':[{'port':443,'protocol':'TCP'}]}]"), &want,
        &want, &list);
    assert_string_equal(patch_text(&b, "276", &list),
                        "{\"metadata\":{\"resourceVersion\":\"276\"},\"status\":{\"loadBalancer\":"
                        "{\"ingress\":[{\"ip\":\"192.0.2.9\",\"ports\":[{\"port\":443,"
                        "\"protocol\":\"TCP\"}]},{\"hostname\":\"lb.test\"},"
                        "{\"ip\":\"192.0.2.1\"}]}}}");
    buf_fini(&b);
    decoded_fini(&d);
}

static void a_patch_to_nothing_takes_the_list_away(void **state)
{
    struct objstatus_list none = {.n = 0};
    struct buf b;

    (void)state;
    assert_string_equal(patch_text(&b, "\"1", &none),
                        "{\"metadata\":{\"resourceVersion\":\"\\\"1\"},\"status\":"
                        "{\"loadBalancer\":{\"ingress\":null}}}");
    buf_fini(&b);
}

static void patch_once(void *ctx)
{
    struct buf b;
    int rc;

    buf_init(&b, OBJSTATUS_PATCH_BYTES);
    rc = objstatus_patch(&b, "276", ctx);
    assert_true(rc == 0 || (rc == -ENOMEM && b.len == 0));
    buf_fini(&b);
}

static void without_memory_there_is_no_patch(void **state)
{
    struct objstatus_list want, list;
    struct decoded d;

    (void)state;
    list_of("lb.test 192.0.2.1", &want);
    (void)objstatus_merge(ingress_of(&d, "[{'ip':'192.0.2.9','ports':[{'port':443}]}]"), &want,
                          &want, &list);
    assert_true(failalloc_torture(patch_once, &list) > 10);
    list.n = 0;
    assert_true(failalloc_torture(patch_once, &list) > 5);
    decoded_fini(&d);
}

static void a_patch_stays_within_its_buffer(void **state)
{
    struct objstatus_list want;
    struct buf b;

    (void)state;
    list_of("192.0.2.1", &want);
    buf_init(&b, 20);
    assert_int_equal(objstatus_patch(&b, "276", &want), -ENOBUFS);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_stands_for_its_addresses),
        cmocka_unit_test(options_are_ips_and_host_names_sorted_without_duplicates),
        cmocka_unit_test(a_list_has_an_end),
        cmocka_unit_test(merging_touches_only_what_is_ours),
        cmocka_unit_test(a_status_that_cannot_be_written_back_is_left_alone),
        cmocka_unit_test(a_full_status_comes_to_rest),
        cmocka_unit_test(a_patch_is_conditional_and_replaces_the_list),
        cmocka_unit_test(a_patch_to_nothing_takes_the_list_away),
        cmocka_unit_test(without_memory_there_is_no_patch),
        cmocka_unit_test(a_patch_stays_within_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
