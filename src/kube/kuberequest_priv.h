/**
 * kuberequest - one request: waits for credentials, runs on a curlloop, has deadlines, ends.
 *
 * Inside libcurl's callbacks nothing may be started or taken off, so kuberequest_cancel() and a
 * deadline only mark the request and wake the client, which does the rest from its event.
 */
#ifndef KUBE_KUBEREQUEST_PRIV_H
#define KUBE_KUBEREQUEST_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "base/attr.h"
#include "base/err.h"
#include "kube/kubeclient.h"
#include "kubeanswer_priv.h"

struct curl_slist;
struct curlloop;
struct event;
struct kubeaccess;
struct kubeauth_now;
struct kubeserver;
struct kubewarnings;

struct kuberequest {
    TAILQ_ENTRY(kuberequest) links; /* the client's */
    struct kuberequest_config cfg;  /* its texts are our own */
    struct event *wake;             /* the client's */
    struct kubeanswer answer;
    struct curlloop *loop; /* one reference while it runs; NULL: it waits */
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char *key;         /* PEM, secret */
    uint64_t since_ms; /* of kubeclient_start() */
    uint64_t began_ms; /* when the credentials were read */
    uint64_t dialed_ms;
    bool is_connected;
};

/** What all requests of a moment have in common; borrowed. */
struct kuberequest_launch {
    struct curlloop *loop;
    const struct kubeserver *server;
    const struct kubeaccess *access;
    const struct kubeauth_now *auth;
    const char *agent;
};

/** NULL without memory.  `cfg` is copied, all else borrowed. */
MUST_CHECK struct kuberequest *kuberequest_new(const struct kuberequest_config *cfg,
                                               struct event *wake, struct kubewarnings *warnings);

/** Also takes it off its loop.  NULL is ignored. */
void kuberequest_free(struct kuberequest *r);

/** Send it.  Returns 0, or -errno with `e` filled. */
MUST_CHECK int kuberequest_begin(struct kuberequest *r, const struct kuberequest_launch *l,
                                 struct err *e);

/** When to look at its deadlines; UINT64_MAX: it has none now. */
uint64_t kuberequest_due_ms(const struct kuberequest *r);

/** Look at them: one that has passed becomes answer.fault, and wakes the client. */
void kuberequest_turn(struct kuberequest *r, uint64_t now_ms);

#endif
