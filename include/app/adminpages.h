/**
 * adminpages - /routes and /explain: what a running instance serves, and why.
 *
 * Both answer with JSON, and with the text that a terminal shows for format=table.  A page is of
 * one table; a report may be newer or older by one change.
 */
#ifndef APP_ADMINPAGES_H
#define APP_ADMINPAGES_H

#include "admin/adminserver.h"

struct proxy_policy;
struct view;

/** What the header Sealway-Verdict says: of /routes, and of /explain; no other server has it. */
#define ADMINPAGES_LISTED     "listed"
#define ADMINPAGES_ROUTED     "routed"
#define ADMINPAGES_NOT_ROUTED "not-routed"

/** What the pages are made of; borrowed. */
struct adminpages {
    struct view *view;
    const struct proxy_policy *policy;
};

/** Handlers for adminserver; `pages` is a struct adminpages. */
int adminpages_routes(void *pages, const struct adminserver_request *rq,
                      struct adminserver_reply *reply);
int adminpages_explain(void *pages, const struct adminserver_request *rq,
                       struct adminserver_reply *reply);

#endif
