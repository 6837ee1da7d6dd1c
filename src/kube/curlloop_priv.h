/**
 * curlloop - libcurl's multi interface driven by an event base.
 *
 * Sockets and the one timer of a multi handle become events; nothing polls.  Counted: it lives
 * until its owner and every transfer on it have let go, so that running transfers outlast an owner
 * who wants no new ones on the connections that stand open here.  Knows nothing about HTTP. Thread:
 * that of the event base.
 */
#ifndef KUBE_CURLLOOP_PRIV_H
#define KUBE_CURLLOOP_PRIV_H

#include <stdbool.h>

#include <curl/curl.h>

#include "base/attr.h"

struct event_base;
struct curlloop;

/**
 * A transfer ended; `easy` is off the loop already.  NULL: the loop is broken (see below).  Called
 * from the event base, never from within libcurl: it may add and remove transfers and let go of
 * the loop.
 */
typedef void curlloop_done_fn(void *ctx, CURL *easy, CURLcode code);

/** One reference.  NULL without memory. */
MUST_CHECK struct curlloop *curlloop_new(struct event_base *base, curlloop_done_fn *on_done,
                                         void *ctx);

struct curlloop *curlloop_ref(struct curlloop *l);

/** The last one closes every connection.  NULL is ignored. */
void curlloop_unref(struct curlloop *l);

/** Begin a transfer.  Not from within a callback of libcurl. */
MUST_CHECK CURLMcode curlloop_add(struct curlloop *l, CURL *easy);

/** Take it off, finished or not; likewise. */
void curlloop_remove(struct curlloop *l, CURL *easy);

/** There was no memory for an event: nothing here goes on, so every transfer should be taken off
 * and none be begun.  Look after curlloop_add(), too. */
bool curlloop_is_broken(const struct curlloop *l);

#endif
