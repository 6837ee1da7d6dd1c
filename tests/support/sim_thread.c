#include "support/sim_thread.h"

#include <stddef.h>

static void (*loop_fn)(void);
static void *(*run_fn)(void *);
static void *run_arg;

void sim_thread_begin(void (*loop)(void))
{
    loop_fn = loop;
    run_fn = NULL;
}

void sim_thread_keep(void *(*run)(void *), void *arg)
{
    run_fn = run;
    run_arg = arg;
}

void sim_thread_loop(void)
{
    loop_fn();
}

void sim_thread_run(void)
{
    (void)run_fn(run_arg);
}
