#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "proxy/stats.h"

#define CELLS_MAX 16

static const struct {
    enum histogram which;
    size_t cells;
} all[] = {
    {HISTOGRAM_HELLO_SIZE, HISTOGRAM_CELLS(HISTOGRAM_HELLO_SIZE_BOUNDS)},
    {HISTOGRAM_HELLO_DURATION, HISTOGRAM_CELLS(HISTOGRAM_HELLO_DURATION_BOUNDS)},
    {HISTOGRAM_CONNECT_DURATION, HISTOGRAM_CELLS(HISTOGRAM_CONNECT_DURATION_BOUNDS)},
    {HISTOGRAM_CONNECTION_DURATION, HISTOGRAM_CELLS(HISTOGRAM_CONNECTION_DURATION_BOUNDS)},
};

static void bounds_rise_and_fill_exactly_the_cells(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(all), HISTOGRAM_KINDS);
    for (size_t h = 0; h < ARRAY_LEN(all); h++) {
        const struct histogram_shape *shape = histogram_shape(all[h].which);
        assert_int_equal(shape->n_bounds + 2, all[h].cells);
        assert_true(all[h].cells <= CELLS_MAX);
        assert_true(shape->per_unit > 0);
        for (size_t i = 1; i < shape->n_bounds; i++) {
            assert_true(shape->bounds[i] > shape->bounds[i - 1]);
        }
    }
}

/* The bucket that counted, and that no other did. */
static size_t bucket_of(enum histogram which, uint64_t value)
{
    _Atomic uint64_t cells[CELLS_MAX] = {0};
    size_t found = CELLS_MAX;

    histogram_observe(which, cells, value);
    assert_int_equal(cells[0], value);
    for (size_t i = HISTOGRAM_FIRST_BUCKET; i < CELLS_MAX; i++) {
        if (cells[i] != 0) {
            assert_int_equal(cells[i], 1);
            assert_int_equal(found, CELLS_MAX);
            found = i - HISTOGRAM_FIRST_BUCKET;
        }
    }
    assert_int_not_equal(found, CELLS_MAX);
    return found;
}

static void a_bound_belongs_to_its_bucket_and_what_is_above_to_the_next(void **state)
{
    (void)state;
    for (size_t h = 0; h < ARRAY_LEN(all); h++) {
        const struct histogram_shape *shape = histogram_shape(all[h].which);
        assert_int_equal(bucket_of(all[h].which, 0), 0);
        for (size_t i = 0; i < shape->n_bounds; i++) {
            assert_int_equal(bucket_of(all[h].which, shape->bounds[i]), i);
            assert_int_equal(bucket_of(all[h].which, shape->bounds[i] + 1), i + 1);
        }
        assert_int_equal(bucket_of(all[h].which, UINT64_MAX), shape->n_bounds);
    }
}

static void values_add_up(void **state)
{
    _Atomic uint64_t cells[CELLS_MAX] = {0};

    (void)state;
    for (uint64_t i = 1; i <= 1000; i++) {
        histogram_observe(HISTOGRAM_HELLO_SIZE, cells, i);
    }
    assert_int_equal(cells[0], 1000 * 1001 / 2);
    assert_int_equal(cells[1], 256);
    assert_int_equal(cells[2], 256);
    assert_int_equal(cells[3], 488);
}

static void units_are_seconds_and_bytes(void **state)
{
    (void)state;
    assert_int_equal(histogram_shape(HISTOGRAM_HELLO_SIZE)->per_unit, 1);
    assert_int_equal(histogram_shape(HISTOGRAM_CONNECT_DURATION)->bounds[0], 1000);
    assert_int_equal(histogram_shape(HISTOGRAM_CONNECT_DURATION)->per_unit, 1000000);
    assert_int_equal(histogram_shape(HISTOGRAM_CONNECTION_DURATION)->bounds[6], 86400000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_rise_and_fill_exactly_the_cells),
        cmocka_unit_test(a_bound_belongs_to_its_bucket_and_what_is_above_to_the_next),
        cmocka_unit_test(values_add_up),
        cmocka_unit_test(units_are_seconds_and_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
