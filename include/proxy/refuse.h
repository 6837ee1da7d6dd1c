/**
 * refuse - answer a client that is not routed, so that it can read the answer: see linger.h.
 */
#ifndef PROXY_REFUSE_H
#define PROXY_REFUSE_H

#include "proxy/proxy.h"
#include "proxy/stats.h"
#include "tls/alert.h"

struct conn;
struct hello;

/** Answer as `how` says and end with `why`.  `alert` is for PROXY_ANSWER_ALERT, `h` for
 * PROXY_ANSWER_HTTP400. */
struct refusal {
    enum proxy_answer how;
    enum alert_code alert;
    enum end_reason why;
};

void refuse_start(struct conn *c, const struct hello *h, struct refusal r);

#endif
