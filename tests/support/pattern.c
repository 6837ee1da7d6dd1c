#include "support/pattern.h"

#include <string.h>

/* One word of the stream: the finaliser of splitmix64, which needs no state between words. */
static uint64_t word_at(uint64_t seed, uint64_t index)
{
    uint64_t x = (seed + index) * 0x9e3779b97f4a7c15ULL;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

void pattern_fill(uint64_t seed, uint64_t offset, uint8_t *out, size_t n)
{
    while (n > 0) {
        uint64_t word = word_at(seed, offset / 8);
        size_t skip = (size_t)(offset % 8);
        size_t take = 8 - skip < n ? 8 - skip : n;

        memcpy(out, (const uint8_t *)&word + skip, take);
        out += take;
        offset += take;
        n -= take;
    }
}

/* They do differ: the caller has compared them. */
static size_t first_difference(const uint8_t *a, const uint8_t *b)
{
    size_t i = 0;

    while (a[i] == b[i]) {
        i++;
    }
    return i;
}

size_t pattern_mismatch(uint64_t seed, uint64_t offset, const uint8_t *in, size_t n)
{
    uint8_t want[4096];
    size_t done = 0;

    while (done < n) {
        size_t take = n - done < sizeof(want) ? n - done : sizeof(want);

        pattern_fill(seed, offset + done, want, take);
        if (memcmp(want, in + done, take) != 0) {
            return done + first_difference(want, in + done);
        }
        done += take;
    }
    return n;
}
