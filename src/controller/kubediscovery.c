#include "kubediscovery_priv.h"

#include <event2/util.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "kube/kubeclient.h"
#include "kube/kubejson.h"

#define PATH           "/apis/discovery.k8s.io/v1"
#define BODY_BYTES     ((size_t)256 * 1024) /* a real one has less than 1 KiB */
#define RETRY_AFTER_S  60u /* a server that wants more is asked again nevertheless */
#define HTTP_FORBIDDEN 403
#define HTTP_NOT_FOUND 404

void kubediscovery_init(struct kubediscovery *d, struct kubeclient *client,
                        void (*on_answer)(void *ctx), void *ctx)
{
    *d = (struct kubediscovery){.client = client, .on_answer = on_answer, .ctx = ctx};
    buf_init(&d->body, BODY_BYTES);
}

void kubediscovery_fini(struct kubediscovery *d)
{
    if (d->request) {
        kuberequest_cancel(d->request);
    }
    buf_fini(&d->body);
    *d = (struct kubediscovery){0};
}

static void wait(struct kubediscovery *d, uint64_t least_ms)
{
    uint64_t now_ms = clock_now_ms(), delay_ms;
    uint32_t random;

    evutil_secure_rng_get_bytes(&random, sizeof(random));
    delay_ms = backoff_next_ms(&d->backoff, &backoff_reflector, now_ms, random);
    d->wait_until_ms = now_ms + (delay_ms > least_ms ? delay_ms : least_ms);
}

static void note_trouble(struct kubediscovery *d, const struct kubestatus *s)
{
    const char *message = s->message[0] != '\0' ? s->message : "the answer cannot be taken";
    char code[16] = "";

    if (s->code != 0) {
        (void)snprintf(code, sizeof(code), "%d ", s->code);
    }
    (void)snprintf(d->trouble, sizeof(d->trouble), "GET " PATH ": %s%s: %.150s", code, s->reason,
                   message);
}

/** What an APIResourceList says; OPEN when it is none. */
static enum kubediscovery_answer read_resources(const cJSON *tree)
{
    const cJSON *resources = cJSON_GetObjectItemCaseSensitive(tree, "resources"), *one;

    if (!cJSON_IsArray(resources)) {
        return KUBEDISCOVERY_OPEN;
    }
    cJSON_ArrayForEach(one, resources)
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(one, "name");

        if (cJSON_IsString(name) && strcmp(name->valuestring, "endpointslices") == 0) {
            return KUBEDISCOVERY_SLICES;
        }
    }
    return KUBEDISCOVERY_LEGACY;
}

static enum kubediscovery_answer read_body(struct kubediscovery *d)
{
    enum kubediscovery_answer answer = KUBEDISCOVERY_OPEN;
    cJSON *tree;

    if (kubejson_parse((const char *)d->body.data, d->body.len, &tree) == 0) {
        answer = read_resources(tree);
        cJSON_Delete(tree);
    }
    if (answer == KUBEDISCOVERY_OPEN) {
        (void)snprintf(d->trouble, sizeof(d->trouble),
                       "GET " PATH ": the answer is no list of resources");
    }
    return answer;
}

static enum kubediscovery_answer judge(struct kubediscovery *d, const struct kuberesult *r)
{
    if (r->how == KUBERESULT_OK) {
        d->trouble[0] = '\0'; /* of an attempt before this one */
        return read_body(d);
    }
    note_trouble(d, &r->status);
    switch (r->status.code) {
    case HTTP_NOT_FOUND:
        return ++d->denials < KUBEDISCOVERY_DENIALS ? KUBEDISCOVERY_OPEN : KUBEDISCOVERY_LEGACY;
    case HTTP_FORBIDDEN: /* whoever may not ask may read slices all the same */
        return KUBEDISCOVERY_SLICES;
    default:
        return KUBEDISCOVERY_OPEN;
    }
}

static uint64_t asked_to_wait_ms(const struct kubestatus *s)
{
    uint32_t seconds = s->has_retry_after ? s->retry_after_s : 0;

    return 1000u * (uint64_t)(seconds < RETRY_AFTER_S ? seconds : RETRY_AFTER_S);
}

static void on_done(void *ctx, const struct kuberesult *r)
{
    struct kubediscovery *d = ctx;

    d->request = NULL;
    d->unanswered = r->how == KUBERESULT_FAILED;
    d->answer = judge(d, r);
    buf_fini(&d->body);
    if (d->answer == KUBEDISCOVERY_OPEN) {
        wait(d, r->how == KUBERESULT_OK ? 0 : asked_to_wait_ms(&r->status));
    } else {
        d->on_answer(d->ctx);
    }
}

static int on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct kubediscovery *d = ctx;

    return buf_append(&d->body, bytes, len);
}

void kubediscovery_turn(struct kubediscovery *d, uint64_t now_ms)
{
    const struct kuberequest_config request = {
        .method = "GET",
        .path = PATH,
        .deadline_ms = KUBECLIENT_PROBE_MS,
        .on_bytes = on_bytes,
        .on_done = on_done,
        .ctx = d,
    };

    if (now_ms < kubediscovery_due_ms(d)) {
        return;
    }
    d->request = kubeclient_start(d->client, &request);
    if (!d->request) {
        (void)snprintf(d->trouble, sizeof(d->trouble), "GET " PATH ": out of memory");
        wait(d, 0);
    }
}

void kubediscovery_hurry(struct kubediscovery *d)
{
    if (d->unanswered) {
        d->wait_until_ms = 0;
    }
}

uint64_t kubediscovery_due_ms(const struct kubediscovery *d)
{
    return d->answer == KUBEDISCOVERY_OPEN && !d->request ? d->wait_until_ms : UINT64_MAX;
}
