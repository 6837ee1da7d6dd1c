#include "support/kubechaos.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

#define HISTORY 400u /* events kept of a resource, so that the server's memory has an end */

static const enum fakeapi_resource RESOURCES[] = {FAKEAPI_INGRESSES, FAKEAPI_INGRESSCLASSES,
                                                  FAKEAPI_SERVICES, FAKEAPI_ENDPOINTSLICES};
static const enum fakeapi_cut CUTS[] = {FAKEAPI_CLEAN, FAKEAPI_CLOSE, FAKEAPI_FIN, FAKEAPI_RST};

static unsigned below(struct kubechaos *k, unsigned n)
{
    return kubecluster_below(k->cluster, n);
}

static enum fakeapi_resource any_resource(struct kubechaos *k)
{
    return RESOURCES[below(k, ARRAY_LEN(RESOURCES))];
}

static enum fakeapi_resource any_or_all(struct kubechaos *k)
{
    return below(k, 3) == 0 ? FAKEAPI_ANY_RESOURCE : any_resource(k);
}

static enum fakeapi_cut any_cut(struct kubechaos *k)
{
    return CUTS[below(k, ARRAY_LEN(CUTS))];
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static void turn(struct kubechaos *k, unsigned ms)
{
    (void)kubescene_until(k->scene, never, NULL, ms);
}

/* So long that whoever waits, or is silent, is found out. */
static void wait_long(struct kubechaos *k, unsigned seconds)
{
    for (unsigned i = 0; i < 4; i++) {
        turn(k, 5);
        kubescene_leap(k->scene, seconds * UINT64_C(250));
    }
}

/* ---- streams -------------------------------------------------------------------------------- */

static void cut_watches(struct kubechaos *k)
{
    fakeapi_cut(k->scene->api, any_or_all(k), any_cut(k));
}

static void drop_everything(struct kubechaos *k)
{
    fakeapi_drop(k->scene->api, below(k, 2) == 0 ? FAKEAPI_FIN : FAKEAPI_RST);
}

static void stall_watches(struct kubechaos *k)
{
    fakeapi_cut(k->scene->api, any_resource(k), FAKEAPI_STALL);
    if (below(k, 4) == 0) {
        wait_long(k, 200);
    }
}

static void forget_history(struct kubechaos *k)
{
    if (below(k, 3) == 0) {
        kubecluster_change(k->cluster);
    }
    fakeapi_compact(k->scene->api);
    fakeapi_cut(k->scene->api, any_or_all(k), any_cut(k));
}

static void bookmark(struct kubechaos *k)
{
    fakeapi_bookmark(k->scene->api, any_resource(k));
}

/* ---- foreign events ------------------------------------------------------------------------- */

static void inject_event(struct kubechaos *k, const struct kubecluster_slot *s, const char *type)
{
    char *text = fakeapi_event(k->scene->api, type, s->resource, s->ns, s->name);

    fakeapi_inject_text(k->scene->api, s->resource, text);
    free(text);
}

/* The last event once more. */
static void repeat_event(struct kubechaos *k)
{
    if (k->cluster->last != NULL) {
        inject_event(k, k->cluster->last, below(k, 2) == 0 ? "MODIFIED" : "ADDED");
    }
}

/* An event that was due long ago. */
static void misplace_event(struct kubechaos *k)
{
    const struct kubecluster_slot *s = &k->cluster->slots[below(k, KUBECLUSTER_SLOTS)];

    if (s->version != 0) {
        inject_event(k, s, below(k, 2) == 0 ? "MODIFIED" : "ADDED");
    }
}

/* Nothing that could be taken for an object: what is wrong with one stands until the next list. */
static void inject_nonsense(struct kubechaos *k)
{
    static const char *const NONSENSE[] = {
        "{\"type\":\"RENAMED\",\"object\":{\"kind\":\"Ingress\"}}\n",
        "{\"type\":\"MODIFIED\",\"obj",
        "<html><body>502 Bad Gateway</body></html>\n",
        "\n\n  \n",
        "null\n",
        "{\"type\":\"ADDED\",\"object\":[]}\n",
    };
    enum fakeapi_resource res = any_resource(k);

    fakeapi_inject_text(k->scene->api, res, NONSENSE[below(k, ARRAY_LEN(NONSENSE))]);
    if (below(k, 2) == 0) {
        fakeapi_cut(k->scene->api, res, any_cut(k));
    }
}

static void inject_error(struct kubechaos *k)
{
    static const int CODES[] = {410, 410, 500, 429, 504, 403};
    char *text = fakeapi_error_event(CODES[below(k, ARRAY_LEN(CODES))], NULL, "so it is");

    fakeapi_inject_text(k->scene->api, any_resource(k), text);
    free(text);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void refuse(struct kubechaos *k, enum fakeapi_verb verb, int status)
{
    struct fakeapi_match m = {.verb = verb, .resource = any_or_all(k)};
    struct fakeapi_answer a = {.status = status};

    if (status == 429 && below(k, 2) == 0) {
        a.head = "Retry-After: 2\r\n";
        a.body = "Too many requests, please try again later.\n";
        a.content_type = "text/plain; charset=utf-8";
    }
    fakeapi_script(k->scene->api, &m, 1 + below(k, 3), &a);
}

static void refuse_lists(struct kubechaos *k)
{
    static const int STATUSES[] = {429, 500, 503, 504, 401, 403, -1};

    refuse(k, FAKEAPI_LIST, STATUSES[below(k, ARRAY_LEN(STATUSES))]);
    forget_history(k);
}

static void refuse_watches(struct kubechaos *k)
{
    static const int STATUSES[] = {429, 500, 503, 410, 401, 400};

    refuse(k, FAKEAPI_WATCH, STATUSES[below(k, ARRAY_LEN(STATUSES))]);
    cut_watches(k);
}

/* An answer that ends somewhere within, or comes in drops. */
static void spoil_answers(struct kubechaos *k)
{
    struct fakeapi_match m = {.verb = below(k, 2) == 0 ? FAKEAPI_LIST : FAKEAPI_WATCH,
                              .resource = any_or_all(k)};
    struct fakeapi_answer a = {.cut = any_cut(k), .cut_after = below(k, 1u << below(k, 17))};

    if (below(k, 4) == 0) {
        a.cut = FAKEAPI_UNCUT;
        a.delay_ms = below(k, 20);
    }
    fakeapi_script(k->scene->api, &m, 1 + below(k, 2), &a);
    forget_history(k);
}

void kubechaos_serve_photo(struct kubechaos *k, enum fakeapi_resource res)
{
    struct fakeapi_match m = {.verb = FAKEAPI_LIST, .resource = res, .page = 1};
    struct fakeapi_answer a = {.status = 200, .body = k->photos[res]};

    fakeapi_script(k->scene->api, &m, 1, &a);
}

static void serve_stale_list(struct kubechaos *k)
{
    enum fakeapi_resource res = any_resource(k);

    if (k->photos[res] == NULL || below(k, 3) == 0) {
        kubechaos_photograph(k);
        return;
    }
    kubechaos_serve_photo(k, res);
    fakeapi_compact(k->scene->api);
    fakeapi_cut(k->scene->api, res, any_cut(k));
}

/* ---- the server ----------------------------------------------------------------------------- */

static void restart(struct kubechaos *k)
{
    fakeapi_listen(k->scene->api, false);
    drop_everything(k);
    turn(k, 2);
    for (unsigned n = below(k, 4); n > 0; n--) {
        kubecluster_change(k->cluster);
        kubescene_leap(k->scene, below(k, 5000));
        turn(k, 2);
    }
    if (below(k, 3) == 0) {
        fakeapi_compact(k->scene->api);
    }
    fakeapi_listen(k->scene->api, true);
}

static void freeze(struct kubechaos *k)
{
    fakeapi_freeze(k->scene->api, true);
    kubecluster_change(k->cluster);
    wait_long(k, 20 + below(k, 400));
    fakeapi_freeze(k->scene->api, false);
}

static void behave(struct kubechaos *k)
{
    static const size_t PIECES[] = {0, 0, 7, 1000};
    struct fakeapi_behaviour b = {.history = below(k, 4) == 0 ? 20 : HISTORY,
                                  .piece_bytes = PIECES[below(k, ARRAY_LEN(PIECES))],
                                  .gzip_over = below(k, 2) == 0 ? 1000 : 0,
                                  .watch_ms = below(k, 3) == 0 ? 5 + below(k, 50) : 0,
                                  .bookmark_ms = below(k, 2) == 0 ? 10 : 0};

    fakeapi_behave(k->scene->api, &b);
}

static void behave_as_usual(struct kubechaos *k)
{
    const struct fakeapi_behaviour b = {.history = HISTORY};

    fakeapi_behave(k->scene->api, &b);
}

/* ---- our own side --------------------------------------------------------------------------- */

static void reload(struct kubechaos *k)
{
    k->scene->source.ops->reload(k->scene->source.self);
}

static void pass_time(struct kubechaos *k)
{
    kubescene_leap(k->scene, below(k, 1u << below(k, 18)));
    turn(k, 2);
}

/* All is listed anew by itself. */
static void pass_hours(struct kubechaos *k)
{
    wait_long(k, 7 * 3600);
}

/* ---- all ------------------------------------------------------------------------------------ */

static void (*const STRIKES[])(struct kubechaos *k) = {
    cut_watches,      cut_watches,    cut_watches,    drop_everything, drop_everything,
    stall_watches,    forget_history, forget_history, bookmark,        bookmark,
    repeat_event,     repeat_event,   misplace_event, inject_nonsense, inject_error,
    refuse_lists,     refuse_watches, spoil_answers,  spoil_answers,   serve_stale_list,
    serve_stale_list, restart,        restart,        freeze,          behave,
    behave_as_usual,  reload,         pass_time,      pass_time,       pass_time,
    pass_hours,
};

void kubechaos_init(struct kubechaos *k, struct kubescene *scene, struct kubecluster *cluster)
{
    *k = (struct kubechaos){.scene = scene, .cluster = cluster};
    behave_as_usual(k);
}

static void forget_photos(struct kubechaos *k)
{
    for (size_t i = 0; i < FAKEAPI_RESOURCES; i++) {
        free(k->photos[i]);
        k->photos[i] = NULL;
    }
}

void kubechaos_fini(struct kubechaos *k)
{
    forget_photos(k);
}

void kubechaos_strike(struct kubechaos *k)
{
    k->faults++;
    STRIKES[below(k, ARRAY_LEN(STRIKES))](k);
}

void kubechaos_calm(struct kubechaos *k)
{
    fakeapi_unscript(k->scene->api);
    behave_as_usual(k);
}

void kubechaos_photograph(struct kubechaos *k)
{
    forget_photos(k);
    for (size_t i = 0; i < ARRAY_LEN(RESOURCES); i++) {
        k->photos[RESOURCES[i]] = kubecluster_list(k->cluster, RESOURCES[i]);
    }
}
