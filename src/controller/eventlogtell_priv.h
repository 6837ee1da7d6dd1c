/**
 * eventlogtell - Events that could not be written, as log lines: one of each sort a minute.
 */
#ifndef CONTROLLER_EVENTLOGTELL_PRIV_H
#define CONTROLLER_EVENTLOGTELL_PRIV_H

#include <stdint.h>

struct kubestatus;

#define EVENTLOGTELL_EVERY_MS 60000u

/** Zeroed: nothing told. */
struct eventlogtell {
    uint64_t forbidden_ms, failed_ms, lost_ms; /* not before */
    uint64_t lost;                             /* not told yet */
};

/** An Event about an object of namespace `ns` ("": of none) was given up. */
void eventlogtell_failed(struct eventlogtell *t, const char *ns, const struct kubestatus *why,
                         uint64_t now_ms);

/** `n` more were lost; eventlogtell_turn() tells. */
void eventlogtell_lost(struct eventlogtell *t, uint64_t n);

void eventlogtell_turn(struct eventlogtell *t, uint64_t now_ms);
uint64_t eventlogtell_due_ms(const struct eventlogtell *t);

#endif
