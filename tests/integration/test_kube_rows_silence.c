/* Peers that are gone without a word: a network that drops all, a process that stands still.
 *
 * With libcurl as the system has it; there is no other that we ship. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/form.h"
#include "support/kuberow.h"
#include "support/own_net.h"
#include "support/sockopt.h"

#define FD_MAX 1024

static struct kubescene scene;

static int teardown(void **state)
{
    (void)state;
    kubescene_stop(&scene);
    return 0;
}

/* ---- row 24 a ------------------------------------------------------------------------------- */

static bool is_to_server(const struct kubescene *s, int fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);

    memset(&peer, 0, sizeof(peer));
    return getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
           ntohs(peer.sin_port) == fakeapi_port(s->api);
}

/* Row 24a: what has the kernel find a dead peer within 60 s is set on every connection. */
static void every_connection_notices_that_its_peer_is_gone(void **state)
{
    struct kubescene *s = &scene;
    unsigned n = 0;

    (void)state;
    kuberow_start(s, NULL);
    for (int fd = 0; fd < FD_MAX; fd++) {
        if (!is_to_server(s, fd)) {
            continue;
        }
        n++;
        assert_int_equal(sockopt_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
        assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
        assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
        assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
    }
    assert_in_range(n, 4, 8); /* four watches, and what was left by lists */
}

#define NFT "PATH=$PATH:/usr/sbin:/sbin nft "

static bool drop_all(const struct kubescene *s)
{
    char command[512];

    snprintf(command, sizeof(command),
             NFT "'add table inet hole;"
                 "add chain inet hole in { type filter hook input priority 0; };"
                 "add rule inet hole in tcp sport %u drop;"
                 "add rule inet hole in tcp dport %u drop' 2>/dev/null",
             fakeapi_port(s->api), fakeapi_port(s->api));
    return system(command) == 0;
}

static bool drop_nothing(void)
{
    return system(NFT "delete table inet hole") == 0;
}

static bool is_dead(void *ctx)
{
    return !kuberow_is_live(ctx);
}

static bool has_failed(void *ctx)
{
    return kuberow_errors(ctx) > 0;
}

static unsigned seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)t.tv_sec;
}

/* Drop every packet, and say after how many seconds of the kernel's time that was noticed. */
static unsigned vanish(struct kubescene *s, const char *test, bool with_lists)
{
    unsigned since = seconds();

    kuberow_start(s, NULL);
    if (!drop_all(s)) {
        print_message("             skip %s: no packets can be dropped here\n", test);
        skip();
    }
    if (with_lists) {
        s->source.ops->reload(s->source.self); /* they stay unacknowledged */
    }
    assert_true(kubescene_until(s, with_lists ? has_failed : is_dead, s, 75000));
    return seconds() - since;
}

static void expect_mended(struct kubescene *s)
{
    uint64_t version;

    assert_true(drop_nothing());
    version = fakeapi_put_ingress(s->api, "shop", "later", "later.example.com", "web");
    kubescene_pass(s, 120000);
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "later", version));
    assert_true(kuberow_is_live(s));
}

/* Row 24a: a network that drops all packets, while nothing is sent, and while something is. */
static void a_network_that_drops_all_is_noticed_within_a_minute(void **state)
{
    unsigned took[2];

    (void)state;
    if (!form_is_full() || !own_net_enter()) {
        print_message("             skip %s: only in the full form, in its own net\n", __func__);
        skip();
    }
    for (unsigned i = 0; i < 2; i++) {
        took[i] = vanish(&scene, __func__, i == 1);
        expect_mended(&scene);
        kubescene_stop(&scene);
    }
    print_message("noticed after %u s idle, %u s with lists under way\n", took[0], took[1]);
    assert_in_range(took[0], 30, 60);
    assert_in_range(took[1], 5, 60);
}

/* ---- row 24 b ------------------------------------------------------------------------------- */

/* Row 24b: the server's process stands still, while its kernel still acknowledges. */
static void a_server_that_stands_still_is_found_out_within_three_minutes(void **state)
{
    struct kubescene *s = &scene;
    uint64_t known, frozen_ms, version;
    unsigned watches;

    (void)state;
    kuberow_start(s, NULL);
    known = fakeapi_version(s->api);
    watches = kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_INGRESSES);
    fakeapi_freeze(s->api, true);
    frozen_ms = clock_now_ms();
    kubescene_pass(s, 100000);
    assert_true(kuberow_is_live(s)); /* silence alone is no fault */
    while (kuberow_is_live(s)) {
        kubescene_pass(s, 1000);
    }
    assert_in_range(clock_now_ms() - frozen_ms, 130000, 180000);
    assert_int_equal(kubescene_said(s, "a watch was silent, and a request beside it was not "
                                       "answered"),
                     1);
    assert_non_null(store_find(s->store, OBJECT_INGRESS, "shop", "web"));
    assert_true(s->source.ops->is_complete(s->source.self));
    kubescene_pass(s, 30000);

    fakeapi_freeze(s->api, false);
    kubescene_pass(s, 90000);
    version = fakeapi_put_ingress(s->api, "shop", "later", "later.example.com", "web");
    assert_true(kubescene_has(s, OBJECT_INGRESS, "shop", "later", version));
    kuberow_expect_watch(s, watches, known);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_events(s), 1);
    kuberow_expect_same(s); /* and one watch of each, no more */
    assert_true(kuberow_is_live(s));
}

/* Row 24b: a server that is silent because nothing happens is asked, answers, and is left alone. */
static void a_server_that_answers_beside_a_silent_watch_is_left_alone(void **state)
{
    const struct fakeapi_match probe = {
        .verb = FAKEAPI_LIST, .resource = FAKEAPI_INGRESSES, .query = "limit=1&resourceVersion=0"};
    struct kubescene *s = &scene;

    (void)state;
    kuberow_start(s, NULL);
    kubescene_pass(s, 300000 - 20000);
    assert_int_equal(fakeapi_requests(s->api, &probe), 1);
    assert_int_equal(kuberow_count(s, FAKEAPI_WATCH, FAKEAPI_ANY_RESOURCE), 4);
    assert_int_equal(kuberow_relists(s), 0);
    assert_int_equal(kuberow_errors(s), 0);
    kuberow_expect_same(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_connection_notices_that_its_peer_is_gone, teardown),
        cmocka_unit_test_teardown(a_server_that_stands_still_is_found_out_within_three_minutes,
                                  teardown),
        cmocka_unit_test_teardown(a_server_that_answers_beside_a_silent_watch_is_left_alone,
                                  teardown),
        cmocka_unit_test_teardown(a_network_that_drops_all_is_noticed_within_a_minute, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
