/**
 * leader - keeps a Lease, on a connection of its own, and says whether we lead.
 *
 * The Lease is an object of the installation (no right to create one is needed): where it is
 * missing that is told, once a minute, and nobody leads.  What is asked of the server is get and
 * patch on this one Lease.  Thread: that of the event base.
 */
#ifndef KUBE_LEADER_H
#define KUBE_LEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct event_base;
struct kubeaccess;
struct leader;

#define LEADER_REQUEST_MS 5000u /* a GET or PATCH of the Lease */

struct leader_config {
    struct event_base *base;
    const struct kubeaccess *access; /* borrowed, as is agent */
    const char *agent;
    const char *ns, *name; /* of the Lease; copied, as is identity */
    const char *identity;
    /* From the loop or leader_turn(); may look at the leader and turn it, but not free it. */
    void (*on_change)(void *ctx, bool leads);
    /* From the loop: leader_due_ms() may be earlier than it was.  May be NULL. */
    void (*on_moved)(void *ctx);
    void *ctx;
};

/** NULL with `e` filled.  Nothing is sent before the first leader_turn(). */
MUST_CHECK struct leader *leader_new(const struct leader_config *cfg, struct err *e);

/** Without a word to anybody, nor to the server.  NULL is ignored. */
void leader_free(struct leader *l);

/** Do what is due by clock_now_ms(); and when to do so next. */
void leader_turn(struct leader *l, uint64_t now_ms);
uint64_t leader_due_ms(const struct leader *l);

/** Whether we lead; looks at the clock, so false as soon as the Lease may have passed on. */
bool leader_leads(const struct leader *l);

/** Stop leading and give the Lease back, with the next leader_turn(); leader_is_released() says
 * when that is done or will not be. */
void leader_release(struct leader *l);
bool leader_is_released(const struct leader *l);

/** SIGHUP. */
void leader_reload(struct leader *l);

#endif
