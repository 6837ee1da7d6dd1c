/**
 * failsys - make chosen system and library calls of our own objects fail, or do less than asked.
 *
 * For binaries linked with FAILSYS_WRAP (see the Makefile).  The test's own sockets should use
 * read(2) and write(2), which are never touched.  Thread: any; a plan holds for every thread.
 */
#ifndef SUPPORT_FAILSYS_H
#define SUPPORT_FAILSYS_H

#include <stddef.h>

enum failsys_call {
    FAILSYS_SOCKET,
    FAILSYS_LISTEN,
    FAILSYS_ACCEPT4,
    FAILSYS_CONNECT,
    FAILSYS_SEND,
    FAILSYS_RECV,
    FAILSYS_SHUTDOWN,
    FAILSYS_GETSOCKOPT,
    FAILSYS_EVENT_ADD, /* returns -1, as libevent does without memory */
    FAILSYS_EVENT_NEW,
    FAILSYS_EVENTFD,
    FAILSYS_ALIGNED_ALLOC,
    FAILSYS_PTHREAD_CREATE, /* returns the error */
    FAILSYS_GETRANDOM,
    FAILSYS_SPLICE,
    FAILSYS_PIPE2,
    FAILSYS_SETPIPE_SZ, /* fcntl() */
    FAILSYS_CALLS,
};

/** Let `skip` calls pass from now on, then `times` fail with `error`. */
void failsys_fail(enum failsys_call call, int error, unsigned skip, unsigned times);

/** Let send, recv or splice move at most `bytes` at a time; 0: as many as asked. */
void failsys_cut(enum failsys_call call, size_t bytes);

/** How often it was called since failsys_reset(), failures included. */
unsigned failsys_count(enum failsys_call call);

/** Sum of all counts: what a spinning loop cannot keep still. */
unsigned failsys_count_all(void);

/** Nothing fails and nothing is cut; counts are 0. */
void failsys_reset(void);

#endif
