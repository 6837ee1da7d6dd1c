#include "support/sim_hello.h"

#include <stdlib.h>

#include "base/attr.h"
#include "support/hello_builder.h"
#include "support/proxy_fixture.h"
#include "support/sim.h"

#define LARGE_BYTES 17000 /* several reads, three records */

static struct sim_hello hellos[12];
static unsigned count, n_good;

static void add(struct hello_bytes *raw, const char *what, enum end_reason refused)
{
    hellos[count++] = (struct sim_hello){.what = what,
                                         .bytes = raw->data,
                                         .len = raw->len,
                                         .routed = refused == END_REASONS,
                                         .refused = refused};
    *raw = (struct hello_bytes){0};
}

static void add_good(struct hello_bytes *raw)
{
    uint8_t large[LARGE_BYTES + 100];
    size_t len = proxy_fixture_hello(PROXY_FIXTURE_HOST, LARGE_BYTES, large, sizeof(large));

    hello_simple(raw, PROXY_FIXTURE_HOST, "h2,http/1.1");
    add(raw, "a short hello", END_REASONS);
    hello_browser(raw, PROXY_FIXTURE_HOST);
    add(raw, "a browser's hello", END_REASONS);
    hello_bytes_add(raw, large, len);
    add(raw, "a large hello", END_REASONS);
    n_good = count;
}

static void add_two_names(struct hello_bytes *raw)
{
    struct hello h;

    hello_begin(&h, NULL);
    hello_add_name(&h, "a.b", 3);
    hello_add_name(&h, "a.b", 3);
    hello_end(&h);
    hello_records(raw, &h.message, 100);
    hello_free(&h);
    add(raw, "two names", END_HELLO_MALFORMED);
}

static void add_bad(struct hello_bytes *raw)
{
    static const char http[] = "GET / HTTP/1.1\r\nHost: app.proxy.test\r\nX-Long: 123456\r\n\r\n";

    hello_simple(raw, "unknown.proxy.test", NULL);
    add(raw, "an unknown name", END_NO_ROUTE);
    hello_simple(raw, NULL, NULL);
    add(raw, "no name", END_HELLO_NO_NAME);
    hello_bytes_add(raw, http, sizeof(http) - 1);
    add(raw, "HTTP", END_HELLO_NOT_TLS);
    hello_bytes_add(raw, "SSH-2.0-OpenSSH_9.2p1\r\n", 23);
    add(raw, "SSH", END_HELLO_NOT_TLS);
    hello_simple(raw, "two..dots", NULL);
    add(raw, "no name of DNS", END_HELLO_MALFORMED);
    add_two_names(raw);
    hello_bytes_add(raw, "\x16\x03\x01\x00\x40\x01\xff\xff\xff\x03\x03", 11);
    hello_bytes_add_zeros(raw, 58);
    add(raw, "too large a hello", END_HELLO_TOO_LARGE);
}

void sim_hello_setup(void)
{
    struct hello_bytes raw = {0};

    add_good(&raw);
    add_bad(&raw);
}

void sim_hello_teardown(void)
{
    while (count > 0) {
        free(hellos[--count].bytes);
    }
}

const struct sim_hello *sim_hello_any(bool routed)
{
    return routed ? &hellos[sim_below(n_good)] : &hellos[n_good + sim_below(count - n_good)];
}
