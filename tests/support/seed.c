#include "support/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#define REPLAY "             replay with %s=%" PRIu64

uint64_t seed_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

uint64_t seed_draw(const char *name)
{
    static time_t began;

    if (began == 0) {
        began = time(NULL);
    }
    /* Apart: tests that go on to the seeds behind theirs do not repeat the run before. */
    return seed_number(name, (uint64_t)began * 1000003u);
}

void seed_tell(const char *name, uint64_t seed)
{
    print_message(REPLAY "\n", name, seed);
}

void seed_tell_both(const char *name, uint64_t seed, const char *length, uint64_t n)
{
    print_message(REPLAY " %s=%" PRIu64 "\n", name, seed, length, n);
}
