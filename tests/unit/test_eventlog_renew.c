/* Warnings that stand for longer than an API server keeps Events. */
#include "eventlog_fixture.h"

static size_t about(const struct kubeclient *c, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        n += strstr(c->requests[i]->method, "POST")
                 ? strcmp(fixture_text(c, i, "regarding.name"), name) == 0
                 : strstr(c->requests[i]->path, name) != NULL;
    }
    return n;
}

/* API servers forget an Event an hour after its last write. */
static void a_warning_that_stands_is_said_again_before_it_is_forgotten(void **state)
{
    struct kubeclient *c = fixture_begin();
    uint64_t last_ms;

    (void)state;
    fixture_warn(c, "web", "NoEndpoints", "Service shop/web has none");
    fixture_add(&c->decoded, "other", VERDICT_NOTE, "ClassNotFound", "not served");
    fixture_look(c);
    fixture_run(c, 24 * 3600000);
    assert_int_equal(about(c, "other"), 1); /* a note is said once */
    assert_in_range(about(c, "web"), 24 * 60 / 52, 24 * 60 / 40 + 1);
    last_ms = c->requests[0]->at_ms;
    for (size_t i = 2; i < c->n; i++) {
        assert_string_equal(c->requests[i]->method, "PATCH");
        assert_int_equal(fixture_count(c, i), i);
        assert_in_range(c->requests[i]->at_ms - last_ms, 40 * 60000, 52 * 60000);
        last_ms = c->requests[i]->at_ms;
    }
    fixture_stand(c, NULL);
    fixture_run(c, 3600000); /* resolved */
    fixture_forget_requests(c);
    fixture_run(c, 24 * 3600000);
    assert_int_equal(c->n, 0);
    assert_int_equal(eventlog_due_ms(c->l), UINT64_MAX);
    fixture_end(c);
}

static void a_warning_that_was_forgotten_all_the_same_is_created_again(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;

    (void)state;
    fixture_stand(c, "NoEndpoints");
    fixture_run(c, 60000);
    r = fixture_next(c);
    assert_string_equal(r->method, "PATCH");
    fixture_refuse(r, 404);
    assert_string_equal(fixture_next(c)->method, "POST");
    fixture_accept(fixture_next(c));
    fixture_end(c);
}

/* Rights may have been granted meanwhile. */
static void a_warning_that_was_refused_is_tried_again_that_seldom(void **state)
{
    struct kubeclient *c = fixture_begin();
    struct kuberequest *r;
    uint64_t refused_ms;

    (void)state;
    fixture_stand(c, "NoEndpoints");
    r = fixture_next(c);
    refused_ms = fixture_now_ms;
    fixture_refuse(r, 403);
    r = fixture_next(c);
    assert_true(fixture_now_ms - refused_ms >= EVENTLOG_RENEW_MS);
    assert_string_equal(r->method, "POST");
    fixture_accept(r);
    fixture_end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warning_that_stands_is_said_again_before_it_is_forgotten),
        cmocka_unit_test(a_warning_that_was_forgotten_all_the_same_is_created_again),
        cmocka_unit_test(a_warning_that_was_refused_is_tried_again_that_seldom),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
