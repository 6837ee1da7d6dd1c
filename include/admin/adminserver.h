/**
 * adminserver - HTTP for operators and probes: GET and HEAD of registered pages.
 *
 * Runs on its owner's event base and thread.  What one client can cost is bounded: bytes and time
 * of a request, time of an answer, number of clients, bytes of pages that wait to be taken.  Over
 * the number of clients the one that has waited longest makes room for the newest, so that idle or
 * stalled clients cannot lock out a probe.  Knows nothing about what the pages say.
 */
#ifndef ADMIN_ADMINSERVER_H
#define ADMIN_ADMINSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct adminserver;
struct event_base;

/** What was asked for; everything is borrowed until the handler returns. */
struct adminserver_request {
    const char *path;
    const char *query;  /* what stands behind '?', still encoded (adminquery.h), or NULL */
    const char *accept; /* the Accept header, or NULL */
};

/** A page on its way.  A handler fills the body and changes the rest where it must. */
struct adminserver_reply {
    int status;               /* 200 at first */
    const char *content_type; /* static; text/plain in UTF-8 at first */
    const char *verdict;      /* static; the header Sealway-Verdict, the page in a word; or NULL */
    struct buf body;          /* its maximum is what may be sent now */
};

/**
 * Make a page.  Returns 0, or -errno when there is none: the client then gets a 5xx that says so,
 * and -ENOBUFS means that the body was full.
 */
typedef int (*adminserver_handler_fn)(void *ctx, const struct adminserver_request *rq,
                                      struct adminserver_reply *reply);

struct adminserver_path {
    const char *path; /* "/metrics"; static */
    adminserver_handler_fn handle;
    void *ctx;
    bool loopback_only; /* 403 for clients from elsewhere, and for a Host that is a DNS name */
};

/** The caps; tests make them small. */
struct adminserver_limits {
    unsigned clients;     /* at once, at most LIMIT_ADMIN_CLIENTS */
    unsigned answers;     /* of them, those that are taking an answer */
    unsigned requests;    /* on one connection */
    uint32_t request_ms;  /* from the first byte (or from accept) to the last of a request */
    uint32_t answer_ms;   /* until the client has taken an answer */
    uint32_t idle_ms;     /* between an answer and the next request */
    size_t page_bytes;    /* one page */
    size_t waiting_bytes; /* all pages that wait to be taken */
};

/** The caps of base/limits.h. */
void adminserver_limits_default(struct adminserver_limits *out);

struct adminserver_config {
    struct event_base *base;              /* borrowed for the server's life */
    int fd;                               /* listening, from adminsocket_open() */
    const struct adminserver_path *paths; /* borrowed for the server's life */
    size_t n_paths;
    bool open;                               /* loopback_only does not count: --admin-open */
    const struct adminserver_limits *limits; /* NULL: the default; copied */
};

/**
 * Serve from the next turn of the base's loop on.  On success the socket is the server's.  Returns
 * 0 or -errno with `e` filled; *out is then not written.
 */
MUST_CHECK int adminserver_new(const struct adminserver_config *cfg, struct adminserver **out,
                               struct err *e);

/** Clients that are connected. */
unsigned adminserver_clients(const struct adminserver *s);

/** Close everything, the socket too.  Not from a handler.  NULL is ignored. */
void adminserver_free(struct adminserver *s);

#endif
