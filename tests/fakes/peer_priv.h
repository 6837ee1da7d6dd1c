/**
 * peer_priv - a scripted peer from the inside: what its steps share.
 */
#ifndef FAKES_PEER_PRIV_H
#define FAKES_PEER_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "fakes/scripted_peer.h"

#define PEER_CHUNK_BYTES ((size_t)64 * 1024)

struct peer {
    pthread_t thread;
    struct peer_step *script;
    struct peer_options options;
    struct netaddr to; /* dialling: where to */
    int listener;      /* accepting: from where; -1 when dialling */
    int fd;
    uint64_t deadline_ms; /* of the step that runs */
    bool saw_fin;
    bool awaits_reset, saw_reset; /* an exchange that ends with one */
    struct peer_report report;
};

uint64_t peer_now_ms(void);

/** Note a failure, of which the first counts, and return false. */
bool peer_fail(struct peer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Wait for any of `events`; false, with the failure noted, at the step's deadline. */
bool peer_wait_for(struct peer *p, int fd, short events, short *got_out);

/** Whether an errno means "not now". */
bool peer_is_again(int err);

/** The steps that move streams.  False, with the failure noted, when they go otherwise. */
bool peer_exchange(struct peer *p, const struct peer_step *s);
bool peer_exchange_until_reset(struct peer *p, const struct peer_step *s);
bool peer_flood(struct peer *p, const struct peer_step *s);

#endif
