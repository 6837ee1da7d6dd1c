#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proxy/worker.h"
#include "route/table.h"
#include "support/proxy_fixture.h"

/*
 * A clock that never says the same twice gives each adoption its name; what another thread reads
 * meanwhile must be pairs that were there.
 */
#define PUBLISHES 20000u

static _Atomic uint64_t ticks;

static uint64_t tick(void)
{
    return atomic_fetch_add_explicit(&ticks, 1, memory_order_relaxed) + 1;
}

struct pair {
    uint64_t generation, at_us;
};

/* What was seen; one writer, read after its end. */
struct pairs {
    struct worker *w;
    size_t n;
    struct pair all[PUBLISHES];
};

static void note(struct pairs *p)
{
    struct pair *pair = &p->all[p->n];

    pair->generation = worker_adopted(p->w, &pair->at_us);
    if (pair->generation != 0 && (p->n == 0 || pair->at_us != pair[-1].at_us)) {
        p->n++;
    }
}

static void on_adopted(void *ctx)
{
    note(ctx);
}

static void generation_and_time_read_elsewhere_belong_together(void **state)
{
    static struct pairs told, seen;
    struct proxy_fixture f;
    struct worker_shared shared = {.on_adopted = on_adopted, .adopted_ctx = &told};
    struct worker *w;
    size_t k = 0;

    (void)state;
    clock_replace(tick);
    proxy_fixture_init(&f);
    w = told.w = seen.w = worker_new(&shared, 0, 1);
    assert_non_null(w);
    (void)proxy_fixture_simple(&f);
    (void)proxy_fixture_simple(&f);
    assert_int_equal(worker_start(w), 0);
    for (unsigned i = 0; i < PUBLISHES; i++) {
        worker_publish(w, table_ref(f.tables[i % 2]));
        note(&seen);
    }
    worker_stop(w);
    worker_join(w);
    clock_replace(NULL);

    assert_int_equal(told.n, w->n_adopted);
    print_message("             %zu adoptions, %zu of them seen\n", told.n, seen.n);
    for (size_t i = 0; i < seen.n; i++) { /* both in the order of time */
        while (k < told.n && told.all[k].at_us < seen.all[i].at_us) {
            k++;
        }
        assert_true(k < told.n);
        assert_int_equal(seen.all[i].at_us, told.all[k].at_us);
        assert_int_equal(seen.all[i].generation, told.all[k].generation);
    }
    worker_free(w);
    proxy_fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generation_and_time_read_elsewhere_belong_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
