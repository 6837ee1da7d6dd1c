/**
 * second_signal - tell a draining program a second time to end, and see that it does so at once.
 *
 * How long that takes is read from the program's own log: between the line that says that the
 * signal was heard and the one that says that all is stopped.  How long a busy machine takes to
 * deliver the signal, and the test to see the end, does not count.
 *
 * Asserts with cmocka.
 */
#ifndef SUPPORT_SECOND_SIGNAL_H
#define SUPPORT_SECOND_SIGNAL_H

struct sealway;

/** Once the program, which logs at level info in logfmt, has heard the first signal: send it a
 * second one.  Asserts that it ends with status 0, at once, and without having waited for anything
 * in between. */
void second_signal_ends(struct sealway *program, int sig);

#endif
