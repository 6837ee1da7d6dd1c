#include "../../src/controller/statuspublish_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/logring.h"
#include "controller/statuswriter.h"
#include "model/store.h"
#include "support/failalloc.h"
#include "support/objects.h"

static struct logring *ring;
static char log_text[1u << 16];

static int open_log(void **state)
{
    (void)state;
    ring = logring_new(1u << 18);
    log_use_ring(ring);
    return ring ? 0 : -1;
}

static int close_log(void **state)
{
    (void)state;
    log_use_ring(NULL);
    logring_free(ring);
    return 0;
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    size_t at = strlen(log_text);

    (void)ctx;
    (void)stream;
    assert_true(at + len < sizeof(log_text));
    memcpy(log_text + at, line, len);
    log_text[at + len] = '\0';
    return true;
}

/* What was logged since the last call. */
static const char *logged(void)
{
    log_text[0] = '\0';
    (void)logring_drain(ring, take_line, NULL);
    return log_text;
}

static const struct statuswriter_config of_service = {.publish_service = "sys/lb"};

static void put(struct store *s, const char *addresses)
{
    char yaml[512];

    snprintf(yaml, sizeof(yaml),
             "apiVersion: v1\nkind: Service\nmetadata: {namespace: sys, name: lb}\n"
             "spec: {type: LoadBalancer, ports: [{port: 443}]}\n"
             "status: {loadBalancer: {ingress: [%s]}}\n",
             addresses);
    objects_put(s, yaml);
}

static void addresses_come_before_the_service(void **state)
{
    static const char *const addresses[] = {"192.0.2.1", "a.test"};
    const struct statuswriter_config cfg = {
        .publish_service = "sys/lb", .publish_addresses = addresses, .n_publish_addresses = 2};
    struct store *s = objects_store(OUR_CLASS);
    struct statuspublish p;

    (void)state;
    put(s, "{ip: 192.0.2.9}");
    assert_int_equal(statuspublish_init(&p, &cfg), 0);
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_int_equal(p.now.n, 2);
    assert_string_equal(p.now.items[0].hostname, "a.test");
    assert_non_null(strstr(logged(), "addresses=\"a.test,192.0.2.1\""));
    statuspublish_fini(&p);
    store_free(s);
}

static void without_a_source_nothing_is_published_or_said(void **state)
{
    const struct statuswriter_config cfg = {.publish_service = NULL};
    struct store *s = objects_store(OUR_CLASS);
    struct statuspublish p;

    (void)state;
    assert_int_equal(statuspublish_init(&p, &cfg), 0);
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_int_equal(p.now.n, 0);
    assert_string_equal(logged(), "");
    statuspublish_fini(&p);
    store_free(s);
}

static void each_change_is_told_once_and_what_was_is_known(void **state)
{
    struct store *s = objects_store(OUR_CLASS);
    struct statuspublish p;
    uint64_t serial;

    (void)state;
    assert_int_equal(statuspublish_init(&p, &of_service), 0);
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_non_null(strstr(logged(), "there is no Service to publish"));
    put(s, "");
    assert_int_equal(statuspublish_look(&p, s), 0);
    put(s, "{ip: 192.0.2.1}");
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_non_null(strstr(logged(), "addresses=192.0.2.1 namespace=sys service=lb"));
    serial = p.serial;
    put(s, "{ip: 192.0.2.1}");
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_string_equal(logged(), "");
    assert_int_equal(p.serial, serial);
    put(s, "{ip: 192.0.2.2}, {hostname: b.test, ip: '2001:DB8::1'}");
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_non_null(strstr(logged(), "addresses=\"b.test=2001:db8::1,192.0.2.2\""));
    assert_true(p.serial != serial);
    assert_int_equal(p.now.n, 2);
    assert_int_equal(p.known.n, 3);
    assert_true(store_remove(s, OBJECT_SERVICE, "sys", "lb"));
    assert_int_equal(statuspublish_look(&p, s), 0);
    assert_int_equal(p.now.n, 0);
    assert_int_equal(p.known.n, 3);
    statuspublish_fini(&p);
    store_free(s);
}

static void former_addresses_are_known_from_the_start(void **state)
{
    static const char *const former[] = {"192.0.2.7"};
    struct statuswriter_config cfg = of_service;
    struct statuspublish p;

    (void)state;
    cfg.former_addresses = former;
    cfg.n_former_addresses = 1;
    assert_int_equal(statuspublish_init(&p, &cfg), 0);
    assert_int_equal(p.now.n, 0);
    assert_int_equal(p.known.n, 1);
    assert_string_equal(p.known.items[0].ip, "192.0.2.7");
    statuspublish_fini(&p);
}

static void of_many_the_oldest_are_forgotten_but_never_one_in_use(void **state)
{
    struct store *s = objects_store(OUR_CLASS);
    struct statuspublish p;
    char text[64];

    (void)state;
    assert_int_equal(statuspublish_init(&p, &of_service), 0);
    for (unsigned i = 0; i < 3 * OBJSTATUS_ADDRESSES; i++) {
        snprintf(text, sizeof(text), "{hostname: keep.test}, {ip: 192.0.2.%u}", i);
        put(s, text);
        assert_int_equal(statuspublish_look(&p, s), 0);
        snprintf(text, sizeof(text), "192.0.2.%u", i);
        assert_int_equal(p.now.n, 2);
        assert_string_equal(p.now.items[0].hostname, "keep.test");
        assert_string_equal(p.now.items[1].ip, text);
    }
    assert_int_equal(p.known.n, OBJSTATUS_ADDRESSES);
    assert_string_equal(p.known.items[0].hostname, "keep.test");
    (void)logged();
    statuspublish_fini(&p);
    store_free(s);
}

static void look_once(void *ctx)
{
    static const char *const former[] = {"192.0.2.7", "192.0.2.8"};
    struct statuswriter_config cfg = of_service;
    struct statuspublish p;

    cfg.former_addresses = former;
    cfg.n_former_addresses = ARRAY_LEN(former);
    if (statuspublish_init(&p, &cfg) == 0) {
        int rc = statuspublish_look(&p, ctx);

        assert_true(rc == 0 || rc == -ENOMEM);
        assert_int_equal(p.now.n, rc == 0 ? 2 : 0);
        assert_int_equal(p.known.n, rc == 0 ? 4 : 2);
    }
    statuspublish_fini(&p);
}

static void without_memory_the_list_stays_as_it_was(void **state)
{
    struct store *s = objects_store(OUR_CLASS);

    (void)state;
    put(s, "{ip: 192.0.2.1}, {hostname: a.test}");
    assert_true(failalloc_torture(look_once, s) >= 6);
    (void)logged();
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_before_the_service),
        cmocka_unit_test(without_a_source_nothing_is_published_or_said),
        cmocka_unit_test(each_change_is_told_once_and_what_was_is_known),
        cmocka_unit_test(former_addresses_are_known_from_the_start),
        cmocka_unit_test(of_many_the_oldest_are_forgotten_but_never_one_in_use),
        cmocka_unit_test(without_memory_the_list_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, open_log, close_log);
}
