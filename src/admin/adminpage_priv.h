/**
 * adminpage - an answer from its handler to evhttp, and the account of what waits to be taken.
 */
#ifndef ADMIN_ADMINPAGE_PRIV_H
#define ADMIN_ADMINPAGE_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/adminserver.h"
#include "base/attr.h"

struct evhttp_request;

/**
 * What all pages of a server may hold together.  Counted, because libevent may give a page back
 * after the server has gone, when its base is freed.
 */
struct adminpage_budget {
    size_t page_max;
    size_t waiting_max;
    size_t waiting; /* held by pages that are not taken yet */
    size_t refs;    /* those pages, and the server */
};

struct adminpage {
    struct adminserver_reply reply;
    struct adminpage_budget *budget;
    size_t charged;
    const char *allow;       /* for a 405 */
    const char *retry_after; /* for a 503 */
    bool close;              /* this answer ends the connection */
};

/** With one reference.  NULL without memory. */
MUST_CHECK struct adminpage_budget *adminpage_budget_new(size_t page_max, size_t waiting_max);

/** NULL is ignored. */
void adminpage_budget_unref(struct adminpage_budget *budget);

/** An empty page that may become as big as there is room; a small one always fits.  NULL without
 * memory. */
MUST_CHECK struct adminpage *adminpage_new(struct adminpage_budget *budget);

/** Make it a refusal with this text instead of what it was. */
void adminpage_refuse(struct adminpage *page, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/** Make it the refusal that a handler's failure (-errno) calls for. */
void adminpage_refuse_error(struct adminpage *page, int error);

/**
 * Answer with it, without its body to a HEAD.  The page is evhttp's from now on, also on failure.
 * Returns 0, or -ENOMEM: nothing was sent, and the connection is to be closed.
 */
MUST_CHECK int adminpage_send(struct adminpage *page, struct evhttp_request *req);

/** Free one that is not sent. */
void adminpage_free(struct adminpage *page);

#endif
