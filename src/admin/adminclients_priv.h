/**
 * adminclients - who is connected to the admin port, what each is doing, and for how long it may.
 *
 * evhttp owns the connections and speaks HTTP; this is the account kept beside it.  Every client is
 * on the list of its state, the one that is in it longest first, and has one deadline.  When there
 * is no place for a newcomer, who waits longest goes: idle ones first, then those whose request is
 * not complete, then those that do not take their answer.
 */
#ifndef ADMIN_ADMINCLIENTS_PRIV_H
#define ADMIN_ADMINCLIENTS_PRIV_H

#include <stdbool.h>
#include <sys/queue.h>

#include "admin/adminserver.h"
#include "base/attr.h"
#include "base/limits.h"

struct bufferevent;
struct event;
struct evhttp_connection;

enum adminclient_state {
    ADMINCLIENT_FREE,
    ADMINCLIENT_NEW,       /* accepted in this turn of the loop: evhttp is not done with it */
    ADMINCLIENT_IDLE,      /* between an answer and a request */
    ADMINCLIENT_ASKING,    /* its request is on the way */
    ADMINCLIENT_ANSWERING, /* taking its answer */
    ADMINCLIENT_STATES,
};

TAILQ_HEAD(adminclient_list, adminclient);

struct adminclient {
    TAILQ_ENTRY(adminclient) link;
    struct adminclients *all;
    enum adminclient_state state;
    struct event *deadline;
    struct bufferevent *bev;        /* evhttp's; NULL when free */
    struct evhttp_connection *conn; /* evhttp's; NULL when free or new */
    unsigned requests;              /* so far */
};

struct adminclients {
    struct adminserver_limits limits;
    struct event_base *base;
    struct adminclient_list lists[ADMINCLIENT_STATES];
    unsigned counts[ADMINCLIENT_STATES];
    struct adminclient slots[LIMIT_ADMIN_CLIENTS];
};

/** Nobody is connected.  `base` is borrowed.  Returns 0 or -ENOMEM; either way to be ended. */
MUST_CHECK int adminclients_init(struct adminclients *all, struct event_base *base,
                                 const struct adminserver_limits *limits);

/** After evhttp has freed its connections.  Zeroed and failed ones are accepted. */
void adminclients_fini(struct adminclients *all);

unsigned adminclients_connected(const struct adminclients *all);

/**
 * Somebody comes: make room, and the bufferevent that evhttp is to use for him.  To be called by
 * evhttp only, once a turn of the loop.  NULL without memory.
 */
struct bufferevent *adminclients_accept(struct adminclients *all);

/** Whose connection it is; NULL: not one of ours. */
struct adminclient *adminclients_find(struct adminclients *all, struct evhttp_connection *conn);

/** His request is complete and his answer about to be sent.  Whether there are more to come. */
bool adminclients_answer(struct adminclient *c);

/** He has taken it. */
void adminclients_answered(struct adminclient *c);

#endif
