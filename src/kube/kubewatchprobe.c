/* The request beside a silent watch that tells whether it is dead. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kube/kubeclient.h"
#include "kubewatch_priv.h"

/* With an answer: it may tell that the server has gone back behind what the watch waits for. */
static void end_probe(struct kubewatch *w, bool answered)
{
    uint64_t now_ms = clock_now_ms();

    w->probe = NULL;
    w->is_stirred = true;
    if (answered) {
        reflector_probe_version(&w->reflector, kubepage_version(&w->probe_page));
    }
    reflector_probed(&w->reflector, answered, now_ms);
    kubepage_fini(&w->probe_page);
    if (!answered) {
        kubewatch_count_error(w, 0);
        kubewatchlog_dead(&w->log, now_ms);
    }
}

/* The answer may be the whole list, of which no more is wanted than what stands before it. */
static int on_probe_bytes(void *ctx, const void *bytes, size_t len)
{
    struct kubewatch *w = ctx;
    int rc;

    kubewatch_enter(w);
    rc = kubepage_feed(&w->probe_page, bytes, len);
    if (rc == 0 && *kubepage_version(&w->probe_page)) {
        rc = -ECANCELED; /* that is all */
    }
    if (rc) {
        kuberequest_cancel(w->probe);
        end_probe(w, true);
    }
    kubewatch_leave(w);
    return rc;
}

static void on_probe_done(void *ctx, const struct kuberesult *r)
{
    struct kubewatch *w = ctx;

    kubewatch_enter(w);
    end_probe(w, r->how != KUBERESULT_FAILED || r->began);
    kubewatch_leave(w);
}

void kubewatchprobe_start(struct kubewatch *w, const char *query)
{
    struct kuberequest_config cfg = {
        .deadline_ms = KUBECLIENT_PROBE_MS, .on_bytes = on_probe_bytes, .on_done = on_probe_done};

    kubepage_init(&w->probe_page, NULL, NULL, NULL);
    if (kubewatch_ask(w, query, &cfg, &w->probe)) {
        /* Nothing is known of the server: as if it had answered, and asked again later. */
        reflector_probed(&w->reflector, true, clock_now_ms());
    }
}
