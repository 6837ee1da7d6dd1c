/**
 * sim_thread - the thread of a worker, run by the simulation itself.
 *
 * The worker's own loop runs: what it believes to be epoll_wait(2) is the world going on.
 */
#ifndef SUPPORT_SIM_THREAD_H
#define SUPPORT_SIM_THREAD_H

/** What to do when the thread would sleep: the world's turn, which ends with events. */
void sim_thread_begin(void (*loop)(void));

/** For the wrapped calls: what the thread is, and that it would sleep. */
void sim_thread_keep(void *(*run)(void *), void *arg);
void sim_thread_loop(void);

/** Run the thread that was started, to its end. */
void sim_thread_run(void);

#endif
