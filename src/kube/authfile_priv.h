/**
 * authfile - a credential that stands in a file, or is given once and for all.
 *
 * What was read last and was good is kept through whatever happens to the file.
 */
#ifndef KUBE_AUTHFILE_PRIV_H
#define KUBE_AUTHFILE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct authfile {
    const char *path;  /* borrowed; NULL: there is no file */
    const char *given; /* borrowed; counts where there is no file; may be NULL */
    const char *what;  /* for messages: "tokenFile" */
    size_t max_bytes;
    char *text;       /* what was read last and good; owned */
    char *read;       /* what authfile_read() has found and nobody has accepted yet; owned */
    uint64_t read_ms; /* when `text` was last found to be in the file, or new */
    bool is_told;     /* a failure was logged, and it could not be read since */
    bool is_stale;    /* must be read again, however lately it was */
};

void authfile_fini(struct authfile *f);

/** What to use; NULL: nothing. */
const char *authfile_text(const struct authfile *f);

/** Whether there is a file that was read `every_ms` ago, or is stale. */
bool authfile_is_due(const struct authfile *f, uint64_t now_ms, uint64_t every_ms);

/** Read it into `f->read`, white space off both ends.  Returns 0 or -errno with `e`, which names
 * key and file. */
MUST_CHECK int authfile_read(struct authfile *f, struct err *e);

/** What was read is good, or (with no words in `e`) not.  Accepting returns whether it differs from
 * what was used so far. */
bool authfile_accept(struct authfile *f, uint64_t now_ms);
void authfile_reject(struct authfile *f);

#endif
