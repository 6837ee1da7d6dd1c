/**
 * client_scene - a kubeclient, the answerer it asks, and what it calls back.
 */
#ifndef SUPPORT_CLIENT_SCENE_H
#define SUPPORT_CLIENT_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "kube/kubeaccess.h"
#include "kube/kubeclient.h"
#include "support/answerer.h"

struct event_base;

struct client_scene {
    struct event_base *base;
    struct kubeaccess access;
    char server[128];
    struct answerer *answers; /* NULL: none was asked for */
    struct kubeclient *client;
    unsigned moved;
};

/** An event base and an empty access. */
void client_scene_init(struct client_scene *k);

/** Start the server and name it in the access: "https://HOST:PORT" or "http://", HOST NULL: its
 * address.  `prefix` comes behind. */
void client_scene_serve(struct client_scene *k, const struct answerer_config *cfg, const char *host,
                        const char *prefix);

/** Of a server that speaks no TLS: say in the access that it does. */
void client_scene_say_https(struct client_scene *k);

/** Make the client; fails the test when that fails. */
void client_scene_open(struct client_scene *k);

/** Everything; also what was never made. */
void client_scene_fini(struct client_scene *k);

/** A request and what came of it. */
struct client_call {
    struct client_scene *scene;
    struct kuberequest *request; /* NULL once done */
    struct buf body;
    unsigned heads, pieces, done;
    struct kuberesult result;
    int on_bytes_rc;
    /* Called from within the callback of the same name. */
    void (*on_head)(struct client_call *c);
    void (*on_bytes)(struct client_call *c);
    void (*on_done)(struct client_call *c);
};

/** A GET with the deadline of a list; or a watch. */
void client_call_get(struct client_call *c, struct client_scene *k, const char *path);
void client_call_watch(struct client_call *c, struct client_scene *k, const char *path);

/** Any request; the callbacks of `cfg` are put in. */
void client_call_start(struct client_call *c, struct client_scene *k,
                       struct kuberequest_config *cfg);

/** Run the loop until it is done; false after 20 s. */
bool client_call_end(struct client_call *c);

/** Run the loop until `cond` holds; false after 20 s. */
bool client_scene_run(struct client_scene *k, bool (*cond)(void *ctx), void *ctx);

/** Run the loop until the server has seen so many requests. */
bool client_scene_run_requests(struct client_scene *k, size_t n);

/** Run what the loop has at hand. */
void client_scene_spin(struct client_scene *k);

/** From now on the clock stands at what client_clock_ms says. */
extern uint64_t client_clock_ms;
void client_clock_stop(void);

void client_call_fini(struct client_call *c);

/** Catch what is logged; the text until then, to be freed. */
void client_log_catch(void);
char *client_log_release(void);

#endif
