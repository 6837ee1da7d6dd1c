#include "../../src/kube/kubewatchlog_priv.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/logring.h"
#include "kube/kubewatch.h"

static const struct kuberesource ingresses = {"/apis/networking.k8s.io/v1", "networking.k8s.io/v1",
                                              "ingresses", "Ingress"};
static const struct kuberesource services = {"/api/v1", "v1", "services", "Service"};

static struct seen {
    struct logring *ring;
    size_t n;
    char last[LIMIT_LOG_LINE + 1];
} seen;

static int setup(void **state)
{
    (void)state;
    seen.ring = logring_new(1u << 20);
    log_use_ring(seen.ring);
    return seen.ring ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_use_ring(NULL);
    logring_free(seen.ring);
    return 0;
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    (void)ctx;
    assert_int_equal(stream, LOG_MAIN);
    assert_true(len < sizeof(seen.last));
    memcpy(seen.last, line, len);
    seen.last[len] = '\0';
    seen.n++;
    return true;
}

/* How many lines since the last look. */
static size_t lines(void)
{
    seen.n = 0;
    seen.last[0] = '\0';
    (void)logring_drain(seen.ring, take_line, NULL);
    return seen.n;
}

static void begin(struct kubewatchlog *l, const struct kuberesource *resource, const char *ns,
                  bool is_optional)
{
    *l = (struct kubewatchlog){.resource = resource, .ns = ns, .is_optional = is_optional};
}

static void refuse(struct kubewatchlog *l, enum kubewatchlog_verb verb, int code, const char *text,
                   uint64_t now_ms)
{
    struct kubestatus why;

    if (code) {
        kubestatus_from_answer(&why, code, "text/plain", text, strlen(text));
    } else {
        kubestatus_unreachable(&why, text);
    }
    kubewatchlog_refused(l, verb, &why, now_ms);
}

static void a_403_names_what_may_not_be_done_to_what_where_and_the_remedy(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    refuse(&l, KUBEWATCHLOG_LIST, 403, "User \"sw\" cannot\x1b[31m", 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=warn"));
    assert_non_null(strstr(seen.last, "cannot list ingresses.networking.k8s.io in all namespaces: "
                                      "403 Forbidden; grant the verbs list and watch on ingresses "
                                      "in API group networking.k8s.io to this service account or "
                                      "user by a ClusterRole and a ClusterRoleBinding"));
    assert_non_null(strstr(seen.last, "User \\\"sw\\\" cannot"));
    assert_null(strchr(seen.last, '\x1b'));

    begin(&l, &services, "shop", false);
    refuse(&l, KUBEWATCHLOG_WATCH, 403, "no", 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "cannot watch services in namespace shop: 403 Forbidden; "
                                      "grant the verbs list and watch on services in the core API "
                                      "group to this service account or user by a Role in that "
                                      "namespace"));
}

static void other_refusals_have_their_words_too(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    refuse(&l, KUBEWATCHLOG_LIST, 401, "Unauthorized", 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "credentials are not accepted"));
    refuse(&l, KUBEWATCHLOG_LIST, 404, "404 page not found", 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "does not offer ingresses in networking.k8s.io/v1"));
    refuse(&l, KUBEWATCHLOG_LIST, 0, "Connection refused", 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "no answer from the API server"));
    assert_non_null(strstr(seen.last, "cause=\"Connection refused\""));
    kubewatchlog_dead(&l, 1000);
    assert_int_equal(lines(), 1);
    kubewatchlog_spoilt(&l, KUBEWATCHLOG_LIST, -EIO, 1000);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "Input/output error"));
}

static void each_failure_is_told_once_a_minute(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    for (uint64_t now_ms = 0; now_ms < 180000; now_ms += 1000) {
        refuse(&l, KUBEWATCHLOG_LIST, 503, "busy", now_ms);
        refuse(&l, KUBEWATCHLOG_LIST, 0, "refused", now_ms);
        kubewatchlog_spoilt(&l, KUBEWATCHLOG_WATCH, -EBADMSG, now_ms);
    }
    assert_int_equal(lines(), 9);
    refuse(&l, KUBEWATCHLOG_WATCH, 503, "busy", 179000); /* another request */
    assert_int_equal(lines(), 1);
}

/* One that only differs in numbers is none: "after 3 ms". */
static void a_new_cause_of_no_answer_is_told_at_once(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "no connection to 10.0.0.1 port 6443 after 3 ms", 1000);
    assert_int_equal(lines(), 1);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "no connection to 10.0.0.2 port 6443 after 12 ms", 2000);
    assert_int_equal(lines(), 0);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "the server's certificate is not trusted", 3000);
    assert_int_equal(lines(), 1);
}

/* ---- the server's failures ------------------------------------------------------------------ */

static struct server {
    unsigned failures, first, answers;
    char request[128];
} server;

static void on_failed(void *ctx, const struct kubewatch_failure *f)
{
    struct server *s = ctx;

    s->failures++;
    s->first += !f->again;
    assert_true(strlen(f->request) < sizeof(s->request));
    memcpy(s->request, f->request, strlen(f->request) + 1);
}

static void on_answers(void *ctx)
{
    struct server *s = ctx;

    s->answers++;
}

static void begin_beside_others(struct kubewatchlog *l)
{
    server = (struct server){0};
    begin(l, &ingresses, "shop", false);
    l->server = (struct kubewatch_server){on_failed, on_answers, &server};
}

static void what_all_collections_suffer_is_left_to_who_tells_it_for_all(void **state)
{
    static const int codes[] = {0, 401, 429, 500, 503};
    struct kubewatchlog l;

    (void)state;
    begin_beside_others(&l);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        refuse(&l, KUBEWATCHLOG_LIST, codes[i], "x", 1000);
        assert_int_equal(server.failures, i + 1);
        assert_string_not_equal(kubewatchlog_trouble(&l), "");
    }
    kubewatchlog_dead(&l, 1000);
    assert_int_equal(server.failures, ARRAY_LEN(codes) + 1);
    assert_string_equal(server.request, "watch ingresses in namespace shop");
    assert_int_equal(server.first, 1);
    assert_int_equal(server.answers, 0);
    kubewatchlog_works(&l);
    kubewatchlog_works(&l);
    assert_int_equal(server.answers, 1);
    assert_int_equal(lines(), 0);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "x", 2000);
    assert_int_equal(server.first, 2);
}

static void a_refusal_of_this_collection_is_told_here_and_is_an_answer(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin_beside_others(&l);
    refuse(&l, KUBEWATCHLOG_LIST, 403, "no", 1000);
    assert_int_equal(lines(), 1);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "x", 2000);
    refuse(&l, KUBEWATCHLOG_LIST, 404, "no", 3000);
    assert_int_equal(lines(), 1);
    assert_int_equal(server.failures, 1);
    assert_int_equal(server.answers, 1);
    kubewatchlog_works(&l);
    assert_int_equal(lines(), 1);
    assert_int_equal(server.answers, 1);
}

static void whatever_it_answers_it_answers(void **state)
{
    const struct kubewatchlog_list list = {.cause = REFLECTOR_EXPIRED, .items = 1};
    struct kubewatchlog l;

    (void)state;
    begin_beside_others(&l);
    refuse(&l, KUBEWATCHLOG_WATCH, 0, "x", 1000);
    refuse(&l, KUBEWATCHLOG_WATCH, 410, "too old", 2000);
    assert_int_equal(server.answers, 1);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "x", 3000);
    kubewatchlog_spoilt(&l, KUBEWATCHLOG_LIST, -ENOMEM, 4000);
    assert_int_equal(server.answers, 1);
    kubewatchlog_spoilt(&l, KUBEWATCHLOG_LIST, -EBADMSG, 5000);
    assert_int_equal(server.answers, 2);
    refuse(&l, KUBEWATCHLOG_LIST, 0, "x", 6000);
    kubewatchlog_listed(&l, &list);
    assert_int_equal(server.answers, 3);
    assert_int_equal(lines(), 3); /* two that it cannot be used, and the list */
}

static void that_it_is_not_as_far_yet_is_no_failure_of_the_server(void **state)
{
    struct kubestatus why;
    struct kubewatchlog l;

    (void)state;
    begin_beside_others(&l);
    kubestatus_from_answer(&why, 504, "text/plain", "Timeout", 7);
    why.too_large_version = true;
    kubewatchlog_refused(&l, KUBEWATCHLOG_LIST, &why, 1000);
    assert_int_equal(server.failures, 0);
    assert_int_equal(lines(), 1);
}

/* ---- how often ------------------------------------------------------------------------------ */

/* More codes at once than are remembered: some are told too often, none too rarely. */
static void a_server_with_many_codes_is_still_told(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    for (int code = 500; code < 500 + KUBEWATCHLOG_CODES * 2; code++) {
        refuse(&l, KUBEWATCHLOG_LIST, code, "x", 1000u + (unsigned)code);
    }
    assert_int_equal(lines(), KUBEWATCHLOG_CODES * 2);
    for (int i = KUBEWATCHLOG_CODES; i < KUBEWATCHLOG_CODES * 2; i++) {
        refuse(&l, KUBEWATCHLOG_LIST, 500 + i, "x", 2000);
    }
    assert_int_equal(lines(), 0);
}

static void a_version_that_is_gone_is_no_failure(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, false);
    refuse(&l, KUBEWATCHLOG_WATCH, 410, "too old", 1000);
    kubewatchlog_works(&l);
    assert_int_equal(lines(), 0);
    assert_string_equal(kubewatchlog_trouble(&l), "");
}

/* A connection that comes and goes all the time does not fill the log. */
static void that_it_works_again_is_told_once_for_each_failure_told(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, "shop", false);
    kubewatchlog_works(&l);
    assert_int_equal(lines(), 0);
    for (uint64_t now_ms = 0; now_ms < 60000; now_ms += 1000) {
        refuse(&l, KUBEWATCHLOG_LIST, 503, "busy", now_ms);
        assert_string_equal(kubewatchlog_trouble(&l), "list: 503 ServiceUnavailable");
        kubewatchlog_works(&l);
        assert_string_equal(kubewatchlog_trouble(&l), "");
    }
    assert_int_equal(lines(), 2);
    assert_non_null(strstr(seen.last, "watching ingresses in namespace shop works again"));
}

static void what_may_be_missing_is_remarked_once(void **state)
{
    struct kubewatchlog l;

    (void)state;
    begin(&l, &ingresses, NULL, true);
    for (uint64_t now_ms = 0; now_ms < 600000; now_ms += 30000) {
        refuse(&l, KUBEWATCHLOG_LIST, 403, "no", now_ms);
    }
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=info"));
    assert_non_null(strstr(seen.last, "not needed"));
    refuse(&l, KUBEWATCHLOG_LIST, 0, "refused", 600000); /* that is another matter */
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=warn"));
    kubewatchlog_works(&l);
    assert_int_equal(lines(), 1);
    refuse(&l, KUBEWATCHLOG_LIST, 403, "no", 601000); /* again, that is news */
    assert_int_equal(lines(), 1);
}

static void lists_are_told_with_their_cause_and_what_changed(void **state)
{
    struct kubewatchlog_list list = {.cause = REFLECTOR_FIRST, .is_first = true, .items = 5};
    struct kubewatchlog l;

    (void)state;
    begin(&l, &services, NULL, false);
    list.differ = 5;
    kubewatchlog_listed(&l, &list);
    assert_int_equal(lines(), 0); /* debug */
    list = (struct kubewatchlog_list){.cause = REFLECTOR_EXPIRED, .items = 4, .differ = 3};
    kubewatchlog_listed(&l, &list);
    assert_int_equal(lines(), 1);
    assert_non_null(strstr(seen.last, "level=info"));
    assert_non_null(strstr(seen.last, "services in all namespaces"));
    assert_non_null(strstr(seen.last, "(expired): 4 objects, 3 changes"));
    list.cause = REFLECTOR_PERIODIC;
    kubewatchlog_listed(&l, &list);
    assert_int_equal(lines(), 2);
    list.items = 0;
    kubewatchlog_listed(&l, &list);
    assert_int_equal(lines(), 2);
    list.differ = 0;
    list.skipped = 2;
    kubewatchlog_listed(&l, &list);
    assert_int_equal(lines(), 2);
}

/* Of the server, and on a page of plain text. */
static void trouble_is_printable_and_short(void **state)
{
    struct kubewatchlog l;
    char text[600];

    (void)state;
    memset(text, '\xf0', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    text[3] = '\n';
    begin(&l, &services, NULL, false);
    refuse(&l, KUBEWATCHLOG_LIST, 0, text, 1000);
    assert_true(strlen(kubewatchlog_trouble(&l)) < KUBEWATCHLOG_TROUBLE);
    for (const char *c = kubewatchlog_trouble(&l); *c; c++) {
        assert_in_range(*c, ' ', '~');
    }
    (void)lines();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_403_names_what_may_not_be_done_to_what_where_and_the_remedy),
        cmocka_unit_test(other_refusals_have_their_words_too),
        cmocka_unit_test(each_failure_is_told_once_a_minute),
        cmocka_unit_test(a_new_cause_of_no_answer_is_told_at_once),
        cmocka_unit_test(what_all_collections_suffer_is_left_to_who_tells_it_for_all),
        cmocka_unit_test(a_refusal_of_this_collection_is_told_here_and_is_an_answer),
        cmocka_unit_test(whatever_it_answers_it_answers),
        cmocka_unit_test(that_it_is_not_as_far_yet_is_no_failure_of_the_server),
        cmocka_unit_test(a_server_with_many_codes_is_still_told),
        cmocka_unit_test(a_version_that_is_gone_is_no_failure),
        cmocka_unit_test(that_it_works_again_is_told_once_for_each_failure_told),
        cmocka_unit_test(what_may_be_missing_is_remarked_once),
        cmocka_unit_test(lists_are_told_with_their_cause_and_what_changed),
        cmocka_unit_test(trouble_is_printable_and_short),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
