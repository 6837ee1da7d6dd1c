/**
 * refuse - the state LINGERING: answer a client that is not routed, so that it can read the answer.
 *
 * Closing a socket with unread input makes the kernel send a reset, which can overtake our answer.
 * So: answer, FIN, then read away what still comes, bounded in bytes and time.
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

/** More input to read away. */
void refuse_on_readable(struct conn *c);

/** Lingered long enough. */
void refuse_on_deadline(struct conn *c);

#endif
