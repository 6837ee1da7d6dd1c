#include "bench/wire.h"

/* A prime, so that neither pages nor buffers of any size repeat with it. */
#define PERIOD ((uint64_t)65521)
#define STRIDE 7919u /* streams of neighbours begin far from each other */

static uint8_t pattern[PERIOD + WIRE_CHUNK];

void wire_start(void)
{
    uint64_t x = 88172645463325252u; /* xorshift; any bytes without a pattern of their own do */

    for (size_t i = 0; i < sizeof(pattern); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        pattern[i] = i < PERIOD ? (uint8_t)(x >> 32) : pattern[i - PERIOD];
    }
}

const uint8_t *wire_bytes(uint32_t serial, unsigned from, uint64_t offset)
{
    uint64_t stream = (uint64_t)serial * (WIRE_BACKENDS + 1) + from;

    return pattern + (stream % PERIOD * STRIDE + offset) % PERIOD;
}
