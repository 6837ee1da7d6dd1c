/**
 * launcher - start the program under a limit: sealway_start() goes through a shell for a while.
 *
 * The shell runs `prelude` ("ulimit -n 128") and becomes the program, so that the process is the
 * same.
 */
#ifndef SUPPORT_LAUNCHER_H
#define SUPPORT_LAUNCHER_H

#include "support/tempdir.h"

/** From now on; the script is written into `dir`.  `runner` ("valgrind -q"; NULL: none) is put in
 * front of the program.  Aborts the test program on failure. */
void launcher_begin(const struct tempdir *dir, const char *prelude, const char *runner);

/** Start the program directly again. */
void launcher_end(void);

#endif
