#include "authplugin_priv.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/timetext.h"
#include "kubeexec_priv.h"

#define RENEW_MAX_S 60 /* so long before it expires, but never over a quarter of its life */

void authplugin_init(struct authplugin *p, const struct kubeaccess_exec *exec,
                     struct event_base *base)
{
    *p = (struct authplugin){.exec = exec, .base = base};
}

void authplugin_fini(struct authplugin *p)
{
    kubeexec_cancel(p->running);
    execcredential_fini(&p->now);
    execcredential_fini(&p->next);
    *p = (struct authplugin){0};
}

static int64_t wall(void)
{
    return (int64_t)clock_wall().tv_sec;
}

/** When to ask for another one in the place of one that comes now. */
static int64_t renew_time(int64_t expires, int64_t now)
{
    int64_t ahead = (expires - now) / 4;

    if (expires == EXECCREDENTIAL_FOREVER) {
        return expires;
    }
    return expires - (ahead < RENEW_MAX_S ? ahead : RENEW_MAX_S);
}

/** It answered: with something that can be used? */
static void take(struct authplugin *p, const struct kubeexec_end *end)
{
    char program[JSON_TEXT_MAX], when[TIMETEXT_MAX];

    err_clear(&p->failure);
    execcredential_fini(&p->next);
    if (end->e != NULL) {
        p->failure = *end->e;
        return;
    }
    json_quote(p->exec->command, program);
    if (execcredential_parse(&p->next, end->text, end->len, p->exec->api_version, &p->failure) !=
        0) {
        err_prefix(&p->failure, "credential plugin %s", program);
    } else if (p->next.expires <= wall()) {
        err_set(&p->failure,
                "credential plugin %s: its credential expired at %s; log in anew with its own "
                "tool, and see that the clock is right",
                program, timetext_utc((time_t)p->next.expires, when));
        execcredential_fini(&p->next);
    } else {
        p->next_renew_at = renew_time(p->next.expires, wall());
    }
}

static void on_end(void *ctx, const struct kubeexec_end *end)
{
    struct authplugin *p = ctx;

    p->running = NULL;
    take(p, end);
    p->has_ended = true;
    if (p->on_change != NULL) {
        p->on_change(p->ctx);
    }
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/** Put what a good run gave in the place of what there was. */
static void adopt(struct authplugin *p, uint64_t now_ms)
{
    if (!same(p->now.cert, p->next.cert) || !same(p->now.key, p->next.key)) {
        p->tls_generation++;
    }
    execcredential_fini(&p->now);
    p->now = p->next;
    p->next = (struct execcredential){0};
    p->has = true;
    p->is_due = p->is_refused = false;
    p->since_ms = now_ms;
    p->renew_at = p->next_renew_at;
}

static void see_end(struct authplugin *p, uint64_t now_ms)
{
    if (!p->has_ended) {
        return;
    }
    p->has_ended = false;
    p->is_proven = p->failure.text[0] == '\0';
    if (p->is_proven) {
        adopt(p, now_ms);
    }
}

static void start(struct authplugin *p, uint64_t now_ms)
{
    const struct kubeexec_config cfg = {.exec = p->exec,
                                        .base = p->base,
                                        .timeout_ms = KUBEAUTH_EXEC_MS,
                                        .max_bytes = KUBEAUTH_EXEC_BYTES,
                                        .on_end = on_end,
                                        .ctx = p};

    if (p->is_proven && !p->is_refused) {
        p->backoff = (struct backoff){0};
    }
    p->is_proven = false;
    p->not_before_ms = now_ms + backoff_next_ms(&p->backoff, &backoff_reflector, now_ms, 0);
    p->running = kubeexec_start(&cfg, &p->failure);
}

enum kubeauth_state authplugin_get(struct authplugin *p, uint64_t now_ms, struct err *e)
{
    int64_t now = wall();
    bool is_good, wants;

    see_end(p, now_ms);
    is_good = p->has && !p->is_refused && now < p->now.expires;
    wants = !is_good || p->is_due || now >= p->renew_at;
    if (wants && p->running == NULL &&
        (now_ms >= p->not_before_ms || (p->is_proven && !p->is_refused))) {
        start(p, now_ms);
    }
    if (is_good) {
        return KUBEAUTH_READY;
    }
    if (p->running != NULL) {
        return KUBEAUTH_PENDING;
    }
    if (p->failure.text[0] != '\0') {
        *e = p->failure;
    } else {
        err_set(e,
                "the server refused the credential that the plugin gave; it is asked again soon");
    }
    return KUBEAUTH_FAILED;
}

void authplugin_refused(struct authplugin *p, uint64_t began_ms)
{
    if (p->has && began_ms >= p->since_ms) {
        p->is_refused = true;
    }
}

void authplugin_reload(struct authplugin *p)
{
    p->is_due = true;
    p->not_before_ms = 0;
}
