#include "adminclients_priv.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <string.h>
#include <sys/socket.h>

#define WRITE_BYTES 65536 /* to one client in one turn */

static void move_to(struct adminclient *c, enum adminclient_state state)
{
    struct adminclients *all = c->all;

    TAILQ_REMOVE(&all->lists[c->state], c, link);
    all->counts[c->state]--;
    c->state = state;
    TAILQ_INSERT_TAIL(&all->lists[state], c, link);
    all->counts[state]++;
}

/* End it in a way that evhttp finds out by itself: for callbacks it still needs the connection in.
 */
static void doom(struct adminclient *c)
{
    (void)shutdown(bufferevent_getfd(c->bev), SHUT_RDWR);
}

/* Begin a state that ends in `ms` at the latest. */
static void enter(struct adminclient *c, enum adminclient_state state, uint32_t ms)
{
    const struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

    move_to(c, state);
    if (event_add(c->deadline, &limit) != 0) {
        doom(c); /* no memory for the deadline */
    }
}

/* --- Coming and going ------------------------------------------------------------------------ */

/* Bytes have come, and evhttp has not looked at them yet, or has taken some. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *ctx)
{
    struct adminclient *c = ctx;

    if (info->n_added == 0) {
        return;
    }
    if (c->state == ADMINCLIENT_IDLE) {
        enter(c, ADMINCLIENT_ASKING, c->all->limits.request_ms);
    }
    /*
     * So much is more than a head.  evhttp reads on where it does not look, behind an error; here
     * it stops until a next request is due.  (Without memory bufferevent_setwatermark() crashes.)
     */
    if (evbuffer_get_length(input) >= LIMIT_ADMIN_INPUT_BYTES) {
        (void)bufferevent_disable(c->bev, EV_READ);
    }
}

static void release(struct adminclient *c)
{
    event_del(c->deadline);
    move_to(c, ADMINCLIENT_FREE);
    c->bev = NULL;
    c->conn = NULL;
    c->requests = 0;
}

static void on_closed(struct evhttp_connection *conn, void *ctx)
{
    struct adminclient *c = ctx;

    (void)conn;
    (void)evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
    release(c);
}

/*
 * evhttp has made a connection of the bufferevent, and is its callbacks' argument now: this is the
 * only way to it before the first request is complete.  Without memory it has freed the bufferevent
 * (no argument) or has never taken it (ours).
 */
static void adopt(struct adminclient *c)
{
    struct bufferevent *bev = c->bev;
    void *arg = NULL;

    bufferevent_getcb(bev, NULL, NULL, NULL, &arg);
    if (arg == NULL || arg == c) {
        if (arg == c) {
            bufferevent_free(bev);
        }
        release(c);
    } else {
        c->conn = arg;
        evhttp_connection_set_closecb(c->conn, on_closed, c);
        enter(c, ADMINCLIENT_ASKING, c->all->limits.request_ms);
        if (evbuffer_add_cb(bufferevent_get_input(bev), on_input, c) == NULL) {
            doom(c);
        }
    }
    (void)bufferevent_decref(bev); /* evhttp's reference is left */
}

/*
 * Close it now.  What the kernel holds of an answer that is not taken is dropped, for it would wait
 * on without us.
 */
static void cut(struct adminclient *c)
{
    const struct linger reset = {.l_onoff = 1};

    if (c->state == ADMINCLIENT_ANSWERING) {
        (void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    evhttp_connection_free(c->conn); /* calls on_closed() */
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
    struct adminclient *c = ctx;

    (void)fd;
    (void)what;
    if (c->state == ADMINCLIENT_NEW) {
        adopt(c);
    } else {
        cut(c);
    }
}

/* --- Making room ----------------------------------------------------------------------------- */

/* Close the one that is in this state longest; whether there was one. */
static bool close_oldest(struct adminclients *all, enum adminclient_state state)
{
    struct adminclient *c = TAILQ_FIRST(&all->lists[state]);

    if (c != NULL) {
        cut(c);
    }
    return c != NULL;
}

static void make_room(struct adminclients *all)
{
    if (adminclients_connected(all) < all->limits.clients) {
        return;
    }
    (void)(close_oldest(all, ADMINCLIENT_IDLE) || close_oldest(all, ADMINCLIENT_ASKING) ||
           close_oldest(all, ADMINCLIENT_ANSWERING));
}

struct bufferevent *adminclients_accept(struct adminclients *all)
{
    struct adminclient *c;

    make_room(all);
    c = TAILQ_FIRST(&all->lists[ADMINCLIENT_FREE]);
    if (c == NULL) {
        return NULL;
    }
    c->bev = bufferevent_socket_new(all->base, -1, 0);
    if (c->bev == NULL) {
        return NULL;
    }
    (void)bufferevent_set_max_single_write(c->bev, WRITE_BYTES);
    bufferevent_setcb(c->bev, NULL, NULL, NULL, c);
    bufferevent_incref(c->bev); /* until adopt() */
    move_to(c, ADMINCLIENT_NEW);
    event_active(c->deadline, EV_TIMEOUT, 0); /* behind evhttp's work, before any byte is read */
    return c->bev;
}

/* --- Asking and answering -------------------------------------------------------------------- */

struct adminclient *adminclients_find(struct adminclients *all, struct evhttp_connection *conn)
{
    for (unsigned i = 0; i < LIMIT_ADMIN_CLIENTS; i++) {
        if (all->slots[i].conn == conn) {
            return &all->slots[i];
        }
    }
    return NULL;
}

bool adminclients_answer(struct adminclient *c)
{
    struct adminclients *all = c->all;

    if (all->counts[ADMINCLIENT_ANSWERING] >= all->limits.answers) {
        (void)close_oldest(all, ADMINCLIENT_ANSWERING);
    }
    enter(c, ADMINCLIENT_ANSWERING, all->limits.answer_ms);
    c->requests++;
    return c->requests < all->limits.requests;
}

void adminclients_answered(struct adminclient *c)
{
    bool more = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;

    enter(c, more ? ADMINCLIENT_ASKING : ADMINCLIENT_IDLE,
          more ? c->all->limits.request_ms : c->all->limits.idle_ms);
}

unsigned adminclients_connected(const struct adminclients *all)
{
    return LIMIT_ADMIN_CLIENTS - all->counts[ADMINCLIENT_FREE];
}

/* --- Beginning and end ----------------------------------------------------------------------- */

int adminclients_init(struct adminclients *all, struct event_base *base,
                      const struct adminserver_limits *limits)
{
    ASSERT(limits->clients > 0 && limits->clients <= LIMIT_ADMIN_CLIENTS && limits->answers > 0);
    memset(all, 0, sizeof(*all));
    all->limits = *limits;
    all->base = base;
    for (unsigned i = 0; i < ADMINCLIENT_STATES; i++) {
        TAILQ_INIT(&all->lists[i]);
    }
    for (unsigned i = 0; i < LIMIT_ADMIN_CLIENTS; i++) {
        struct adminclient *c = &all->slots[i];

        c->all = all;
        c->deadline = event_new(base, -1, 0, on_deadline, c);
        if (c->deadline == NULL) {
            return -ENOMEM;
        }
        TAILQ_INSERT_TAIL(&all->lists[ADMINCLIENT_FREE], c, link);
        all->counts[ADMINCLIENT_FREE]++;
    }
    return 0;
}

void adminclients_fini(struct adminclients *all)
{
    for (unsigned i = 0; i < LIMIT_ADMIN_CLIENTS; i++) {
        if (all->slots[i].state == ADMINCLIENT_NEW) {
            adopt(&all->slots[i]); /* finds that it has gone */
        }
    }
    for (unsigned i = 0; i < LIMIT_ADMIN_CLIENTS; i++) {
        if (all->slots[i].deadline != NULL) {
            event_free(all->slots[i].deadline);
        }
    }
    memset(all, 0, sizeof(*all));
}
