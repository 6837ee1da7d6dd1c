/**
 * kubewriter - everything that is written to the API server: the Lease, status, Events.
 *
 * Only the holder of the Lease writes the other two.  Has connections of its own.  Thread: the
 * controller's, but for the figures.
 */
#ifndef CONTROLLER_KUBEWRITER_H
#define CONTROLLER_KUBEWRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct event_base;
struct eventlog_stats;
struct kubeaccess;
struct kubewriter;
struct statuswriter_stats;
struct store;
struct table;
struct verdicts;

/** All texts and the access borrowed. */
struct kubewriter_config {
    const struct kubeaccess *access;
    const char *agent;
    const char *identity;         /* of the Lease's holder: pod name, "_", random */
    const char *instance;         /* the pod's name */
    const char *lease_ns, *lease; /* --election-lease */
    const char *controller_class;
    const char *publish_service; /* NULL: none */
    const char *const *publish_addresses;
    size_t n_publish_addresses;
};

/** Thread: any. */
struct kubewriter_stats {
    atomic_bool leads;
    const struct statuswriter_stats *status;
    const struct eventlog_stats *events;
};

/** NULL with `e` filled. Nothing is sent before the loop runs. */
MUST_CHECK struct kubewriter *kubewriter_new(const struct kubewriter_config *cfg,
                                             struct event_base *base, struct err *e);
void kubewriter_free(struct kubewriter *w);

/** What is true after a round; all borrowed. */
struct kubewriter_view {
    const struct store *store;
    const struct table *table; /* that serves; NULL: none yet */
    const struct verdicts *decoded, *translated;
    bool served_same; /* since the last round only endpoints have changed, if anything */
};

void kubewriter_look(struct kubewriter *w, const struct kubewriter_view *view);

/** Stop writing and give the Lease back; and whether that is done, or will not be. */
void kubewriter_release(struct kubewriter *w);
bool kubewriter_is_released(const struct kubewriter *w);

/** SIGHUP. */
void kubewriter_reload(struct kubewriter *w);

const struct kubewriter_stats *kubewriter_stats(const struct kubewriter *w);

#endif
