#include "kube/leader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "kube/kubeclient.h"
#include "kube/lease.h"
#include "leaderlog_priv.h"
#include "leaserecord_priv.h"

#define PATH_FORMAT    "/apis/coordination.k8s.io/v1/namespaces/%s/leases/%s"
#define ANSWER_BYTES   ((size_t)2 * 1024 * 1024) /* an object has at most 1.5 MiB */
#define PATCH_BYTES    ((size_t)8 * 1024)
#define MAX_STEPS      8   /* of one turn; a step that starts something is followed by waiting */
#define NAME_LEN       253 /* RFC 1123, as the API has it */
#define HTTP_NOT_FOUND 404

struct leader {
    void (*on_change)(void *ctx, bool leads);
    void *ctx;
    char *ns, *name, *identity, *path;
    struct kubeclient *client;
    struct kuberequest *request;
    enum leaderlog_verb verb; /* of the request */
    struct buf answer;
    struct lease lease;
    struct leaderlog log;
    int last_code; /* of the last refusal; 0: none since it worked, or no answer */
    bool leads;    /* as last told */
    bool is_given_back;
};

/* ---- telling --------------------------------------------------------------------------------- */

static enum leaderlog_why why_lost(const struct leader *l)
{
    if (l->is_given_back) {
        return LEADERLOG_RELEASED;
    }
    if (l->last_code == HTTP_NOT_FOUND) {
        return LEADERLOG_MISSING;
    }
    return strcmp(lease_holder(&l->lease), l->identity) == 0 ? LEADERLOG_LATE : LEADERLOG_TAKEN;
}

static void tell(struct leader *l, uint64_t now_ms)
{
    bool leads = lease_is_leading(&l->lease, now_ms);

    if (leads == l->leads) {
        return;
    }
    l->leads = leads;
    if (leads) {
        leaderlog_leads(&l->log, l->identity);
    } else {
        leaderlog_lost(&l->log, why_lost(l), lease_holder(&l->lease));
    }
    l->on_change(l->ctx, leads);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void refused(struct leader *l, const struct kubestatus *why, uint64_t now_ms)
{
    l->last_code = why->code;
    lease_refused(&l->lease, why, now_ms, arc4random());
    leaderlog_refused(&l->log, l->verb, why, now_ms);
}

static void failed(struct leader *l, const char *why, uint64_t now_ms)
{
    struct kubestatus status;

    kubestatus_unreachable(&status, why);
    refused(l, &status, now_ms);
}

static void answered(struct leader *l, uint64_t now_ms)
{
    struct lease_record record;
    int rc = leaserecord_read(&record, l->answer.data, l->answer.len);

    if (rc) {
        failed(l, rc == -ENOMEM ? "out of memory" : "the answer is no Lease", now_ms);
        return;
    }
    l->last_code = 0;
    lease_answered(&l->lease, &record, now_ms, arc4random());
    leaderlog_works(&l->log);
}

static void act(struct leader *l, uint64_t now_ms);

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct leader *l = ctx;
    uint64_t now_ms = clock_now_ms();

    l->request = NULL;
    if (r->how == KUBERESULT_OK) {
        answered(l, now_ms);
    } else if (r->status.code == 0 && r->status.message[0] == '\0') { /* by on_bytes() */
        failed(l, "the answer is too large, or there is no memory for it", now_ms);
    } else {
        refused(l, &r->status, now_ms);
    }
    buf_fini(&l->answer);
    act(l, now_ms);
}

/* No object is so large: what cannot be kept ends the request. */
static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct leader *l = ctx;

    return buf_append(&l->answer, bytes, len);
}

static int start(struct leader *l, const struct lease_step *step)
{
    struct kuberequest_config cfg = {.method = "GET",
                                     .path = l->path,
                                     .deadline_ms = LEADER_REQUEST_MS,
                                     .on_bytes = on_bytes,
                                     .on_done = on_done,
                                     .ctx = l};
    struct buf patch;
    int rc = 0;

    buf_init(&patch, PATCH_BYTES);
    if (step->what == LEASE_WRITE) {
        rc = leaserecord_print(&step->write, &patch);
        cfg.method = "PATCH";
        cfg.content_type = "application/merge-patch+json";
        cfg.body = (const char *)patch.data;
        cfg.body_len = patch.len;
    }
    l->verb = step->what == LEASE_WRITE ? LEADERLOG_PATCH : LEADERLOG_GET;
    l->request = rc == 0 ? kubeclient_start(l->client, &cfg) : NULL;
    buf_fini(&patch);
    return l->request ? 0 : -ENOMEM;
}

static int64_t wall_us(void)
{
    struct timespec now = clock_wall();

    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void act(struct leader *l, uint64_t now_ms)
{
    struct lease_step step;

    for (int i = 0; i < MAX_STEPS; i++) {
        lease_next(&l->lease, now_ms, wall_us(), &step);
        if (step.what == LEASE_WAIT) {
            break;
        }
        if (start(l, &step)) {
            failed(l, "out of memory", now_ms);
        }
    }
    tell(l, now_ms);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* It becomes part of a path. */
static bool is_name(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.");

    return len > 0 && len <= NAME_LEN && text[len] == '\0' && text[0] != '.';
}

static int check(const struct leader_config *cfg, struct err *e)
{
    size_t identity_len = strlen(cfg->identity);

    if (!is_name(cfg->ns) || !is_name(cfg->name)) {
        err_set(e,
                "\"%.253s/%.253s\" names no Lease: a namespace and a name of lower case letters,"
                " digits, '-' and '.' do",
                cfg->ns, cfg->name);
        return -EINVAL;
    }
    if (identity_len == 0 || identity_len > LEASE_IDENTITY_MAX - 2) {
        err_set(e, "the identity of a Lease's holder has 1 to %d characters",
                LEASE_IDENTITY_MAX - 2);
        return -EINVAL;
    }
    return 0;
}

static int set_up(struct leader *l, const struct leader_config *cfg)
{
    size_t room;

    l->on_change = cfg->on_change;
    l->ctx = cfg->ctx;
    l->ns = strdup(cfg->ns);
    l->name = strdup(cfg->name);
    l->identity = strdup(cfg->identity);
    if (!l->ns || !l->name || !l->identity) {
        return -ENOMEM;
    }
    room = sizeof(PATH_FORMAT) + strlen(l->ns) + strlen(l->name);
    l->path = malloc(room);
    if (!l->path) {
        return -ENOMEM;
    }
    (void)snprintf(l->path, room, PATH_FORMAT, l->ns, l->name);
    buf_init(&l->answer, ANSWER_BYTES);
    lease_init(&l->lease, l->identity);
    leaderlog_init(&l->log, l->ns, l->name);
    return 0;
}

struct leader *leader_new(const struct leader_config *cfg, struct err *e)
{
    struct kubeclient_config client = {.base = cfg->base,
                                       .access = cfg->access,
                                       .agent = cfg->agent,
                                       .on_moved = cfg->on_moved,
                                       .ctx = cfg->ctx};
    struct leader *l;

    if (check(cfg, e)) {
        return NULL;
    }
    l = calloc(1, sizeof(*l));
    if (!l || set_up(l, cfg)) {
        err_set(e, "out of memory");
        leader_free(l);
        return NULL;
    }
    l->client = kubeclient_new(&client, e);
    if (!l->client) {
        leader_free(l);
        return NULL;
    }
    return l;
}

void leader_free(struct leader *l)
{
    if (!l) {
        return;
    }
    kubeclient_free(l->client);
    buf_fini(&l->answer);
    free(l->path);
    free(l->identity);
    free(l->name);
    free(l->ns);
    free(l);
}

void leader_turn(struct leader *l, uint64_t now_ms)
{
    kubeclient_turn(l->client, now_ms);
    act(l, now_ms);
}

uint64_t leader_due_ms(const struct leader *l)
{
    uint64_t lease_ms = lease_due_ms(&l->lease), client_ms = kubeclient_due_ms(l->client);

    return lease_ms < client_ms ? lease_ms : client_ms;
}

bool leader_leads(const struct leader *l)
{
    return lease_is_leading(&l->lease, clock_now_ms());
}

void leader_release(struct leader *l)
{
    l->is_given_back = true;
    lease_release(&l->lease);
}

bool leader_is_released(const struct leader *l)
{
    return lease_is_released(&l->lease);
}

void leader_reload(struct leader *l)
{
    kubeclient_reload(l->client);
}
