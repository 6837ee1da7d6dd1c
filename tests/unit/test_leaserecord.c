#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/kube/leaserecord_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "support/failalloc.h"
#include "support/json_text.h"

/* As a server answers. */
static const char LEASE[] =
    "{\"kind\":\"Lease\",\"apiVersion\":\"coordination.k8s.io/v1\","
    "\"metadata\":{\"name\":\"l\",\"namespace\":\"sealway\",\"resourceVersion\":\"272\","
    "\"labels\":{\"a\":\"b\"}},"
    "\"spec\":{\"holderIdentity\":\"pod-0_5f2c\",\"leaseDurationSeconds\":15,"
    "\"acquireTime\":\"2026-01-02T03:04:05.000000Z\",\"renewTime\":\"2026-01-02T03:04:07.000123Z\","
    "\"leaseTransitions\":3}}\n";

static int parse(const char *json, struct lease_record *out)
{
    cJSON *tree = json_text_parse(json);
    int rc = leaserecord_parse(out, tree);

    cJSON_Delete(tree);
    return rc;
}

static void a_lease_is_read_as_it_stands(void **state)
{
    struct lease_record r;

    (void)state;
    assert_int_equal(leaserecord_read(&r, LEASE, strlen(LEASE)), 0);
    assert_string_equal(r.version, "272");
    assert_string_equal(r.holder, "pod-0_5f2c");
    assert_int_equal(r.duration_s, 15);
    assert_string_equal(r.acquired, "2026-01-02T03:04:05.000000Z");
    assert_string_equal(r.renewed, "2026-01-02T03:04:07.000123Z");
    assert_int_equal(r.transitions, 3);
}

static void what_is_absent_reads_as_empty(void **state)
{
    static const char *const texts[] = {
        "{'kind':'Lease','metadata':{'resourceVersion':'7'}}",
        "{'kind':'Lease','metadata':{'resourceVersion':'7'},'spec':null}",
        "{'kind':'Lease','metadata':{'resourceVersion':'7'},'spec':{}}",
        ("{'kind':'Lease','metadata':{'resourceVersion':'7'},'spec':{'holderIdentity':null,"
         "'leaseDurationSeconds':null,'renewTime':null,'acquireTime':null,"
         "'leaseTransitions':null}}"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct lease_record r;

        assert_int_equal(parse(texts[i], &r), 0);
        assert_string_equal(r.version, "7");
        assert_string_equal(r.holder, "");
        assert_int_equal(r.duration_s, 0);
        assert_string_equal(r.acquired, "");
        assert_string_equal(r.renewed, "");
        assert_int_equal(r.transitions, 0);
    }
}

static void what_is_no_lease_is_refused_and_nothing_written(void **state)
{
#define WITH(spec) "{'kind':'Lease','metadata':{'resourceVersion':'7'},'spec':" spec "}"
    static const char *const texts[] = {
        "[]",
        "{}",
        "{'kind':'Status','metadata':{'resourceVersion':'7'}}",
        "{'kind':'LeaseList','metadata':{'resourceVersion':'7'}}",
        "{'metadata':{'resourceVersion':'7'}}",
        "{'kind':'Lease'}",
        "{'kind':'Lease','metadata':{}}",
        "{'kind':'Lease','metadata':{'resourceVersion':''}}",
        "{'kind':'Lease','metadata':{'resourceVersion':7}}",
        ("{'kind':'Lease','metadata':{'resourceVersion':"
         "'1234567890123456789012345678901234567890123456789012345678901234'}}"),
        WITH("[]"),
        WITH("'x'"),
        WITH("{'holderIdentity':1}"),
        WITH("{'leaseDurationSeconds':'15'}"),
        WITH("{'leaseDurationSeconds':-1}"),
        WITH("{'leaseDurationSeconds':2147483648}"),
        WITH("{'leaseTransitions':1e300}"),
        WITH("{'leaseTransitions':true}"),
        WITH("{'renewTime':5}"),
        WITH("{'renewTime':'2026-01-02T03:04:07.000123Z-----'}"),
        WITH("{'acquireTime':{}}"),
    };
#undef WITH

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct lease_record r = {.transitions = 5};

        assert_int_equal(parse(texts[i], &r), -EBADMSG);
        assert_int_equal(r.transitions, 5);
    }
}

static void a_holder_of_any_length_is_a_holder(void **state)
{
    struct buf b;
    struct lease_record r;

    (void)state;
    buf_init(&b, 65536);
    assert_int_equal(buf_printf(&b,
                                "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
                                "\"spec\":{\"holderIdentity\":\"%05000d\"}}",
                                0),
                     0);
    assert_int_equal(leaserecord_read(&r, b.data, b.len), 0);
    assert_int_equal(strlen(r.holder), LEASE_IDENTITY_MAX - 1);
    buf_fini(&b);
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(LEASE) - 1; len++) {
        char *cut = test_malloc(len + 1); /* apart, so that a byte read behind it is found */
        struct lease_record r;

        memcpy(cut, LEASE, len);
        assert_int_equal(leaserecord_read(&r, cut, len), -EBADMSG);
        test_free(cut);
    }
    assert_int_equal(leaserecord_read(&(struct lease_record){.holder = ""}, NULL, 0), -EBADMSG);
}

static void a_patch_has_the_version_and_the_whole_spec(void **state)
{
    struct lease_record r;
    struct buf b;

    (void)state;
    assert_int_equal(leaserecord_read(&r, LEASE, strlen(LEASE)), 0);
    r.holder[0] = '\0';
    buf_init(&b, 4096);
    assert_int_equal(leaserecord_print(&r, &b), 0);
    assert_int_equal(buf_append(&b, "", 1), 0);
    assert_string_equal((const char *)b.data,
                        "{\"metadata\":{\"resourceVersion\":\"272\"},"
                        "\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":15,"
                        "\"acquireTime\":\"2026-01-02T03:04:05.000000Z\","
                        "\"renewTime\":\"2026-01-02T03:04:07.000123Z\",\"leaseTransitions\":3}}\n");
    buf_fini(&b);
}

static void a_patch_that_has_no_room_is_told(void **state)
{
    struct lease_record r = {.version = "1"};
    struct buf b;

    (void)state;
    buf_init(&b, 16);
    assert_int_equal(leaserecord_print(&r, &b), -ENOBUFS);
    buf_fini(&b);
}

static void any_field_of_the_spec_makes_a_difference_and_the_version_none(void **state)
{
    struct lease_record a, b;

    (void)state;
    assert_int_equal(leaserecord_read(&a, LEASE, strlen(LEASE)), 0);
    b = a;
    b.version[0] = '9';
    assert_true(leaserecord_is_same(&a, &b));
    b.holder[0] = 'P';
    assert_false(leaserecord_is_same(&a, &b));
    b = a;
    b.duration_s++;
    assert_false(leaserecord_is_same(&a, &b));
    b = a;
    b.transitions++;
    assert_false(leaserecord_is_same(&a, &b));
    b = a;
    b.acquired[0] = '3';
    assert_false(leaserecord_is_same(&a, &b));
    b = a;
    b.renewed[25] = '4';
    assert_false(leaserecord_is_same(&a, &b));
}

static void read_and_print(void *ctx)
{
    struct lease_record r = {.version = "1"};
    struct buf b;
    int rc;

    (void)ctx;
    rc = leaserecord_read(&r, LEASE, strlen(LEASE));
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_init(&b, 4096);
    rc = leaserecord_print(&r, &b);
    assert_true(rc == 0 || rc == -ENOMEM);
    buf_fini(&b);
}

static void without_memory_it_is_told(void **state)
{
    (void)state;
    assert_true(failalloc_torture(read_and_print, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_read_as_it_stands),
        cmocka_unit_test(what_is_absent_reads_as_empty),
        cmocka_unit_test(what_is_no_lease_is_refused_and_nothing_written),
        cmocka_unit_test(a_holder_of_any_length_is_a_holder),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(a_patch_has_the_version_and_the_whole_spec),
        cmocka_unit_test(a_patch_that_has_no_room_is_told),
        cmocka_unit_test(any_field_of_the_spec_makes_a_difference_and_the_version_none),
        cmocka_unit_test(without_memory_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
