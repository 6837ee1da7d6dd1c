#include "bench/load/greeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/hello_builder.h"

#define PADDED       517u /* as browsers made it before post-quantum keys */
#define RECORD_BYTES 5u

static struct hello_bytes hello;
static uint8_t *name_at;

static void build_padded(const char *name)
{
    struct hello h;

    hello_begin(&h, NULL);
    hello_add_name(&h, name, strlen(name));
    hello_add_padding(&h, PADDED - RECORD_BYTES);
    hello_end(&h);
    hello_records(&hello, &h.message, 16384);
    hello_free(&h);
}

void greeting_start(enum config_hello kind)
{
    char name[32];

    snprintf(name, sizeof(name), WIRE_NAME, 0u);
    if (kind == HELLO_SMALL) {
        hello_simple(&hello, name, NULL);
    } else if (kind == HELLO_PADDED) {
        build_padded(name);
    } else {
        hello_browser(&hello, name);
    }
    name_at = memmem(hello.data, hello.len, name, strlen(name));
    if (name_at == NULL || hello.len > WIRE_HELLO_MAX) {
        fprintf(stderr, "the hello has %zu bytes\n", hello.len);
        exit(1);
    }
}

const uint8_t *greeting_bytes(const struct wire_order *order, size_t *len_out)
{
    char name[32];
    int len = snprintf(name, sizeof(name), WIRE_NAME, order->host);

    memcpy(name_at, name, (size_t)len);
    memcpy(hello.data + WIRE_RANDOM, order, sizeof(*order));
    *len_out = hello.len;
    return hello.data;
}
