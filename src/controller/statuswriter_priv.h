/**
 * statuswriter_priv - what the writer and the sending of its requests share.
 */
#ifndef CONTROLLER_STATUSWRITER_PRIV_H
#define CONTROLLER_STATUSWRITER_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/siphash.h"
#include "controller/statuswriter.h"
#include "kube/backoff.h"
#include "statuspublish_priv.h"
#include "statusqueue_priv.h"

struct statuswriter {
    struct kubeclient *client;
    const char *controller_class;
    struct siphash_key secret;
    uint64_t randoms; /* drawn so far */
    struct statuspublish publish;
    struct statusqueue queue;
    uint64_t looks;
    bool owes_look;
    bool may_write;
    struct backoff backoff;
    uint64_t pause_until_ms;                     /* after trouble: nothing is started before */
    uint64_t pace_ms;                            /* what was started is paid for until then */
    uint64_t told_forbidden_ms, told_trouble_ms; /* 0: never */
    struct statuswriter_stats stats;
};

#endif
