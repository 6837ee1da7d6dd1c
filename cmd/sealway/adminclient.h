/**
 * adminclient - asks a running instance for a page of its admin port.
 */
#ifndef SEALWAY_ADMINCLIENT_H
#define SEALWAY_ADMINCLIENT_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

#define ADMINCLIENT_DEFAULT "http://localhost:10254"

/** A page as it came. */
struct adminclient_page {
    struct buf body;
    char verdict[32]; /* of the header Sealway-Verdict (app/adminpages.h) */
};

/** One parameter of a page; it is left out when its value is NULL. */
struct adminclient_param {
    const char *name, *value;
};

/**
 * Get `path` with `params` from the instance at `url`: http://HOST:PORT, perhaps with a path in
 * front of ours, or ADDR:PORT as --admin of serve has it (an address of all means this machine);
 * NULL means the default.  Proxies are not used and redirects not followed.
 *
 * Returns 0 with the page, which is the caller's to free with adminclient_page_fini(), or -errno
 * with `e` saying what is wrong with the answer or why there is none, and what to do; -EINVAL when
 * `url` is none.
 */
MUST_CHECK int adminclient_get(const char *url, const char *path,
                               const struct adminclient_param *params, size_t n,
                               struct adminclient_page *out, struct err *e);

void adminclient_page_fini(struct adminclient_page *p);

#endif
