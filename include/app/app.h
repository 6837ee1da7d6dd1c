/**
 * app - the long-running program: wires the modules, owns the signals, the order of start and stop.
 *
 * Runs on the main thread.  Start: bind, read the objects, workers, controller, ready once every
 * worker adopted a table.  Stop: the reverse, with time for connections to end.
 */
#ifndef APP_APP_H
#define APP_APP_H

#include "base/attr.h"
#include "base/err.h"

struct metrics_build;
struct options;

/** Exit statuses of the program. */
enum app_status {
    APP_OK = 0,
    APP_FAILED = 1, /* at run time */
    APP_USAGE = 2,  /* bad usage or configuration; nothing was served */
};

/**
 * Serve until SIGTERM or SIGINT, then drain; SIGHUP reads the objects again.  Every thread and
 * allocation of its own is gone when it returns.  `build` is what /metrics says of this program.
 * Unless the result is APP_OK, `e` says why.
 */
MUST_CHECK enum app_status app_serve(const struct options *o, const struct metrics_build *build,
                                     struct err *e);

#endif
