/**
 * kubeanswer - what comes back on one request: head, body, how it ended.
 *
 * The body of a 2xx answer goes on to the request's owner; that of another is kept, up to a cap,
 * for its Status.  As libcurl's callbacks see it; nothing here sends.
 */
#ifndef KUBE_KUBEANSWER_PRIV_H
#define KUBE_KUBEANSWER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "kube/kubeclient.h"

struct kubewarnings;

struct kubeanswer {
    const struct kuberequest_config *cfg;
    struct kubewarnings *warnings;
    CURL *easy;
    size_t head_bytes;
    int code;          /* of the last complete head that is no 1xx; 0: there was none */
    bool is_muted;     /* the owner has cancelled: no callback any more */
    bool is_declined;  /* on_bytes did not want more */
    const char *fault; /* why we gave up, in words; NULL: we did not */
    uint64_t heard_ms; /* when something came last; 0: never */
    struct buf body;   /* of an answer that is no 2xx */
    char error[CURL_ERROR_SIZE];
};

/** All borrowed; allocates nothing. */
void kubeanswer_init(struct kubeanswer *a, const struct kuberequest_config *cfg,
                     struct kubewarnings *warnings);
void kubeanswer_fini(struct kubeanswer *a);

/** Let `easy` report to `a`, which must stay where it is. */
MUST_CHECK CURLcode kubeanswer_attach(struct kubeanswer *a, CURL *easy);

/** Whether a 2xx answer has begun. */
bool kubeanswer_is_good(const struct kubeanswer *a);

/** How it ended, as libcurl has it or `a->fault`.  `server` is for the words. */
void kubeanswer_judge(const struct kubeanswer *a, CURLcode code, const char *server,
                      struct kuberesult *out);

#endif
