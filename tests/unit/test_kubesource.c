#include "controller/kubesource.h"

#include "kubesource_fixture.h"

#include <errno.h>
#include <event2/event.h>

#include "kube/kubeaccess.h"
#include "model/store.h"
#include "model/verdict.h"
#include "support/failalloc.h"
#include "support/json_text.h"

#define HAS_SLICES "{\"resources\":[{\"name\":\"endpointslices\"}]}"

static char server[] = "https://api.test:6443", origin[] = "kubeconfig k, context c";
static const struct kubeaccess access_data = {.server = server, .origin = origin};
static const char *const two_namespaces[] = {"shop", "blog", "shop"};

struct scene {
    struct event_base *base;
    struct store *store;
    struct source source;
    unsigned notices;
};

static void on_notice(void *ctx)
{
    struct scene *s = ctx;

    s->notices++;
}

static struct kubesource_config usual(void)
{
    return (struct kubesource_config){.access = &access_data, .agent = "sealway/test"};
}

static void begin(struct scene *s, const struct kubesource_config *cfg)
{
    struct source_host host = {.notice = on_notice, .ctx = s};
    struct err e;

    *s = (struct scene){.base = event_base_new(), .store = store_new()};
    host.base = s->base;
    host.store = s->store;
    assert_int_equal(kubesource_open(&s->source, cfg, &host, &e), 0);
}

static void end(struct scene *s)
{
    s->source.ops->free(s->source.self);
    assert_null(fake.client);
    store_free(s->store);
    event_base_free(s->base);
}

static void turn(struct scene *s)
{
    kubesource_turn(s->source.self);
}

static bool is_complete(const struct scene *s)
{
    return s->source.ops->is_complete(s->source.self);
}

static bool is_live(const struct scene *s)
{
    return s->source.ops->is_live(s->source.self);
}

static bool sync_changes(struct scene *s)
{
    struct source_change change;
    struct err e;

    assert_int_equal(s->source.ops->sync(s->source.self, &change, &e), 0);
    assert_false(change.retry);
    return change.changed;
}

static void sync_all(void)
{
    for (size_t i = 0; i < fake.n_watches; i++) {
        fake_sync(fake.watches[i]);
    }
}

/** Discovered, listed, synced. */
static void begin_complete(struct scene *s)
{
    struct kubesource_config cfg = usual();

    begin(s, &cfg);
    turn(s);
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    turn(s);
    sync_all();
    assert_true(is_complete(s));
    assert_true(sync_changes(s));
    s->notices = 0;
}

static void put_service(struct kubewatch *w, const char *json)
{
    cJSON *tree = json_text_parse(json);

    assert_int_equal(w->cfg.sink.put(w->cfg.sink.ctx, tree), 0);
    w->cfg.sink.changed(w->cfg.sink.ctx);
    cJSON_Delete(tree);
}

#define WEB(version)                                                                               \
    "{'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'namespace': 'shop', 'name': 'web',"     \
    " 'resourceVersion': '" version "'}, 'spec': {'ports': [{'port': 443}]}}"

static void the_other_watches_do_not_wait_for_discovery(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    assert_null(fake.request);
    assert_int_equal(event_base_loop(s.base, EVLOOP_ONCE), 0);
    assert_non_null(fake.request); /* discovery */
    assert_int_equal(fake.n_watches, 3);
    assert_int_equal(fake_watch("ingresses", NULL)->turns, 1);
    assert_int_equal(fake_watch("ingressclasses", NULL)->turns, 1);
    assert_int_equal(fake_watch("services", NULL)->turns, 1);
    assert_false(fake_watch("ingressclasses", NULL)->cfg.is_optional);
    assert_string_equal(fake.client->cfg.agent, "sealway/test");
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    assert_int_equal(event_base_loop(s.base, EVLOOP_ONCE), 0); /* at once */
    assert_int_equal(fake_watch("endpointslices", NULL)->turns, 1);
    assert_null(fake_watch("endpoints", NULL));
    end(&s);
}

static void a_server_without_slices_has_endpoints(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    fake_answer(KUBERESULT_OK, 200, "{\"resources\":[]}");
    turn(&s);
    assert_non_null(fake_watch("endpoints", NULL));
    assert_null(fake_watch("endpointslices", NULL));
    assert_true(kubesource_stats(s.source.self)[4].watched);
    assert_false(kubesource_stats(s.source.self)[3].watched);
    turn(&s);
    assert_int_equal(fake.requests, 1);
    end(&s);
}

static void an_option_says_which_and_nothing_is_discovered(void **state)
{
    static const enum kubesource_endpoints choices[] = {ENDPOINTS_SLICES, ENDPOINTS_LEGACY};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        struct kubesource_config cfg = usual();
        struct scene s;

        cfg.endpoints = choices[i];
        begin(&s, &cfg);
        turn(&s);
        assert_null(fake.request);
        assert_int_equal(fake_watch("endpointslices", NULL) != NULL, i == 0);
        assert_int_equal(fake_watch("endpoints", NULL) != NULL, i == 1);
        end(&s);
    }
}

static void it_is_complete_once_all_is_listed_and_rings_then(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    sync_all();
    turn(&s);
    assert_false(is_complete(&s)); /* discovery */
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    turn(&s);
    assert_false(is_complete(&s));
    assert_false(is_live(&s));
    assert_int_equal(s.notices, 0);
    (void)fake_log();
    fake_sync(fake_watch("endpointslices", NULL));
    assert_true(is_complete(&s));
    assert_true(is_live(&s));
    assert_int_equal(s.notices, 1);
    assert_non_null(strstr(fake_log(), "everything is read"));
    assert_true(sync_changes(&s));
    assert_false(sync_changes(&s));
    fake_watch("services", NULL)->live = false; /* the server went away */
    assert_true(is_complete(&s));
    assert_false(is_live(&s));
    turn(&s);
    assert_int_equal(s.notices, 1);
    end(&s);
}

static void a_change_rings_and_a_duplicate_does_not(void **state)
{
    struct scene s;

    (void)state;
    begin_complete(&s);
    put_service(fake_watch("services", NULL), WEB("1"));
    assert_int_equal(s.notices, 1);
    assert_true(s.source.ops->is_stale(s.source.self)); /* should the bell have been lost */
    assert_true(sync_changes(&s));
    assert_false(s.source.ops->is_stale(s.source.self));
    put_service(fake_watch("services", NULL), WEB("1"));
    assert_int_equal(s.notices, 1);
    assert_false(sync_changes(&s));
    assert_int_equal(kubesource_stats(s.source.self)[OBJECT_SERVICE].figures.objects, 1);
    end(&s);
}

/* A round for whoever writes status, but nothing to translate. */
static void what_no_route_is_made_of_rings_but_is_no_change(void **state)
{
    struct scene s;

    (void)state;
    begin_complete(&s);
    put_service(fake_watch("services", NULL), WEB("1"));
    assert_true(sync_changes(&s));
    put_service(fake_watch("services", NULL), WEB("2"));
    assert_int_equal(s.notices, 2);
    assert_true(s.source.ops->is_stale(s.source.self));
    assert_false(sync_changes(&s));
    assert_false(s.source.ops->is_stale(s.source.self));
    end(&s);
}

static void the_verdicts_are_those_of_all_mirrors(void **state)
{
    struct verdicts v;
    struct scene s;

    (void)state;
    begin_complete(&s);
    put_service(fake_watch("services", NULL), "{'apiVersion': 'v9', 'kind': 'Service'}");
    verdicts_init(&v);
    s.source.ops->verdicts(s.source.self, &v);
    assert_int_equal(v.n, 1);
    assert_true(v.items[0].refused);
    verdicts_fini(&v);
    end(&s);
}

static void some_namespaces_only_are_watched_each_by_itself(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    cfg.namespaces = two_namespaces;
    cfg.n_namespaces = ARRAY_LEN(two_namespaces);
    cfg.endpoints = ENDPOINTS_SLICES;
    begin(&s, &cfg);
    assert_int_equal(fake.n_watches, 2 * 3 + 1);
    assert_non_null(fake_watch("ingresses", "shop"));
    assert_non_null(fake_watch("services", "blog"));
    assert_non_null(fake_watch("endpointslices", "blog"));
    assert_true(fake_watch("ingressclasses", NULL)->cfg.is_optional);
    assert_false(fake_watch("services", "blog")->cfg.is_optional);
    end(&s);
}

static void classes_that_cannot_be_read_are_told_once_when_none_is_named(void **state)
{
    (void)state;
    for (unsigned names = 0; names < 2; names++) {
        struct kubesource_config cfg = usual();
        struct scene s;

        cfg.namespaces = two_namespaces;
        cfg.n_namespaces = 2;
        cfg.endpoints = ENDPOINTS_SLICES;
        cfg.names_classes = names == 1;
        begin(&s, &cfg);
        fake_watch("ingressclasses", NULL)->refused = true;
        (void)fake_log();
        sync_all();
        assert_true(is_complete(&s));
        assert_int_equal(strstr(fake_log(), "--ingress-class NAME") != NULL, names == 0);
        fake_watch("ingressclasses", NULL)->live = false;
        assert_true(is_live(&s));
        turn(&s);
        assert_null(strstr(fake_log(), "--ingress-class"));
        end(&s);
    }
}

static void the_earliest_of_all_dues_is_its_own(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    assert_int_equal(kubesource_due_ms(s.source.self), fake.now_ms + 60000); /* to say what lacks */
    fake_answer(KUBERESULT_FAILED, 0, NULL);
    assert_in_range(kubesource_due_ms(s.source.self), fake.now_ms + 800, fake.now_ms + 1600);
    fake_watch("services", NULL)->due_ms = fake.now_ms + 500;
    assert_int_equal(kubesource_due_ms(s.source.self), fake.now_ms + 500);
    fake.client->due_ms = fake.now_ms + 200;
    assert_int_equal(kubesource_due_ms(s.source.self), fake.now_ms + 200);
    fake.now_ms += 200;
    turn(&s);
    assert_int_equal(fake.client->turns, 2);
    assert_int_equal(kubesource_due_ms(s.source.self), fake.now_ms + 300);
    end(&s);
}

static void a_due_that_moved_is_kept_by_the_timer(void **state)
{
    struct kubewatch *w;
    unsigned turns;
    struct scene s;

    (void)state;
    begin_complete(&s);
    turn(&s);
    w = fake_watch("services", NULL);
    turns = w->turns;
    w->due_ms = fake.now_ms;
    w->cfg.stirred(w->cfg.ctx);
    assert_int_equal(event_base_loop(s.base, EVLOOP_ONCE), 0);
    assert_int_equal(w->turns, turns + 1);
    fake.client->due_ms = fake.now_ms;
    fake.client->cfg.on_moved(fake.client->cfg.ctx);
    assert_int_equal(event_base_loop(s.base, EVLOOP_ONCE), 0);
    assert_int_equal(w->turns, turns + 2);
    end(&s);
}

static void after_a_minute_it_says_what_is_missing_until_it_is_complete(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    (void)fake_log();
    fake_watch("services", NULL)->trouble = "list: 403 Forbidden";
    fake.now_ms += 60000;
    turn(&s);
    assert_non_null(strstr(fake_log(), "resource=services error=\"list: 403 Forbidden\""));
    assert_non_null(strstr(fake.log, "endpointslices or endpoints"));
    fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
    turn(&s);
    sync_all();
    (void)fake_log();
    fake.now_ms += 60000;
    turn(&s);
    assert_string_equal(fake_log(), "");
    end(&s);
}

static void cut_off_all(bool again)
{
    struct kubestatus why;
    const struct kubewatch_failure f = {.request = "x", .why = &why, .again = again};

    kubestatus_unreachable(&why, "Connection refused");
    for (size_t i = 0; i < fake.n_watches; i++) {
        fake.watches[i]->trouble = "list: no answer";
        fake.watches[i]->cfg.server.failed(fake.watches[i]->cfg.server.ctx, &f);
    }
}

static void a_server_that_is_away_at_the_start_is_one_line_a_minute(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    (void)fake_log();
    for (int minute = 0; minute < 3; minute++) {
        cut_off_all(minute > 0);
        turn(&s);
        assert_non_null(strstr(fake_log(), "the API server does not answer; nothing is served"));
        assert_ptr_equal(strchr(fake.log, '\n'), fake.log + strlen(fake.log) - 1);
        assert_true(kubesource_due_ms(s.source.self) > fake.now_ms);
        fake.now_ms += 60000;
    }
    for (size_t i = 0; i < fake.n_watches; i++) {
        fake.watches[i]->cfg.server.answers(fake.watches[i]->cfg.server.ctx);
        assert_int_equal(fake.watches[0]->hurries, 1); /* no other waits any longer */
    }
    assert_non_null(strstr(fake_log(), "the API server answers again"));
    fake.now_ms += 60000;
    turn(&s);
    assert_non_null(strstr(fake_log(), "not everything is read")); /* that is for other reasons */
    end(&s);
}

static void a_server_that_goes_away_leaves_the_routes(void **state)
{
    struct scene s;

    (void)state;
    begin_complete(&s);
    (void)fake_log();
    cut_off_all(false);
    assert_non_null(strstr(fake_log(), "the last routes keep being served"));
    end(&s);
}

static void a_reload_reads_credentials_and_lists_anew(void **state)
{
    struct scene s;

    (void)state;
    begin_complete(&s);
    s.source.ops->reload(s.source.self);
    assert_int_equal(fake.client->reloads, 1);
    for (size_t i = 0; i < fake.n_watches; i++) {
        assert_int_equal(fake.watches[i]->relists, 1);
    }
    end(&s);
}

static void the_figures_are_named_as_the_resources(void **state)
{
    static const char *const names[KUBESOURCE_RESOURCES] = {
        "ingresses", "ingressclasses", "services", "endpointslices", "endpoints"};
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    for (size_t i = 0; i < KUBESOURCE_RESOURCES; i++) {
        assert_string_equal(kubesource_stats(s.source.self)[i].resource, names[i]);
    }
    assert_non_null(strstr(fake_log(), server));
    end(&s); /* with nothing done yet */
}

static void it_ends_in_the_midst_of_discovery(void **state)
{
    struct kubesource_config cfg = usual();
    struct scene s;

    (void)state;
    begin(&s, &cfg);
    turn(&s);
    assert_non_null(fake.request);
    end(&s);
    assert_int_equal(fake.cancelled, 1);
}

/* ---- no memory ------------------------------------------------------------------------------ */

static void starve(void *ctx)
{
    struct scene *s = ctx;
    const struct source_host host = {s->base, s->store, on_notice, s};
    struct kubesource_config cfg = usual();
    struct err e;
    int rc;

    cfg.namespaces = two_namespaces;
    cfg.n_namespaces = 2;
    rc = kubesource_open(&s->source, &cfg, &host, &e);
    if (rc != 0) {
        assert_string_not_equal(e.text, "");
        assert_null(fake.client);
        return;
    }
    for (unsigned i = 0; i < 8 && fake.n_watches < 7; i++) {
        fake.now_ms += 2000;
        turn(s);
        if (fake.request) {
            fake_answer(KUBERESULT_OK, 200, HAS_SLICES);
        }
    }
    assert_int_equal(fake.n_watches, 7); /* tried again until it could be had */
    s->source.ops->free(s->source.self);
}

static void without_memory_it_fails_to_open_or_goes_on_trying(void **state)
{
    struct scene s = {.base = event_base_new(), .store = store_new()};

    (void)state;
    assert_true(failalloc_torture(starve, &s) > 15);
    store_free(s.store);
    event_base_free(s.base);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_other_watches_do_not_wait_for_discovery),
        TEST(a_server_without_slices_has_endpoints),
        TEST(an_option_says_which_and_nothing_is_discovered),
        TEST(it_is_complete_once_all_is_listed_and_rings_then),
        TEST(a_change_rings_and_a_duplicate_does_not),
        TEST(what_no_route_is_made_of_rings_but_is_no_change),
        TEST(the_verdicts_are_those_of_all_mirrors),
        TEST(some_namespaces_only_are_watched_each_by_itself),
        TEST(classes_that_cannot_be_read_are_told_once_when_none_is_named),
        TEST(the_earliest_of_all_dues_is_its_own),
        TEST(a_due_that_moved_is_kept_by_the_timer),
        TEST(after_a_minute_it_says_what_is_missing_until_it_is_complete),
        TEST(a_server_that_is_away_at_the_start_is_one_line_a_minute),
        TEST(a_server_that_goes_away_leaves_the_routes),
        TEST(a_reload_reads_credentials_and_lists_anew),
        TEST(the_figures_are_named_as_the_resources),
        TEST(it_ends_in_the_midst_of_discovery),
        TEST(without_memory_it_fails_to_open_or_goes_on_trying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
