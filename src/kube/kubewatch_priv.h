/**
 * kubewatch, within: what its requests share.
 *
 * kubewatch.c decides what is asked next, kubewatchlist.c takes the answers to lists,
 * kubewatchstream.c those to watches and kubewatchprobe.c those to probes.  Each callback of the
 * client begins with kubewatch_enter() and ends with kubewatch_leave(), and nothing of the watch is
 * touched afterwards.
 */
#ifndef KUBE_KUBEWATCH_PRIV_H
#define KUBE_KUBEWATCH_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "kube/jsonsplit.h"
#include "kube/kubestats.h"
#include "kube/kubewatch.h"
#include "kube/reflector.h"
#include "kubepage_priv.h"
#include "kubewatchlog_priv.h"

struct kuberequest;
struct kuberequest_config;

struct kubewatch {
    struct kubeclient *client;
    const struct kuberesource *resource;
    struct kubewatch_sink sink;
    struct kubestats *stats;
    bool is_optional;
    void (*stirred)(void *ctx);
    void *ctx;
    char *ns;       /* NULL: all */
    char *path;     /* of the collection */
    char *selector; /* of each query */

    struct reflector reflector;
    struct kuberequest *request; /* a page or the watch */
    struct kuberequest *probe;   /* beside the watch */
    struct kubepage page;        /* of a list's request */
    struct kubepage probe_page;  /* of the probe's; only for its version */
    struct jsonsplit stream;     /* of a watch's */
    struct kubewatchlog log;

    uint64_t items, skipped;
    uint64_t list_bytes; /* of the list under way */
    bool is_listing;     /* the sink collects a list */
    bool is_listed;      /* a list was complete */
    bool is_synced;
    bool is_refused;
    bool is_opening; /* the request is a watch without an answer so far */
    bool is_forced;  /* a list was asked for by kubewatch_relist() */
    bool is_busy;    /* within a callback, or a turn */
    bool is_changed; /* the sink is to be told */
    bool is_stirred; /* something ended or began: there may be a next step */
};

/* kubewatch.c */

/** Within a callback of the client from here on. */
void kubewatch_enter(struct kubewatch *w);

/** Take the next step, if there may be one, and tell who is to be told. */
void kubewatch_leave(struct kubewatch *w);

/** Start a GET of the collection; `cfg` has the callbacks.  0 or -ENOMEM. */
MUST_CHECK int kubewatch_ask(struct kubewatch *w, const char *query, struct kuberequest_config *cfg,
                             struct kuberequest **out);

/** End whatever runs, without a word to the reflector; a list under way is dropped. */
void kubewatch_close(struct kubewatch *w);

/** The collection counts as known from here on. */
void kubewatch_set_synced(struct kubewatch *w);

/** Count a request that failed with `code` (0: otherwise than by an answer). */
void kubewatch_count_error(struct kubewatch *w, int code);

/** Count one, or more. */
void kubewatch_count(_Atomic uint64_t *counter, uint64_t n);

/** Something was heard of the collection. */
void kubewatch_stamp(struct kubewatch *w);

/* kubewatchlist.c */

void kubewatchlist_start(struct kubewatch *w, const char *query);

/** Throw away what was collected of a list, if anything. */
void kubewatchlist_drop(struct kubewatch *w);

/* kubewatchstream.c */

/** The watch is not answered in time, and the reflector knows. */
void kubewatchstream_give_up(struct kubewatch *w);

void kubewatchstream_start(struct kubewatch *w, const char *query);

/* kubewatchprobe.c */

void kubewatchprobe_start(struct kubewatch *w, const char *query);

#endif
