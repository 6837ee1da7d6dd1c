/* Names that clients choose leave nothing behind: neither memory nor a series of metrics. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fakes/mass_backend.h"
#include "support/form.h"
#include "support/http_ask.h"
#include "support/manifest_writer.h"
#include "support/metric_lines.h"
#include "support/procinfo.h"
#include "support/scene.h"
#include "support/sockopt.h"

#define NAMES    form_pick(1000000, 100000, 4000)
#define WARM_UP  2000u /* names after which all that is ever made has been made */
#define THREADS  4u
#define DIGITS   8
#define MOST_KIB 1024 /* that resident memory may grow by behind that */

/* Clients that ask for one name after the other: n00000000.HOST, n00000001.HOST, ... */
struct askers {
    const struct scene *s;
    const char *host;
    struct hello_bytes hello; /* for the first of them */
    size_t digits_at;
    _Atomic unsigned next;
    unsigned end;
    _Atomic unsigned answered;
};

/* Ask and wait for the first byte; leave with a reset, so that the port is free at once. */
static bool ask(const struct netaddr *to, const uint8_t *hello, size_t len)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = netaddr_to_sockaddr(to, &sa);
    int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint8_t byte;
    bool answered = connect(fd, (const struct sockaddr *)&sa, sa_len) == 0 &&
                    write(fd, hello, len) == (ssize_t)len && read(fd, &byte, 1) == 1;

    sockopt_reset(fd);
    return answered;
}

static void *ask_for_names(void *ctx)
{
    struct askers *a = ctx;
    uint8_t hello[2048];
    unsigned i;

    memcpy(hello, a->hello.data, a->hello.len);
    while ((i = atomic_fetch_add(&a->next, 1)) < a->end) {
        char digits[16];

        (void)snprintf(digits, sizeof(digits), "%0*u", DIGITS, i);
        memcpy(hello + a->digits_at, digits, DIGITS);
        if (ask(&a->s->addr, hello, a->hello.len)) {
            atomic_fetch_add(&a->answered, 1);
        }
    }
    return NULL;
}

static void askers_init(struct askers *a, const struct scene *s, const char *host)
{
    char first[128];
    const uint8_t *at;

    *a = (struct askers){.s = s, .host = host};
    snprintf(first, sizeof(first), "n%0*u.%s", DIGITS, 0, host);
    hello_simple(&a->hello, first, NULL);
    at = memmem(a->hello.data, a->hello.len, first, strlen(first));
    assert_non_null(at);
    assert_true(a->hello.len <= 2048);
    a->digits_at = (size_t)(at - a->hello.data) + 1;
}

/* The names up to `end` that were not asked for yet. */
static void askers_run(struct askers *a, unsigned end)
{
    pthread_t threads[THREADS];

    a->next = a->end;
    a->end = end;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_names, a), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

struct footprint {
    size_t series;
    long rss_kib;
};

static struct footprint footprint_of(const struct scene *s)
{
    const struct netaddr admin = sealway_admin(s->program);
    struct footprint f = {.rss_kib = sealway_rss_kib(s->program)};
    struct http_answer a;

    http_ask(&admin, "GET", "/metrics", &a);
    assert_int_equal(a.status, 200);
    f.series = metric_lines_count(a.body, "sealway_");
    assert_null(strstr(a.body, "n0000"));
    http_answer_fini(&a);
    return f;
}

static void ask_for_many(struct scene *s, const char *host, unsigned names)
{
    struct footprint before, after;
    struct askers a;
    uint64_t began;

    askers_init(&a, s, host);
    askers_run(&a, WARM_UP);
    before = footprint_of(s);
    began = clock_now_us();
    askers_run(&a, WARM_UP + names);
    after = footprint_of(s);
    print_message("             %u names under *.%s in %" PRIu64 " ms: resident %ld KiB, then %ld; "
                  "%zu series, then %zu\n",
                  names, host, (clock_now_us() - began) / 1000, before.rss_kib, after.rss_kib,
                  before.series, after.series);
    hello_bytes_free(&a.hello);
    assert_int_equal(a.answered, WARM_UP + names);
    assert_int_equal(after.series, before.series);
    assert_true(FORM_SANITIZED || after.rss_kib - before.rss_kib <= MOST_KIB);
}

static void names_under_a_wildcard_leave_no_trace(void **state)
{
    struct scene *s = *state;
    struct mass_backend *b = mass_backend_start("127.0.0.1", MASS_ECHO);
    const struct netaddr at = mass_backend_addr(b);

    manifest_route(&s->manifests, "wild", "*.wild.test", &at, 1);
    scene_start(s, NULL);
    ask_for_many(s, "wild.test", NAMES);
    mass_backend_stop(b);
}

static void names_that_nobody_serves_leave_none_either(void **state)
{
    struct scene *s = *state;

    scene_start(s, NULL);
    ask_for_many(s, "unknown.test", NAMES / 10);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCENE(names_under_a_wildcard_leave_no_trace),
        WITH_SCENE(names_that_nobody_serves_leave_none_either),
    };

    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
