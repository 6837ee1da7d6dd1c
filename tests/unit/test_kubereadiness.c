#include "../../src/controller/kubereadiness_priv.h"

#include "kubesource_fixture.h"

#include "../../src/controller/kubediscovery_priv.h"
#include "../../src/controller/kubewatches_priv.h"
#include "kube/kubeaccess.h"
#include "model/store.h"
#include "support/objects.h"

#define ALL_KINDS 12

/** Collections that nobody feeds. */
struct scene {
    struct kubewatch watch[ALL_KINDS];
    struct kubewatches_item items[ALL_KINDS];
    struct kubewatches w;
    struct kubereadiness r;
};

static void begin(struct scene *s, size_t n)
{
    *s = (struct scene){.w = {.items = s->items, .n = n}};
    for (size_t i = 0; i < n; i++) {
        s->watch[i].trouble = "";
        s->items[i] = (struct kubewatches_item){.kind = OBJECT_SERVICE, .watch = &s->watch[i]};
    }
    kubereadiness_start(&s->r, fake.now_ms);
}

static size_t count_lines(const char *log)
{
    size_t n = 0;

    for (; *log; log++) {
        n += *log == '\n';
    }
    return n;
}

static void after_a_minute_it_says_what_is_missing_and_why(void **state)
{
    struct scene s;
    const char *log;

    (void)state;
    begin(&s, 3);
    s.watch[0].synced = true;
    s.watch[1].trouble = "list: 403 Forbidden";
    s.items[1].ns = "shop";
    s.items[2].kind = OBJECT_INGRESS;
    kubereadiness_turn(&s.r, &s.w, NULL, fake.now_ms + 59999);
    assert_string_equal(fake_log(), "");
    assert_int_equal(kubereadiness_due_ms(&s.r), fake.now_ms + 60000);
    kubereadiness_start(&s.r, fake.now_ms + 1); /* it has started */
    kubereadiness_turn(&s.r, &s.w, NULL, fake.now_ms + 60000);
    log = fake_log();
    assert_int_equal(count_lines(log), 2);
    assert_non_null(strstr(log, "level=warn"));
    assert_non_null(strstr(log, "resource=services namespace=shop error=\"list: 403 Forbidden\""));
    assert_non_null(strstr(log, "resource=ingresses error=\"no answer yet\""));
}

static void it_says_so_again_each_minute(void **state)
{
    struct scene s;

    (void)state;
    begin(&s, 1);
    for (unsigned minute = 1; minute <= 3; minute++) {
        kubereadiness_turn(&s.r, &s.w, NULL, fake.now_ms + minute * 60000 - 1);
        assert_int_equal(count_lines(fake_log()), 0);
        kubereadiness_turn(&s.r, &s.w, NULL, fake.now_ms + minute * 60000);
        assert_int_equal(count_lines(fake_log()), 1);
    }
}

static void of_many_that_are_missing_most_are_counted(void **state)
{
    struct scene s;
    const char *log;

    (void)state;
    begin(&s, ALL_KINDS);
    kubereadiness_turn(&s.r, &s.w, NULL, fake.now_ms + 60000);
    log = fake_log();
    assert_int_equal(count_lines(log), KUBEREADINESS_LINES + 1);
    assert_non_null(strstr(log, "and 2 more collections"));
}

static void discovery_may_be_what_is_missing(void **state)
{
    const struct kubediscovery d = {.trouble = "GET /apis/discovery.k8s.io/v1: 503 busy"};
    struct scene s;

    (void)state;
    begin(&s, 0);
    kubereadiness_turn(&s.r, &s.w, &d, fake.now_ms + 60000);
    assert_non_null(strstr(fake_log(), "503 busy"));
}

static void what_was_read_is_counted_by_resource(void **state)
{
    struct kubesource_stats stats[KUBESOURCE_RESOURCES] = {
        {.resource = "ingresses", .watched = true},
        {.resource = "ingressclasses", .watched = true},
        {.resource = "services", .watched = true},
        {.resource = "endpointslices", .watched = true},
        {.resource = "endpoints"},
    };
    struct store *store = objects_store(SERVED("shop", "web", "10.0.0.1") OUR_CLASS);
    struct scene s;

    (void)state;
    begin(&s, 0);
    fake.now_ms += 1234;
    kubereadiness_say_complete(&s.r, stats, store);
    assert_non_null(strstr(fake_log(), "ingresses=0 ingressclasses=1 services=1 endpointslices=1 "
                                       "took_ms=1234.000"));
    assert_null(strstr(fake.log, " endpoints="));
    store_free(store);
}

static void how_endpoints_were_chosen_is_told_unless_it_is_the_usual_way(void **state)
{
    struct kubediscovery d = {.answer = KUBEDISCOVERY_SLICES};

    (void)state;
    kubereadiness_say_endpoints(&d);
    assert_string_equal(fake_log(), "");
    strcpy(d.trouble, "403 Forbidden");
    kubereadiness_say_endpoints(&d);
    assert_non_null(strstr(fake_log(), "--endpoints-api endpoints"));
    d.answer = KUBEDISCOVERY_LEGACY;
    kubereadiness_say_endpoints(&d);
    assert_non_null(strstr(fake_log(), "has no EndpointSlices"));
}

static void the_server_is_named_but_no_secret(void **state)
{
    char server[] = "https://10.96.0.1:443", origin[] = "the service account", token[] = "s3cr3t";
    struct kubeaccess access = {.server = server, .origin = origin, .token = token};

    (void)state;
    kubereadiness_say_server(&access);
    assert_non_null(strstr(fake_log(), "server=https://10.96.0.1:443 as=\"the service account\""));
    assert_int_equal(count_lines(fake.log), 1);
    access.insecure = true;
    kubereadiness_say_server(&access);
    assert_non_null(strstr(fake_log(), "level=warn"));
    assert_non_null(strstr(fake.log, "NOT VERIFIED"));
    assert_null(strstr(fake.log, token));
}

static void a_log_of_errors_only_has_none_of_it(void **state)
{
    char text[] = "https://a";
    struct kubeaccess access = {.server = text, .origin = text, .insecure = true};
    const struct kubediscovery d = {.answer = KUBEDISCOVERY_LEGACY};
    struct kubesource_stats stats[KUBESOURCE_RESOURCES] = {{.resource = "ingresses"}};
    struct scene s;

    (void)state;
    begin(&s, ALL_KINDS);
    log_configure(LOG_ERROR, LOG_TEXT);
    kubereadiness_turn(&s.r, &s.w, &d, fake.now_ms + 60000);
    kubereadiness_say_endpoints(&d);
    kubereadiness_say_server(&access);
    kubereadiness_say_complete(&s.r, stats, NULL);
    log_configure(LOG_INFO, LOG_TEXT);
    assert_string_equal(fake_log(), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(after_a_minute_it_says_what_is_missing_and_why),
        TEST(it_says_so_again_each_minute),
        TEST(of_many_that_are_missing_most_are_counted),
        TEST(discovery_may_be_what_is_missing),
        TEST(what_was_read_is_counted_by_resource),
        TEST(how_endpoints_were_chosen_is_told_unless_it_is_the_usual_way),
        TEST(the_server_is_named_but_no_secret),
        TEST(a_log_of_errors_only_has_none_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
