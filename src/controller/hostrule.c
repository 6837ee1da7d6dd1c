#include "controller/hostrule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/serviceport.h"
#include "model/verdict.h"

#define PORT_TEXT 32

void hostrule_fini(struct hostrules *h)
{
    free(h->items);
    *h = (struct hostrules){0};
}

static int reserve(struct hostrules *h, size_t n)
{
    struct hostrule *grown;

    if (n <= h->cap) {
        return 0;
    }
    grown = realloc(h->items, n * sizeof(*grown));
    if (!grown) {
        return -ENOMEM;
    }
    h->items = grown;
    h->cap = n;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct hostrule *x = a, *y = b;
    int order = strcmp(x->host, y->host);

    if (order != 0) {
        return order;
    }
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static bool take_host(struct hostrule *out, const struct ingress *ing,
                      const struct ingress_rule *rule, struct verdicts *v)
{
    size_t len;

    out->rule = rule;
    if (!*rule->host) {
        out->host[0] = '\0';
        return true;
    }
    if (hostname_normalise_pattern(rule->host, strlen(rule->host), out->host, &len) ==
        HOSTNAME_VALID) {
        return true;
    }
    verdicts_add(
        v, &ing->meta, rule->line, VERDICT_WARNING, "HostNotRoutable",
        "host \"%.253s\" cannot be a server name in TLS (RFC 6066), so no connection can ask "
        "for it; write a DNS name, or *. before one",
        rule->host);
    return false;
}

int hostrule_collect(struct hostrules *h, const struct ingress *ing, struct verdicts *v)
{
    int rc = reserve(h, ing->n_rules);

    if (rc != 0) {
        return rc;
    }
    h->n = 0;
    for (size_t i = 0; i < ing->n_rules; i++) {
        if (take_host(&h->items[h->n], ing, &ing->rules[i], v)) {
            h->n++;
        }
    }
    if (h->n > 1) {
        qsort(h->items, h->n, sizeof(*h->items), compare);
    }
    return 0;
}

size_t hostrule_group(const struct hostrules *h, size_t first)
{
    size_t end = first + 1;

    while (end < h->n && strcmp(h->items[end].host, h->items[first].host) == 0) {
        end++;
    }
    return end - first;
}

const char *hostrule_describe(const char *host, char text[HOSTNAME_MAX + 8])
{
    if (*host) {
        snprintf(text, HOSTNAME_MAX + 8, "host %s", host);
    } else {
        snprintf(text, HOSTNAME_MAX + 8, "the catch-all");
    }
    return text;
}

static bool is_root(const struct ingress_path *p)
{
    return p->path[0] == '\0' || strcmp(p->path, "/") == 0;
}

static bool same_backend(const struct servicepool *pools, const struct ingress *ing,
                         const struct ingress_backend *a, const struct ingress_backend *b)
{
    return a->type == BACKEND_SERVICE && b->type == BACKEND_SERVICE &&
           servicepool_same_backend(pools, ing->meta.ns, a, b);
}

/** What a look over all paths of a host found. */
struct survey {
    const struct ingress_path *root;    /* the first "/" or empty one */
    const struct ingress_path *first;   /* of all */
    const struct ingress_path *hidden;  /* the first that is not a root: nobody can see it */
    const struct ingress_path *rival;   /* the first further root with another backend */
    const struct ingress_path *differs; /* the first with another backend than `first` */
};

static void look_at(struct survey *s, const struct ingress_path *p, const struct ingress *ing,
                    const struct servicepool *pools)
{
    bool root = is_root(p);

    if (!s->first) {
        s->first = p;
    } else if (!s->differs && !same_backend(pools, ing, &s->first->backend, &p->backend)) {
        s->differs = p;
    }
    if (root && !s->root) {
        s->root = p;
    } else if (!root && !s->hidden) {
        s->hidden = p;
    } else if (root && !s->rival && !same_backend(pools, ing, &s->root->backend, &p->backend)) {
        s->rival = p;
    }
}

static struct survey survey_paths(const struct hostrule *rules, size_t n, const struct ingress *ing,
                                  const struct servicepool *pools)
{
    struct survey s = {0};

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < rules[i].rule->n_paths; k++) {
            look_at(&s, &rules[i].rule->paths[k], ing, pools);
        }
    }
    return s;
}

static void tell_ambiguous(const struct survey *s, const struct ingress *ing, const char *host,
                           struct verdicts *v)
{
    char what[HOSTNAME_MAX + 8], first[JSON_TEXT_MAX], differs[JSON_TEXT_MAX];

    verdicts_add(
        v, &ing->meta, s->differs->line, VERDICT_WARNING, "PathsAmbiguous",
        "%s is not served: its paths name different backends (%s and %s), none of them is "
        "\"/\", and paths cannot be seen in TLS passthrough; add a path \"/\" or give each "
        "backend a host of its own",
        hostrule_describe(host, what), json_quote(s->first->path, first),
        json_quote(s->differs->path, differs));
}

static void tell_ignored(const struct survey *s, const struct ingress *ing, const char *host,
                         const struct ingress_backend *b, struct verdicts *v)
{
    char what[HOSTNAME_MAX + 8], port[PORT_TEXT], hidden[JSON_TEXT_MAX];

    verdicts_add(v, &ing->meta, s->hidden->line, VERDICT_WARNING, "PathsIgnored",
                 "path %s has no effect: paths cannot be seen in TLS passthrough, so every path of "
                 "%s is reachable, at Service %s port %s",
                 json_quote(s->hidden->path, hidden), hostrule_describe(host, what), b->service,
                 serviceport_as_written(b, port, sizeof(port)));
}

static void tell_rival(const struct survey *s, const struct ingress *ing, const char *host,
                       struct verdicts *v)
{
    const struct ingress_backend *b = &s->root->backend;
    char what[HOSTNAME_MAX + 8], port[PORT_TEXT], where[32] = "";

    if (s->root->line > 0) {
        snprintf(where, sizeof(where), ", on line %u,", s->root->line);
    }
    verdicts_add(v, &ing->meta, s->rival->line, VERDICT_WARNING, "PathsIgnored",
                 "the second path \"/\" of %s gets nothing: the first one%s serves it, at "
                 "Service %s port %s; remove one of the two",
                 hostrule_describe(host, what), where, b->service,
                 serviceport_as_written(b, port, sizeof(port)));
}

/** Whether decoding has said already why there is no backend. */
static bool was_refused(const struct hostrule *rules, size_t n, const struct ingress *ing)
{
    bool refused = ing->default_refused;

    for (size_t i = 0; i < n; i++) {
        refused = refused || rules[i].rule->paths_refused;
    }
    return refused;
}

bool hostrule_is_servable(const struct ingress *ing, const struct ingress_backend *b,
                          const char *host, struct verdicts *v)
{
    char what[HOSTNAME_MAX + 8];

    switch (b->type) {
    case BACKEND_SERVICE:
        return true;
    case BACKEND_RESOURCE:
        verdicts_add(v, &ing->meta, b->line, VERDICT_WARNING, "ResourceBackendUnsupported",
                     "%s is not served: its backend is a resource, and only a Service can be "
                     "connected to",
                     hostrule_describe(host, what));
        return false;
    case BACKEND_NONE:
        break;
    }
    return false;
}

/** Whether the paths name several backends and none of them stands out. */
static bool is_ambiguous(const struct survey *s)
{
    /* Resources differ in what nobody serves anyway: the verdict on the first says it better. */
    return !s->root && s->differs &&
           (s->first->backend.type == BACKEND_SERVICE ||
            s->differs->backend.type == BACKEND_SERVICE);
}

static const struct ingress_backend *choose(const struct survey *s, const struct ingress *ing)
{
    const struct ingress_path *p = s->root ? s->root : s->first;

    return p ? &p->backend : &ing->default_backend;
}

const struct ingress_backend *hostrule_backend(const struct hostrule *rules, size_t n,
                                               const struct ingress *ing,
                                               const struct servicepool *pools)
{
    struct verdicts *v = pools->fill.verdicts;
    struct survey s = survey_paths(rules, n, ing, pools);
    const struct ingress_backend *b = choose(&s, ing);
    char what[HOSTNAME_MAX + 8];

    if (is_ambiguous(&s)) {
        tell_ambiguous(&s, ing, rules->host, v);
        return NULL;
    }
    if (b->type == BACKEND_NONE && was_refused(rules, n, ing)) {
        return NULL;
    }
    if (b->type == BACKEND_NONE) {
        verdicts_add(v, &ing->meta, rules->rule->line, VERDICT_WARNING, "NoBackend",
                     "%s is not served: there is neither a path with a backend nor a "
                     "defaultBackend; name a Service in one of them",
                     hostrule_describe(rules->host, what));
        return NULL;
    }
    if (!hostrule_is_servable(ing, b, rules->host, v)) {
        return NULL;
    }
    if (s.rival) {
        tell_rival(&s, ing, rules->host, v);
    }
    if (s.hidden) {
        tell_ignored(&s, ing, rules->host, b, v);
    }
    return b;
}
