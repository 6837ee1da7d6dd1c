#include "admin/health.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define KINDS       2
#define UNAVAILABLE 503

struct probe {
    const char *name;
    health_probe_fn ask;
    void *ctx;
};

struct health {
    struct probe probes[KINDS][LIMIT_HEALTH_PROBES];
    size_t counts[KINDS];
};

struct health *health_new(void)
{
    return calloc(1, sizeof(struct health));
}

void health_free(struct health *h)
{
    free(h);
}

int health_add(struct health *h, enum health_kind kind, const char *name, health_probe_fn probe,
               void *ctx)
{
    if (h->counts[kind] == LIMIT_HEALTH_PROBES) {
        return -ENOSPC;
    }
    h->probes[kind][h->counts[kind]++] = (struct probe){name, probe, ctx};
    return 0;
}

/* Ask one; a reason is there if it fails, and is one line. */
static bool ask(const struct probe *p, struct err *why)
{
    err_clear(why);
    if (p->ask(p->ctx, why)) {
        return true;
    }
    if (why->text[0] == '\0') {
        err_set(why, "failed");
    }
    for (char *c = why->text; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            *c = ' ';
        }
    }
    return false;
}

bool health_is_ok(const struct health *h, enum health_kind kind, struct err *why)
{
    struct err reason;

    for (size_t i = 0; i < h->counts[kind]; i++) {
        if (!ask(&h->probes[kind][i], &reason)) {
            err_set(why, "%s: %s", h->probes[kind][i].name, reason.text);
            return false;
        }
    }
    return true;
}

static int serve(const struct health *h, enum health_kind kind, const char *page,
                 struct adminserver_reply *reply)
{
    bool ok = true;
    struct err why;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < h->counts[kind]; i++) {
        const struct probe *p = &h->probes[kind][i];

        if (ask(p, &why)) {
            rc = buf_printf(&reply->body, "[+]%s ok\n", p->name);
        } else {
            ok = false;
            rc = buf_printf(&reply->body, "[-]%s: %s\n", p->name, why.text);
        }
    }
    if (rc == 0) {
        rc = ok ? buf_printf(&reply->body, "ok\n")
                : buf_printf(&reply->body, "%s check failed\n", page);
    }
    reply->status = ok ? reply->status : UNAVAILABLE;
    return rc;
}

int health_serve_live(void *h, const struct adminserver_request *rq,
                      struct adminserver_reply *reply)
{
    (void)rq;
    return serve(h, HEALTH_LIVE, "healthz", reply);
}

int health_serve_ready(void *h, const struct adminserver_request *rq,
                       struct adminserver_reply *reply)
{
    (void)rq;
    return serve(h, HEALTH_READY, "readyz", reply);
}
