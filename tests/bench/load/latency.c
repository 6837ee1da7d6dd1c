#include "bench/load/latency.h"

#include <stdio.h>
#include <stdlib.h>

#define MOST 1000000u

static uint32_t us[MOST];
static size_t n;

void latency_add(uint64_t ns)
{
    if (n < MOST) {
        us[n++] = (uint32_t)(ns / 1000);
    }
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint32_t permille(unsigned p)
{
    return n > 0 ? us[(n - 1) * p / 1000] : 0;
}

void latency_print(void)
{
    qsort(us, n, sizeof(us[0]), compare);
    printf("\"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u", permille(500),
           permille(990), permille(999), permille(1000));
}
