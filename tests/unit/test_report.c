#include "controller/report.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/mailbox.h"
#include "model/object.h"
#include "support/objects.h"
#include "support/translated.h"

#define WEB SERVED("shop", "web", "10.0.0.1")

/** A source to make reports of. */
struct made {
    struct verdicts files, routes;
    struct unserved unserved;
    struct report_source from;
};

static void begin(struct made *m)
{
    verdicts_init(&m->files);
    verdicts_init(&m->routes);
    unserved_init(&m->unserved);
    m->from = (struct report_source){.generation = 7,
                                     .published = {.tv_sec = 1000},
                                     .files = &m->files,
                                     .routes = &m->routes,
                                     .unserved = &m->unserved};
}

static void end(struct made *m)
{
    verdicts_fini(&m->files);
    verdicts_fini(&m->routes);
    unserved_fini(&m->unserved);
}

static struct objmeta ingress(const char *ns, const char *name)
{
    return (struct objmeta){
        .kind = OBJECT_INGRESS, .ns = ns, .name = name, .file = "f.yaml", .line = 3};
}

static void say(struct verdicts *v, const char *ns, const char *name, const char *reason)
{
    struct objmeta about = ingress(ns, name);

    verdicts_add(v, &about, 0, VERDICT_WARNING, reason, "%s of %s/%s", reason, ns, name);
}

static void a_report_of_nothing_is_empty(void **state)
{
    struct report *r;
    struct made m;
    size_t n;

    (void)state;
    begin(&m);
    r = report_new(&m.from);
    assert_non_null(r);
    assert_int_equal(r->generation, 7);
    assert_int_equal(r->published.tv_sec, 1000);
    assert_int_equal(r->n_verdicts + r->n_hosts + r->n_pools + r->n_counts, 0);
    assert_true(r->bytes > 0 && r->bytes < 10000);
    (void)report_hosts_of(r, "a.test", &n);
    assert_int_equal(n, 0);
    (void)report_verdicts_of(r, "Ingress", "shop", "i", &n);
    assert_int_equal(n, 0);
    assert_null(report_pool_of(r, "shop", "web", "443"));
    report_unref(r);
    end(&m);
}

static void a_report_outlives_what_it_was_made_of(void **state)
{
    struct report *r;
    struct made m;
    size_t n;
    const struct verdict *v;

    (void)state;
    begin(&m);
    say(&m.files, "shop", "i", "PathsIgnored");
    say(&m.routes, "shop", "i", "NoBackend");
    r = report_new(&m.from);
    end(&m);
    v = report_verdicts_of(r, "Ingress", "shop", "i", &n);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].message, "NoBackend of shop/i");
    assert_string_equal(v[0].file, "f.yaml");
    assert_int_equal(v[0].line, 3);
    assert_string_equal(v[1].reason, "PathsIgnored");
    report_unref(r);
}

static void what_is_asked_for_is_found_among_many(void **state)
{
    struct translate_config cfg = translated_config();
    struct translated t;
    struct report *r;
    const struct report_host *h;
    const struct report_pool *p;
    size_t n;

    (void)state;
    translated_make(
        &t, &cfg,
        WEB INGRESS("shop", "x", "", OURS RULES(HOST("b.test", "web", "number: 443")))
            INGRESS("blog", "yy", "",
                    OURS RULES(HOST("b.test", "web", "number: 443") ", " HOST("a.test", "web",
                                                                              "number: 443")))
                OUR_CLASS INGRESS_CLASS("nginx", "k8s.io/ingress-nginx", "")
                    INGRESS("shop", "z", "",
                            OF_CLASS("nginx") RULES(HOST("b.test", "web", "number: 443") ", " HOST(
                                "c.test", "web", "number: 443"))));
    r = translated_report(&t);
    h = report_hosts_of(r, "b.test", &n);
    assert_int_equal(n, 1);
    assert_string_equal(h->ingress, "z");
    assert_int_equal(h->why, UNSERVED_OTHER_CLASS);
    assert_int_equal(h->verdict, REPORT_NO_VERDICT);
    (void)report_hosts_of(r, "c.test", &n);
    assert_int_equal(n, 1);
    (void)report_hosts_of(r, "bb.test", &n);
    assert_int_equal(n, 0);
    (void)report_hosts_of(r, "", &n);
    assert_int_equal(n, 0);
    p = report_pool_of(r, "blog", "web", "443");
    assert_non_null(p);
    assert_string_equal(r->verdicts[p->verdict].reason, "ServiceNotFound");
    assert_null(report_pool_of(r, "shop", "web", "443"));
    report_unref(r);
    translated_free(&t);
}

static void the_time_is_that_of_its_own_generation(void **state)
{
    struct report *r;
    struct made m;

    (void)state;
    begin(&m);
    r = report_new(&m.from);
    assert_ptr_equal(report_published(r, 7), &r->published);
    assert_null(report_published(r, 8));
    assert_null(report_published(NULL, 7));
    report_unref(r);
    report_unref(NULL);
    end(&m);
}

static void the_digest_tells_whatever_a_reader_could(void **state)
{
    struct objmeta about = ingress("shop", "i"), moved = ingress("shop", "i");
    struct made m, other;
    uint64_t before;

    (void)state;
    begin(&m);
    begin(&other);
    before = report_digest(&m.from);
    m.from.published.tv_sec++;
    assert_true(report_digest(&m.from) == before);
    m.from.generation++;
    assert_true(report_digest(&m.from) != before);
    other.from.generation++;

    unserved_add_host(&m.unserved, &about, "a.test", UNSERVED_INVALID, NULL);
    unserved_add_host(&other.unserved, &about, "a.test", UNSERVED_NO_BACKEND, NULL);
    assert_true(report_digest(&m.from) != report_digest(&other.from));
    unserved_fini(&m.unserved);
    unserved_fini(&other.unserved);

    moved.line = 4;
    verdicts_add(&m.files, &about, 0, VERDICT_WARNING, "NoBackend", "x");
    verdicts_add(&other.files, &moved, 0, VERDICT_WARNING, "NoBackend", "x");
    assert_true(report_digest(&m.from) != report_digest(&other.from));
    end(&other);
    end(&m);
}

static void the_digest_does_not_care_for_the_order(void **state)
{
    struct objmeta about = ingress("shop", "i");
    struct made m, other;

    (void)state;
    begin(&m);
    begin(&other);
    say(&m.routes, "a", "b", "NoBackend");
    say(&m.routes, "c", "d", "NoBackend");
    say(&other.routes, "c", "d", "NoBackend");
    say(&other.routes, "a", "b", "NoBackend");
    unserved_add_host(&m.unserved, &about, "a.test", UNSERVED_INVALID, NULL);
    unserved_add_host(&m.unserved, &about, "b.test", UNSERVED_INVALID, NULL);
    unserved_add_host(&other.unserved, &about, "b.test", UNSERVED_INVALID, NULL);
    unserved_add_host(&other.unserved, &about, "a.test", UNSERVED_INVALID, NULL);
    assert_true(report_digest(&m.from) == report_digest(&other.from));
    end(&other);
    end(&m);
}

/* ---- handed from thread to thread ---- */

#define HANDED 2000

struct reader {
    struct mailbox box;
    _Atomic bool done;
    size_t read;
};

/** Take reports as the main thread does: the newest, keeping one. */
static void *read_reports(void *arg)
{
    struct reader *reader = arg;
    struct report *held = NULL;
    bool done;

    do {
        struct report *r;

        done = atomic_load(&reader->done);
        r = mailbox_take(&reader->box);
        if (r) {
            size_t n;

            report_unref(held);
            held = report_ref(r);
            report_unref(r);
            (void)report_verdicts_of(held, "Ingress", "shop", "i", &n);
            reader->read += n;
        }
    } while (!done);
    report_unref(held);
    return NULL;
}

static void a_report_may_be_read_and_freed_by_another_thread(void **state)
{
    struct reader reader = {.read = 0};
    struct report *mine = NULL;
    pthread_t thread;
    struct made m;

    (void)state;
    begin(&m);
    say(&m.routes, "shop", "i", "NoBackend");
    assert_int_equal(mailbox_init(&reader.box), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_reports, &reader), 0);
    for (int i = 0; i < HANDED; i++) {
        struct report *r = report_new(&m.from);

        report_unref(mine);
        mine = report_ref(r);
        report_unref(mailbox_put(&reader.box, r));
    }
    atomic_store(&reader.done, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    report_unref(mailbox_take(&reader.box));
    assert_true(reader.read > 0);
    report_unref(mine);
    mailbox_fini(&reader.box);
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_nothing_is_empty),
        cmocka_unit_test(a_report_outlives_what_it_was_made_of),
        cmocka_unit_test(what_is_asked_for_is_found_among_many),
        cmocka_unit_test(the_time_is_that_of_its_own_generation),
        cmocka_unit_test(the_digest_tells_whatever_a_reader_could),
        cmocka_unit_test(the_digest_does_not_care_for_the_order),
        cmocka_unit_test(a_report_may_be_read_and_freed_by_another_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
