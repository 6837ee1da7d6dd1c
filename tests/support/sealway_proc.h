/**
 * sealway_proc - the real program as a child process: started, asked, stopped.
 *
 * $SEALWAY_BIN names the program (default build/sealway).  It listens on free ports, runs with two
 * workers and no drain delay unless arguments or environment say otherwise, and dies with the test.
 * When the test program aborts, it says which of them had ended with another status than 0, and
 * what those wrote to stderr.
 */
#ifndef SUPPORT_SEALWAY_PROC_H
#define SUPPORT_SEALWAY_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/netaddr.h"

struct sealway;

/**
 * Run `serve --manifests DIR` with `args` (NULL-terminated; NULL for none) and wait until it
 * answers on every listener.  Fails the calling test, with what the program wrote, when it does
 * not.
 */
struct sealway *sealway_start(const char *manifests, const char *const *args);

/** What serves whom; all but `source` may be NULL.  Lists end with NULL. */
struct sealway_config {
    const char *const *source; /* the arguments that say where objects come from; NULL: none */
    const char *const *args;
    const char *const *env; /* "NAME=value", beside the test's own */
};

/** As sealway_start(), for any source of objects. */
struct sealway *sealway_start_from(const struct sealway_config *cfg);

/** Likewise, but wait only until its addresses are bound and told in its log (--log-level info or
 * debug, logfmt): it is not ready yet, and accepts nothing before it is. */
struct sealway *sealway_start_unready(const struct sealway_config *cfg);

/** Where listener `index` (in the order of --listen) is bound. */
struct netaddr sealway_addr(const struct sealway *s, size_t index);

/** Where its admin port is. */
struct netaddr sealway_admin(const struct sealway *s);

pid_t sealway_pid(const struct sealway *s);

/** Resident memory in KiB (VmRSS). */
long sealway_rss_kib(const struct sealway *s);

void sealway_signal(const struct sealway *s, int sig);

/** Wait for it to end.  Returns its exit status, 128 + n when signal n killed it, -1 when it still
 * runs after `limit_ms`. */
int sealway_wait(struct sealway *s, unsigned limit_ms);

/** Whether it, ended, was killed by a signal and left a core file. */
bool sealway_left_core(const struct sealway *s);

/** What it wrote to stdout (the access log) or stderr so far; the caller frees it. */
char *sealway_stdout(const struct sealway *s);
char *sealway_stderr(const struct sealway *s);

/** Wait until an access log line contains `text`; returns the line (the caller frees it), NULL
 * after five seconds. */
char *sealway_access_line(const struct sealway *s, const char *text);

/**
 * Stop it if it runs (two SIGTERM, so that it does not wait for connections) and free all.  Returns
 * its exit status; prints what it wrote to stderr when that is not 0.  NULL is ignored (0).
 */
int sealway_stop(struct sealway *s);

/** Free all of one that has ended as it was meant to, whatever its status. */
void sealway_forget(struct sealway *s);

#endif
