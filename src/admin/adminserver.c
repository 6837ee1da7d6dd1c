#include "admin/adminserver.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "adminaccess_priv.h"
#include "adminclients_priv.h"
#include "adminpage_priv.h"
#include "base/limits.h"

#define PATIENCE_US   100000 /* until one who knocked must have come in */
#define EVERY_METHOD  0xffff /* evhttp would answer 501 to the others, without Allow */
#define PATH_LIST_MAX 1024

struct adminserver {
    struct adminserver_config cfg;
    struct evhttp *http;
    struct evconnlistener *listener; /* http's, once that has it */
    struct event *knock;             /* somebody waits to be accepted */
    struct event *patience;          /* but has not been */
    struct adminpage_budget *budget;
    struct adminclients clients;
};

void adminserver_limits_default(struct adminserver_limits *out)
{
    *out = (struct adminserver_limits){
        .clients = LIMIT_ADMIN_CLIENTS,
        .answers = LIMIT_ADMIN_ANSWERS,
        .requests = LIMIT_ADMIN_REQUESTS,
        .request_ms = LIMIT_ADMIN_REQUEST_MS,
        .answer_ms = LIMIT_ADMIN_ANSWER_MS,
        .idle_ms = LIMIT_ADMIN_IDLE_MS,
        .page_bytes = LIMIT_ADMIN_PAGE_BYTES,
        .waiting_bytes = LIMIT_ADMIN_WAITING_BYTES,
    };
}

/* --- What is refused ------------------------------------------------------------------------- */

/* Whether a header stands there more than `most` times. */
static bool has_more(struct evhttp_request *req, const char *name, unsigned most)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
    const struct evkeyval *h;
    unsigned n = 0;

    TAILQ_FOREACH (h, headers, next) {
        n += strcasecmp(h->key, name) == 0;
    }
    return n > most;
}

static const char *header_of(struct evhttp_request *req, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

static bool has_body(struct evhttp_request *req)
{
    const char *length = header_of(req, "Content-Length");

    return has_more(req, "Transfer-Encoding", 0) || (length != NULL && strcmp(length, "0") != 0);
}

/* Requests that are wrong whatever they ask for; evhttp has refused what it cannot parse. */
static bool refuse_malformed(struct adminpage *page, struct evhttp_request *req)
{
    bool known = req->major == 1 && req->minor >= 0;

    if (!known || req->minor > 1) {
        req->major = 1; /* of the answer, for which evhttp takes the question's */
        req->minor = 1;
    }
    if (!known) {
        page->close = true;
        adminpage_refuse(page, 505, "HTTP/1.0 and HTTP/1.1 are spoken here\n");
        return true;
    }
    if (has_body(req) || has_more(req, "Host", 1)) {
        page->close = true; /* what follows is no request */
        adminpage_refuse(page, HTTP_BADREQUEST, "no body is taken here, and one Host header\n");
        return true;
    }
    return false;
}

static bool refuse_method(struct adminpage *page, struct evhttp_request *req)
{
    enum evhttp_cmd_type method = evhttp_request_get_command(req);

    if (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD) {
        return false;
    }
    page->allow = "GET, HEAD";
    adminpage_refuse(page, HTTP_BADMETHOD, "pages can be read here, with GET and HEAD\n");
    return true;
}

static void refuse_path(const struct adminserver *s, struct adminpage *page)
{
    char list[PATH_LIST_MAX] = "";
    size_t len = 0;

    for (size_t i = 0; i < s->cfg.n_paths && len < sizeof(list); i++) {
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\n", s->cfg.paths[i].path);
    }
    adminpage_refuse(page, HTTP_NOTFOUND, "no such page; there are:\n%s", list);
}

/* Pages for this machine only. */
static bool refuse_foreigner(const struct adminserver *s, struct adminpage *page,
                             struct evhttp_request *req)
{
    struct evhttp_connection *conn = evhttp_request_get_connection(req);
    const char *uri_host = evhttp_uri_get_host(evhttp_request_get_evhttp_uri(req));
    const char *host = header_of(req, "Host");

    if (s->cfg.open) {
        return false;
    }
    if (!adminaccess_is_loopback(bufferevent_getfd(evhttp_connection_get_bufferevent(conn)))) {
        adminpage_refuse(page, 403,
                         "this page is for clients on this machine: use kubectl port-forward, "
                         "or start Sealway with --admin-open\n");
        return true;
    }
    if ((host != NULL && !adminaccess_is_plain_host(host)) ||
        (uri_host != NULL && !adminaccess_is_plain_host(uri_host))) {
        adminpage_refuse(page, 403,
                         "this page is for a Host that is an IP address or localhost: use such an "
                         "URL, or start Sealway with --admin-open\n");
        return true;
    }
    return false;
}

/* --- Requests -------------------------------------------------------------------------------- */

static const struct adminserver_path *find_path(const struct adminserver *s, const char *path)
{
    for (size_t i = 0; path != NULL && i < s->cfg.n_paths; i++) {
        if (strcmp(s->cfg.paths[i].path, path) == 0) {
            return &s->cfg.paths[i];
        }
    }
    return NULL;
}

static void make_page(const struct adminserver *s, struct adminpage *page,
                      struct evhttp_request *req)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const struct adminserver_path *path = find_path(s, evhttp_uri_get_path(uri));
    struct adminserver_request rq;
    int rc;

    if (refuse_malformed(page, req) || refuse_method(page, req)) {
        return;
    }
    if (path == NULL) {
        refuse_path(s, page);
        return;
    }
    if (path->loopback_only && refuse_foreigner(s, page, req)) {
        return;
    }
    rq = (struct adminserver_request){
        .path = path->path,
        .query = evhttp_uri_get_query(uri),
        .accept = header_of(req, "Accept"),
    };
    rc = path->handle(path->ctx, &rq, &page->reply);
    if (rc != 0) {
        adminpage_refuse_error(page, rc);
    }
}

static void on_answered(struct evhttp_request *req, void *ctx)
{
    struct adminserver *s = ctx;
    struct adminclient *c = adminclients_find(&s->clients, evhttp_request_get_connection(req));

    if (c != NULL) {
        adminclients_answered(c);
    }
}

static int answer(struct adminserver *s, struct adminclient *c, struct evhttp_request *req)
{
    struct adminpage *page = adminpage_new(s->budget);
    int rc;

    if (page == NULL) {
        return -ENOMEM;
    }
    page->close = !adminclients_answer(c);
    make_page(s, page, req);
    evhttp_request_set_on_complete_cb(req, on_answered, s);
    rc = adminpage_send(page, req);
    if (rc == 0) {
        /* Neither a FIN nor bytes sent ahead are looked at before the answer is taken. */
        bufferevent_disable(c->bev, EV_READ);
    }
    return rc;
}

static void on_request(struct evhttp_request *req, void *ctx)
{
    struct adminserver *s = ctx;
    struct evhttp_connection *conn = evhttp_request_get_connection(req);
    struct adminclient *c = adminclients_find(&s->clients, conn);

    /* One that is not ours came when there was no memory for it. */
    if (c == NULL || answer(s, c, req) != 0) {
        evhttp_connection_free(conn);
    }
}

/* --- Accepting -------------------------------------------------------------------------------

   evhttp's listener takes whatever is in the queue, and tells nobody of ours when it fails.  So it
   stands still until somebody knocks, and again when it has taken one, or could not. */

static void await_knock(struct adminserver *s)
{
    if (event_add(s->knock, NULL) == 0) {
        (void)event_del(s->patience);
        (void)evconnlistener_disable(s->listener);
    }
}

static void on_knock(evutil_socket_t fd, short what, void *ctx)
{
    const struct timeval patience = {.tv_usec = PATIENCE_US};
    struct adminserver *s = ctx;

    (void)fd;
    (void)what;
    (void)event_add(s->patience, &patience);
    (void)evconnlistener_enable(s->listener);
}

/* Descriptors are short, or he has gone. */
static void on_patience(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    await_knock(ctx);
}

/* Until patience ends: it would fail again and again.  The argument is evhttp's. */
static void on_accept_error(struct evconnlistener *listener, void *http)
{
    (void)http;
    (void)evconnlistener_disable(listener);
}

/* One client a turn, so that each is listened to before others can take its place. */
static struct bufferevent *on_accept(struct event_base *base, void *ctx)
{
    struct adminserver *s = ctx;

    (void)base;
    await_knock(s);
    return adminclients_accept(&s->clients);
}

/* --- Beginning and end ----------------------------------------------------------------------- */

/* Our deadlines are stricter; this is for a connection that we have no account of. */
static void set_timeout(struct adminserver *s)
{
    const struct adminserver_limits *l = &s->clients.limits;
    uint64_t ms = 2 * ((uint64_t)l->request_ms + l->answer_ms + l->idle_ms);
    const struct timeval timeout = {.tv_sec = (time_t)(ms / 1000) + 1};

    evhttp_set_timeout_tv(s->http, &timeout);
}

static int open_http(struct adminserver *s)
{
    s->http = evhttp_new(s->cfg.base);
    s->knock = event_new(s->cfg.base, s->cfg.fd, EV_READ, on_knock, s);
    s->patience = event_new(s->cfg.base, -1, 0, on_patience, s);
    if (s->http == NULL || s->knock == NULL || s->patience == NULL) {
        return -ENOMEM;
    }
    evhttp_set_allowed_methods(s->http, EVERY_METHOD);
    evhttp_set_max_headers_size(s->http, LIMIT_ADMIN_HEAD_BYTES);
    evhttp_set_max_body_size(s->http, 0);
    evhttp_set_gencb(s->http, on_request, s);
    evhttp_set_bevcb(s->http, on_accept, s);
    set_timeout(s);
    return 0;
}

/* The last step: only now the socket changes hands. */
static int open_listener(struct adminserver *s)
{
    s->listener = evconnlistener_new(s->cfg.base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, s->cfg.fd);
    if (s->listener == NULL) {
        return -ENOMEM;
    }
    if (evhttp_bind_listener(s->http, s->listener) == NULL) {
        evconnlistener_free(s->listener);
        return -ENOMEM;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_error);
    await_knock(s);
    return 0;
}

static void free_all(struct adminserver *s)
{
    if (s->http != NULL) {
        evhttp_free(s->http); /* its connections and its listener, too */
    }
    adminclients_fini(&s->clients);
    adminpage_budget_unref(s->budget);
    if (s->knock != NULL) {
        event_free(s->knock);
    }
    if (s->patience != NULL) {
        event_free(s->patience);
    }
    free(s);
}

int adminserver_new(const struct adminserver_config *cfg, struct adminserver **out, struct err *e)
{
    struct adminserver *s = calloc(1, sizeof(*s));
    struct adminserver_limits limits;
    int rc = -ENOMEM;

    if (s == NULL) {
        goto fail;
    }
    adminserver_limits_default(&limits);
    limits = cfg->limits != NULL ? *cfg->limits : limits;
    s->cfg = *cfg;
    s->budget = adminpage_budget_new(limits.page_bytes, limits.waiting_bytes);
    rc = adminclients_init(&s->clients, cfg->base, &limits);
    if (rc == 0 && s->budget == NULL) {
        rc = -ENOMEM;
    }
    if (rc == 0) {
        rc = open_http(s);
    }
    if (rc == 0) {
        rc = open_listener(s);
    }
    if (rc != 0) {
        goto fail;
    }
    *out = s;
    return 0;

fail:
    err_set(e, "admin server: %s", strerror(-rc));
    if (s != NULL) {
        free_all(s);
    }
    return rc;
}

unsigned adminserver_clients(const struct adminserver *s)
{
    return adminclients_connected(&s->clients);
}

void adminserver_free(struct adminserver *s)
{
    int fd;

    if (s == NULL) {
        return;
    }
    fd = s->cfg.fd;
    free_all(s);
    close(fd);
}
