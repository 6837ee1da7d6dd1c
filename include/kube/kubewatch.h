/**
 * kubewatch - one collection, kept the same here as there: a reflector that acts.
 *
 * Lists and watches through the client, frames and parses what comes, and hands objects to a sink.
 * Logs what an operator must know about the collection: once a minute for each cause while it
 * fails, and when it works again.  Thread: the client's.
 */
#ifndef KUBE_KUBEWATCH_H
#define KUBE_KUBEWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "kube/kubestatus.h"

struct kubeclient;
struct kubestats;
struct kubewatch;

struct kuberesource {
    const char *api; /* path of group and version: "/apis/networking.k8s.io/v1", "/api/v1" */
    const char *api_version; /* "networking.k8s.io/v1", "v1" */
    const char *plural;      /* "ingresses" */
    const char *kind;        /* "Ingress" */
};

/**
 * Where objects go.  Each tree lives for the call, and says apiVersion and kind itself (they are
 * put in where a list left them out).  0, or -errno when it could not be taken: then the collection
 * is listed anew after a wait.  An object that is wrong is no failure: the sink keeps a verdict.
 */
struct kubewatch_sink {
    int (*put)(void *ctx, const cJSON *object);  /* added or modified: perhaps known already */
    int (*take)(void *ctx, const cJSON *object); /* deleted: perhaps not known */
    /* A list is collected beside what there is (begin, items), and then takes its place at once
     * (end: whatever is not in it goes), or is dropped, as it is after an item or an end that
     * failed.  `is_doubted`: the server may have been restored, so that an object of a known
     * version may be another one.  `*differ_out` is how many objects end() put, changed or took. */
    int (*list_begin)(void *ctx, bool is_doubted);
    int (*list_item)(void *ctx, const cJSON *object);
    int (*list_end)(void *ctx, uint64_t *differ_out);
    void (*list_drop)(void *ctx);
    /* Something was put or taken, or a list took its place, or the collection is synced now.  At
     * most once for each piece of input, after it. */
    void (*changed)(void *ctx);
    void *ctx;
};

/** A failure that is the whole server's: no answer, 401, 429 or 5xx. */
struct kubewatch_failure {
    const char *request; /* "list ingresses in all namespaces"; lives for the call */
    const struct kubestatus *why;
    bool again; /* this watch has said so before, and has had no answer since */
};

/** Who tells people of such failures, once for all watches.  All NULL: nobody, so that each watch
 * logs its own. */
struct kubewatch_server {
    void (*failed)(void *ctx, const struct kubewatch_failure *f);
    void (*answers)(void *ctx); /* this watch again, be it with a refusal: once after it failed */
    void *ctx;
};

struct kubewatch_config {
    struct kubeclient *client;
    const struct kuberesource *resource; /* static */
    const char *ns;             /* NULL: all namespaces, or no namespaced resource; copied */
    const char *label_selector; /* NULL: none */
    struct kubewatch_sink sink;
    struct kubestats *stats; /* borrowed; several watches of one resource may share one */
    struct kubewatch_server server;
    /* From the loop: kubewatch_due_ms() or kubeclient_due_ms() may be earlier than they were, so
     * that whoever has the timer sets it anew.  NULL: nobody has. */
    void (*stirred)(void *ctx);
    void *ctx;
    /* Where a 403 or 404 means "take it as empty": what cannot be read is not needed.  It goes on
     * being tried, and is synced meanwhile. */
    bool is_optional;
};

/** NULL without memory.  Nothing is sent before the first kubewatch_turn(). */
MUST_CHECK struct kubewatch *kubewatch_new(const struct kubewatch_config *cfg);

/** Ends its requests; the sink hears nothing but, with a list under way, list_drop.  Never from
 * within a callback of this watch.  NULL is ignored. */
void kubewatch_free(struct kubewatch *w);

/** Do what is due; and when to do so next, unless something happens before.  From within a callback
 * too: of this watch, it does nothing that the watch would not do itself. */
void kubewatch_turn(struct kubewatch *w, uint64_t now_ms);
uint64_t kubewatch_due_ms(const struct kubewatch *w);

/** List anew at the next turn, whatever runs. */
void kubewatch_relist(struct kubewatch *w);

/** The server answers another watch: one that waits because it had no answer is due now. */
void kubewatch_hurry(struct kubewatch *w);

/** Whether a complete list was taken over once (or an optional one refused). */
bool kubewatch_is_synced(const struct kubewatch *w);

/** Whether it lives: a watch is open, so that what is held is what the server has. */
bool kubewatch_is_live(const struct kubewatch *w);

/** Whether it is optional and was refused: nothing can be read. */
bool kubewatch_is_refused(const struct kubewatch *w);

/** Why it does not live, for people, without the name of the collection: "list: 403 Forbidden".
 * Printable ASCII.  "" when it does or nothing is known yet. */
const char *kubewatch_trouble(const struct kubewatch *w);

#endif
