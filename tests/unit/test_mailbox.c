#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mailbox.h"

#define PUTTERS     3u
#define PUTS        20000u
#define ITEMS       ((size_t)PUTTERS * PUTS)
#define PATIENCE_MS 10000

static bool rings(const struct mailbox *m)
{
    struct pollfd p = {.fd = m->event_fd, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void what_is_put_is_taken_once(void **state)
{
    struct mailbox m;
    int item;

    (void)state;
    assert_int_equal(mailbox_init(&m), 0);
    assert_null(mailbox_take(&m));
    assert_null(mailbox_put(&m, &item));
    assert_ptr_equal(mailbox_take(&m), &item);
    assert_null(mailbox_take(&m));
    mailbox_fini(&m);
}

static void the_latest_wins_and_the_putter_gets_the_older_back(void **state)
{
    struct mailbox m;
    int first, second;

    (void)state;
    assert_int_equal(mailbox_init(&m), 0);
    assert_null(mailbox_put(&m, &first));
    assert_ptr_equal(mailbox_put(&m, &second), &first);
    assert_ptr_equal(mailbox_take(&m), &second);
    mailbox_fini(&m);
}

static void it_rings_until_it_is_looked_at(void **state)
{
    struct mailbox m;
    int item;

    (void)state;
    assert_int_equal(mailbox_init(&m), 0);
    assert_false(rings(&m));
    assert_null(mailbox_put(&m, &item));
    assert_true(rings(&m));
    (void)mailbox_take(&m);
    assert_false(rings(&m));
    mailbox_ring(&m);
    mailbox_ring(&m);
    assert_true(rings(&m));
    assert_null(mailbox_take(&m));
    assert_false(rings(&m));
    mailbox_fini(&m);
}

static void ringing_keeps_errno(void **state)
{
    const uint64_t nearly_full = UINT64_MAX - 1;
    struct mailbox m;

    (void)state;
    assert_int_equal(mailbox_init(&m), 0);
    assert_int_equal(write(m.event_fd, &nearly_full, sizeof(nearly_full)), sizeof(nearly_full));
    errno = ENOENT;
    mailbox_ring(&m); /* the counter is full: must neither block nor be noticed */
    assert_int_equal(errno, ENOENT);
    assert_true(rings(&m));
    mailbox_fini(&m);
}

static void the_bell_neither_blocks_nor_leaks_into_children(void **state)
{
    struct mailbox m;

    (void)state;
    assert_int_equal(mailbox_init(&m), 0);
    assert_true(fcntl(m.event_fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(m.event_fd, F_GETFD) & FD_CLOEXEC);
    mailbox_fini(&m);
    assert_int_equal(m.event_fd, -1);
    mailbox_fini(&m); /* as after a failed init */
}

struct race {
    struct mailbox box;
    unsigned char *items; /* each 1 when put; its one owner at the end makes it 2, unlocked */
    atomic_int putters_left;
    size_t taken;
};

struct putter {
    struct race *race;
    unsigned char *items; /* PUTS addresses of its own */
};

static void *put_many(void *arg)
{
    struct putter *p = arg;
    unsigned char *displaced;

    for (size_t i = 0; i < PUTS; i++) {
        p->items[i] = 1;
        displaced = mailbox_put(&p->race->box, p->items + i);
        if (displaced != NULL) {
            (*displaced)++;
        }
    }
    atomic_fetch_sub(&p->race->putters_left, 1);
    mailbox_ring(&p->race->box);
    return NULL;
}

static void *take_until_the_end(void *arg)
{
    struct race *r = arg;
    struct pollfd p = {.fd = r->box.event_fd, .events = POLLIN};
    unsigned char *item;
    bool last = false;

    while (!last && poll(&p, 1, PATIENCE_MS) == 1) {
        last = atomic_load(&r->putters_left) == 0;
        item = mailbox_take(&r->box);
        if (item != NULL) {
            (*item)++;
            r->taken++;
        }
    }
    return NULL;
}

static void under_threads_every_item_has_exactly_one_owner_at_the_end(void **state)
{
    struct race r = {.items = calloc(ITEMS, 1), .putters_left = PUTTERS};
    struct putter putters[PUTTERS];
    pthread_t threads[PUTTERS], taker;

    (void)state;
    assert_non_null(r.items);
    assert_int_equal(mailbox_init(&r.box), 0);
    assert_int_equal(pthread_create(&taker, NULL, take_until_the_end, &r), 0);
    for (size_t i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){.race = &r, .items = r.items + i * PUTS};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &putters[i]), 0);
    }
    for (size_t i = 0; i < PUTTERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(pthread_join(taker, NULL), 0);
    for (size_t i = 0; i < ITEMS; i++) {
        assert_int_equal(r.items[i], 2);
    }
    assert_true(r.taken > 0);
    mailbox_fini(&r.box);
    free(r.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_taken_once),
        cmocka_unit_test(the_latest_wins_and_the_putter_gets_the_older_back),
        cmocka_unit_test(it_rings_until_it_is_looked_at),
        cmocka_unit_test(ringing_keeps_errno),
        cmocka_unit_test(the_bell_neither_blocks_nor_leaks_into_children),
        cmocka_unit_test(under_threads_every_item_has_exactly_one_owner_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
