#include "app/adminpages.h"

#include <string.h>

#include "admin/adminquery.h"
#include "app/explain.h"
#include "app/explainjson.h"
#include "app/explaintext.h"
#include "app/routespage.h"
#include "app/view.h"
#include "base/clock.h"
#include "base/netaddr.h"

#define OK          200
#define BAD_REQUEST 400
#define UNAVAILABLE 503

/* What a page may be asked; FORMAT every page. */
enum { FORMAT, NAME, ALPN, CLIENT, PARAMS };

struct asked {
    struct adminquery_param params[PARAMS];
    size_t n; /* those this page takes */
    struct adminquery_storage storage;
    bool table; /* for a terminal; JSON otherwise */
};

static bool read_format(struct asked *a)
{
    const char *format = a->params[FORMAT].value;

    a->table = format != NULL && strcmp(format, "table") == 0;
    return format == NULL || a->table || strcmp(format, "json") == 0;
}

/* What every page begins with.  Returns the status; unless it is OK, `why` says why not. */
static int begin(const struct adminpages *pages, const char *query, struct asked *a,
                 struct err *why)
{
    view_refresh(pages->view);
    if (adminquery_parse(query, a->params, a->n, &a->storage, why) != 0) {
        return BAD_REQUEST;
    }
    if (!read_format(a)) {
        err_set(why, "format: there are json and table");
        return BAD_REQUEST;
    }
    if (pages->view->table == NULL) {
        err_set(why, "no table yet: the objects are still being read");
        return UNAVAILABLE;
    }
    return OK;
}

static int refuse(struct adminserver_reply *reply, int status, const struct err *why)
{
    reply->status = status;
    return buf_printf(&reply->body, "%s\n", why->text);
}

static void set_type(struct adminserver_reply *reply, const struct asked *a)
{
    if (!a->table) {
        reply->content_type = "application/json";
    }
}

int adminpages_routes(void *ctx, const struct adminserver_request *rq,
                      struct adminserver_reply *reply)
{
    const struct adminpages *pages = ctx;
    struct asked a = {.params = {[FORMAT] = {.name = "format"}}, .n = FORMAT + 1};
    struct err why;
    int status = begin(pages, rq->query, &a, &why);

    if (status != OK) {
        return refuse(reply, status, &why);
    }
    const struct routespage page = {.table = pages->view->table,
                                    .report = pages->view->report,
                                    .now_ms = clock_now_ms(),
                                    .wall = clock_wall()};
    reply->verdict = ADMINPAGES_LISTED;
    set_type(reply, &a);
    return a.table ? routespage_table(&page, &reply->body) : routespage_json(&page, &reply->body);
}

/* Likewise what is asked of /explain. */
static int check_question(const struct asked *a, struct err *why)
{
    const char *ip = a->params[CLIENT].value;
    struct netaddr client;

    if (a->params[NAME].value == NULL) {
        err_set(why, "name: is missing; /explain?name=shop.example, or name= for a connection "
                     "without one");
        return BAD_REQUEST;
    }
    if (ip != NULL && netaddr_parse_ip(ip, 0, &client) != 0) {
        err_set(why, "client: not an IP address, e.g. 192.0.2.7");
        return BAD_REQUEST;
    }
    return OK;
}

static int explain(const struct adminpages *pages, const struct asked *a,
                   struct adminserver_reply *reply)
{
    const struct explain_question q = {.table = pages->view->table,
                                       .report = pages->view->report,
                                       .policy = pages->policy,
                                       .name = a->params[NAME].value,
                                       .name_len = strlen(a->params[NAME].value),
                                       .alpn = a->params[ALPN].value,
                                       .client = a->params[CLIENT].value,
                                       .is_live = true,
                                       .now_ms = clock_now_ms(),
                                       .wall = clock_wall()};
    struct explain x;

    explain_decide(&x, &q);
    reply->verdict = x.route != NULL ? ADMINPAGES_ROUTED : ADMINPAGES_NOT_ROUTED;
    set_type(reply, a);
    return a->table ? explaintext_write(&x, &reply->body) : explainjson_write(&x, &reply->body);
}

int adminpages_explain(void *ctx, const struct adminserver_request *rq,
                       struct adminserver_reply *reply)
{
    struct asked a = {.params = {[FORMAT] = {.name = "format"},
                                 [NAME] = {.name = "name"},
                                 [ALPN] = {.name = "alpn"},
                                 [CLIENT] = {.name = "client"}},
                      .n = PARAMS};
    const struct adminpages *pages = ctx;
    struct err why;
    int status = begin(pages, rq->query, &a, &why);

    if (status == OK) {
        status = check_question(&a, &why);
    }
    return status == OK ? explain(pages, &a, reply) : refuse(reply, status, &why);
}
