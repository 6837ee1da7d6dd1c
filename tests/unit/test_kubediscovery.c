#include "../../src/controller/kubediscovery_priv.h"

#include "kubesource_fixture.h"

#include <stdio.h>

#include "base/attr.h"
#include "support/failalloc.h"

#define HAS_SLICES                                                                                 \
    "{\"kind\":\"APIResourceList\",\"groupVersion\":\"discovery.k8s.io/v1\",\"resources\":["       \
    "{\"name\":\"endpointslices\",\"namespaced\":true,\"kind\":\"EndpointSlice\"}]}"
#define HAS_NONE "{\"resources\":[{\"name\":\"others\"},7,{\"name\":3},null]}"

static unsigned answers;

static void on_answer(void *ctx)
{
    (void)ctx;
    answers++;
}

static struct kubediscovery begin(void)
{
    struct kubediscovery d;
    struct err e;

    answers = 0;
    if (!fake.client) {
        const struct kubeclient_config cfg = {0};

        assert_non_null(kubeclient_new(&cfg, &e));
    }
    kubediscovery_init(&d, fake.client, on_answer, NULL);
    return d;
}

static void end(struct kubediscovery *d)
{
    kubediscovery_fini(d);
    kubeclient_free(fake.client);
}

static void what_the_server_answers_decides(void **state)
{
    static const struct {
        enum kuberesult_how how;
        int code;
        const char *body;
        enum kubediscovery_answer answer;
    } rows[] = {
        {KUBERESULT_OK, 200, HAS_SLICES, KUBEDISCOVERY_SLICES},
        {KUBERESULT_OK, 200, HAS_NONE, KUBEDISCOVERY_LEGACY},
        {KUBERESULT_OK, 200, "{\"resources\":[]}", KUBEDISCOVERY_LEGACY},
        {KUBERESULT_REFUSED, 403, NULL, KUBEDISCOVERY_SLICES},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kubediscovery d = begin();

        kubediscovery_turn(&d, fake.now_ms);
        assert_string_equal(fake.request->cfg.path, "/apis/discovery.k8s.io/v1");
        assert_string_equal(fake.request->cfg.method, "GET");
        assert_true(fake.request->cfg.deadline_ms > 0);
        fake_answer(rows[i].how, rows[i].code, rows[i].body);
        assert_int_equal(d.answer, rows[i].answer);
        assert_int_equal(answers, 1);
        assert_true(kubediscovery_due_ms(&d) == UINT64_MAX);
        kubediscovery_turn(&d, fake.now_ms);
        assert_null(fake.request);
        end(&d);
    }
}

static void a_404_is_believed_when_it_is_said_three_times(void **state)
{
    struct kubediscovery d = begin();

    (void)state;
    for (unsigned i = 1; i <= KUBEDISCOVERY_DENIALS; i++) {
        assert_int_equal(d.answer, KUBEDISCOVERY_OPEN);
        fake.now_ms = i > 1 ? kubediscovery_due_ms(&d) : fake.now_ms;
        kubediscovery_turn(&d, fake.now_ms);
        fake_answer(KUBERESULT_REFUSED, 404, NULL);
    }
    assert_int_equal(d.answer, KUBEDISCOVERY_LEGACY);
    assert_int_equal(answers, 1);
    assert_true(kubediscovery_due_ms(&d) == UINT64_MAX);
    end(&d);
}

/* As from what stands in front of servers that are being replaced. */
static void a_404_now_and_then_decides_nothing(void **state)
{
    struct kubediscovery d = begin();

    (void)state;
    kubediscovery_turn(&d, fake.now_ms);
    fake_answer(KUBERESULT_REFUSED, 404, NULL);
    fake.now_ms = kubediscovery_due_ms(&d);
    kubediscovery_turn(&d, fake.now_ms);
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    assert_int_equal(d.answer, KUBEDISCOVERY_SLICES);
    assert_string_equal(d.trouble, "");
    end(&d);
}

static void a_server_that_answers_others_is_asked_at_once(void **state)
{
    struct kubediscovery d = begin();

    (void)state;
    kubediscovery_turn(&d, fake.now_ms);
    kubediscovery_hurry(&d);
    assert_true(kubediscovery_due_ms(&d) == UINT64_MAX); /* it is under way */
    fake_answer(KUBERESULT_FAILED, 0, NULL);
    kubediscovery_hurry(&d);
    assert_true(kubediscovery_due_ms(&d) <= fake.now_ms);
    kubediscovery_turn(&d, fake.now_ms);
    fake_answer(KUBERESULT_REFUSED, 503, NULL);
    kubediscovery_hurry(&d);
    assert_true(kubediscovery_due_ms(&d) > fake.now_ms); /* it has its reasons */
    end(&d);
}

static void whatever_is_no_answer_is_asked_again_after_a_wait(void **state)
{
    static const struct {
        enum kuberesult_how how;
        int code;
        const char *body;
    } rows[] = {
        {KUBERESULT_FAILED, 0, NULL},     {KUBERESULT_REFUSED, 401, NULL},
        {KUBERESULT_REFUSED, 503, NULL},  {KUBERESULT_OK, 200, "<html>"},
        {KUBERESULT_OK, 200, "{}"},       {KUBERESULT_OK, 200, "[]"},
        {KUBERESULT_OK, 200, NULL},       {KUBERESULT_OK, 200, "{\"resources\":null}"},
        {KUBERESULT_OK, 200, "{\"resou"},
    };
    struct kubediscovery d = begin();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        kubediscovery_turn(&d, fake.now_ms);
        assert_true(kubediscovery_due_ms(&d) == UINT64_MAX); /* while it is under way */
        fake_answer(rows[i].how, rows[i].code, rows[i].body);
        assert_int_equal(d.answer, KUBEDISCOVERY_OPEN);
        assert_string_not_equal(d.trouble, "");
        assert_true(kubediscovery_due_ms(&d) >= fake.now_ms + 800);
        assert_true(kubediscovery_due_ms(&d) <= fake.now_ms + 60000);
        kubediscovery_turn(&d, kubediscovery_due_ms(&d) - 1);
        assert_null(fake.request);
        fake.now_ms = kubediscovery_due_ms(&d);
    }
    assert_int_equal(answers, 0);
    kubediscovery_turn(&d, fake.now_ms);
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    assert_int_equal(d.answer, KUBEDISCOVERY_SLICES);
    assert_string_equal(d.trouble, ""); /* of before: it has answered now */
    end(&d);
}

static void a_server_that_asks_for_time_gets_it_but_not_for_ever(void **state)
{
    static const struct {
        uint32_t asked_s;
        uint64_t least_ms, most_ms;
    } rows[] = {{5, 5000, 5000}, {UINT32_MAX, 60000, 60000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kubediscovery d = begin();
        struct kuberesult busy = {.how = KUBERESULT_REFUSED,
                                  .status = {.code = 429,
                                             .reason = "TooManyRequests",
                                             .message = "later",
                                             .has_retry_after = true,
                                             .retry_after_s = rows[i].asked_s}};
        struct kuberequest *r;

        kubediscovery_turn(&d, fake.now_ms);
        r = fake.request;
        fake.request = NULL;
        r->cfg.on_done(r->cfg.ctx, &busy);
        free(r);
        assert_true(kubediscovery_due_ms(&d) >= fake.now_ms + rows[i].least_ms);
        assert_true(kubediscovery_due_ms(&d) <= fake.now_ms + rows[i].most_ms);
        assert_string_equal(d.trouble, "GET /apis/discovery.k8s.io/v1: 429 TooManyRequests: later");
        end(&d);
    }
}

static void an_answer_without_end_is_cut_short(void **state)
{
    struct kubediscovery d = begin();
    char *much = malloc(1u << 20);

    (void)state;
    assert_non_null(much);
    memset(much, ' ', (1u << 20) - 1);
    much[(1u << 20) - 1] = '\0';
    kubediscovery_turn(&d, fake.now_ms);
    fake_answer(KUBERESULT_OK, 200, much);
    assert_int_equal(d.answer, KUBEDISCOVERY_OPEN);
    assert_string_not_equal(d.trouble, "");
    free(much);
    end(&d);
}

static void the_end_cancels_what_is_under_way(void **state)
{
    struct kubediscovery d = begin();

    (void)state;
    kubediscovery_turn(&d, fake.now_ms);
    end(&d);
    assert_int_equal(fake.cancelled, 1);
    kubediscovery_fini(&d);
}

static void starve(void *ctx)
{
    struct kubediscovery d;

    (void)ctx;
    kubediscovery_init(&d, fake.client, on_answer, NULL);
    for (unsigned i = 0; i < 3 && d.answer == KUBEDISCOVERY_OPEN; i++) {
        fake.now_ms = kubediscovery_due_ms(&d);
        kubediscovery_turn(&d, fake.now_ms);
        if (fake.request) {
            fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
        }
    }
    assert_int_equal(d.answer, KUBEDISCOVERY_SLICES);
    kubediscovery_fini(&d);
}

static void without_memory_it_asks_again(void **state)
{
    struct kubediscovery d = begin();

    (void)state;
    assert_true(failalloc_torture(starve, NULL) > 3);
    end(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_server_answers_decides),
        TEST(a_404_is_believed_when_it_is_said_three_times),
        TEST(a_404_now_and_then_decides_nothing),
        TEST(a_server_that_answers_others_is_asked_at_once),
        TEST(whatever_is_no_answer_is_asked_again_after_a_wait),
        TEST(a_server_that_asks_for_time_gets_it_but_not_for_ever),
        TEST(an_answer_without_end_is_cut_short),
        TEST(the_end_cancels_what_is_under_way),
        TEST(without_memory_it_asks_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
