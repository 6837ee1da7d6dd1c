#include "support/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NOTES    80
#define KINDS    64 /* of notes */
#define START_US 1000000000u

struct note {
    uint64_t step, at_us;
    const char *what;
    int64_t a, b;
};

static uint64_t seed, state, replay_steps, now_us, steps, noted;
static struct note notes[NOTES];
static struct {
    const char *what;
    uint64_t n;
} kinds[KINDS];
static bool calm;

void sim_begin(uint64_t with)
{
    seed = with;
    state = with;
    replay_steps = 0;
    now_us = START_US;
    steps = 0;
    noted = 0;
    calm = false;
}

void sim_set_replay(uint64_t of)
{
    replay_steps = of;
}

/* splitmix64 */
static uint64_t next(void)
{
    uint64_t x = state += 0x9e3779b97f4a7c15ULL;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

uint64_t sim_below(uint64_t n)
{
    return next() % n;
}

bool sim_one_in(uint64_t n)
{
    return n != 0 && sim_below(n) == 0;
}

bool sim_unlucky(uint64_t n)
{
    return !calm && sim_one_in(n);
}

void sim_set_calm(bool is_calm)
{
    calm = is_calm;
}

bool sim_is_calm(void)
{
    return calm;
}

uint64_t sim_size(uint64_t most)
{
    uint64_t cap = most;

    switch (sim_below(4)) {
    case 0:
        cap = 16;
        break;
    case 1:
        cap = 2000;
        break;
    case 2:
        return most;
    }
    return 1 + sim_below(cap < most ? cap : most);
}

uint64_t sim_now_us(void)
{
    return now_us;
}

void sim_pass_us(uint64_t us)
{
    now_us += us;
}

uint64_t sim_steps(void)
{
    return steps;
}

void sim_step(void)
{
    steps++;
}

/* By the address of the literal, which is quick; the same text may have several. */
static void count(const char *what)
{
    unsigned i = 0;

    while (kinds[i].what != what && kinds[i].what != NULL) {
        i++;
        SIM_CHECK(i < KINDS, "the simulation has too many kinds of notes");
    }
    kinds[i].what = what;
    kinds[i].n++;
}

uint64_t sim_noted(const char *what)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < KINDS && kinds[i].what != NULL; i++) {
        n += strcmp(kinds[i].what, what) == 0 ? kinds[i].n : 0;
    }
    return n;
}

void sim_note(const char *what, int64_t a, int64_t b)
{
    count(what);
    notes[noted++ % NOTES] = (struct note){steps, now_us - START_US, what, a, b};
}

static void print_notes(void)
{
    uint64_t first = noted > NOTES ? noted - NOTES : 0;

    for (uint64_t i = first; i < noted; i++) {
        const struct note *n = &notes[i % NOTES];
        print_error("  step %-7" PRIu64 " %12.3f ms  %-28s %" PRId64 " %" PRId64 "\n", n->step,
                    (double)n->at_us / 1000, n->what, n->a, n->b);
    }
}

void sim_fail(const char *file, int line, const char *fmt, ...)
{
    char text[300];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    print_notes();
    print_error("%s:%d: %s\n", file, line, text);
    print_error("at step %" PRIu64 "; replay with SIM_SEED=%" PRIu64 " SIM_STEPS=%" PRIu64 "\n",
                steps, seed, replay_steps);
    fail();
    __builtin_unreachable();
}
