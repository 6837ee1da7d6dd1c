#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/sources.h"
#include "cmd.h"
#include "model/store.h"
#include "problems.h"
#include "route/hostname.h"
#include "route/registry.h"
#include "route/table.h"
#include "snapshot.h"
#include "tls/alert.h"

/* One question and what is known about it. */
struct question {
    const struct snapshot *s;
    struct problems *problems;
    enum hostname_kind kind;
    char name[HOSTNAME_MAX + 1]; /* as looked up; "" when the connection has none */
    size_t name_len;
    const struct route *route; /* the answer; NULL when not routed */
};

static const struct route *find_route(const struct table *t, const char *host)
{
    size_t n;
    const struct route *routes = table_routes(t, &n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp(routes[i].host, host) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

static const char *words_of_loss(enum claim_loss why)
{
    switch (why) {
    case CLAIM_OTHER_NAMESPACE:
        return "the namespace of an older claim owns the host";
    case CLAIM_OLDER_IN_NAMESPACE:
        return "an older claim of the same namespace serves the host";
    case CLAIM_NOT_MARKED:
        return "a claim that is marked as passthrough comes first";
    case CLAIM_SAME_BACKEND:
        return "no conflict, it names the same backend";
    }
    return "unknown";
}

static void print_losers(const struct route *r)
{
    for (uint32_t i = 0; i < r->n_lost; i++) {
        const struct claim_lost *c = &r->lost[i];

        printf("    lost: %s/%s to service %s:%s: %s\n", c->ns, c->ingress, c->service, c->port,
               words_of_loss(c->why));
    }
}

static bool is_in_route(const struct route *r, const struct objmeta *ingress)
{
    if (r == NULL) {
        return false;
    }
    if (strcmp(r->state->ns, ingress->ns) == 0 && strcmp(r->state->ingress, ingress->name) == 0) {
        return true;
    }
    for (uint32_t i = 0; i < r->n_lost; i++) {
        if (strcmp(r->lost[i].ns, ingress->ns) == 0 &&
            strcmp(r->lost[i].ingress, ingress->name) == 0) {
            return true;
        }
    }
    return false;
}

static bool names_host(const struct ingress *ing, const char *host)
{
    if (*host == '\0' && ing->default_backend.type != BACKEND_NONE) {
        return true;
    }
    for (size_t i = 0; i < ing->n_rules; i++) {
        const char *written = ing->rules[i].host;
        char pattern[HOSTNAME_MAX + 1] = "";
        size_t len;

        if (*written != '\0' &&
            hostname_normalise_pattern(written, strlen(written), pattern, &len) != HOSTNAME_VALID) {
            continue;
        }
        if (strcmp(pattern, host) == 0) {
            return true;
        }
    }
    return false;
}

/* Ingresses that name the host and are neither its server nor among the claims that lost. */
static void print_unserved(const struct question *q, const char *host, const struct route *r)
{
    const struct objmeta *o = NULL;

    while ((o = store_next(q->s->store, OBJECT_INGRESS, o)) != NULL) {
        if (names_host((const struct ingress *)o, host) && !is_in_route(r, o)) {
            problems_print_unserved(q->problems, o);
        }
    }
}

static void print_candidate(const struct question *q, const char *what, const char *host)
{
    const struct route *r = find_route(q->s->table, host);

    printf("  %s%s%s: ", what, *host != '\0' ? " " : "", host);
    if (r == NULL) {
        puts("none");
    } else {
        printf("%s/%s%s\n", r->state->ns, r->state->ingress,
               r == q->route ? ", taken" : ", not taken: one above comes first");
    }
    if (r != NULL) {
        print_losers(r);
    }
    print_unserved(q, host, r);
}

/* Wildcards of suffixes further up: there, but for names of one label more. */
static void print_short_wildcards(const struct question *q, const char *suffix)
{
    char host[HOSTNAME_MAX + 3];

    while ((suffix = strchr(suffix, '.')) != NULL) {
        suffix++;
        snprintf(host, sizeof(host), "*.%s", suffix);
        if (find_route(q->s->table, host) != NULL) {
            printf("  wildcard %s: not taken: a wildcard covers exactly one label\n", host);
        }
    }
}

static void print_candidates(const struct question *q)
{
    const char *dot = strchr(q->name, '.');

    puts("candidates:");
    if (q->name_len > 0) {
        print_candidate(q, "exact", q->name);
    }
    if (dot != NULL) {
        char host[HOSTNAME_MAX + 3];

        snprintf(host, sizeof(host), "*%s", dot);
        print_candidate(q, "wildcard", host);
        print_short_wildcards(q, dot + 1);
    }
    print_candidate(q, "catch-all", "");
}

static void print_route(const struct question *q)
{
    const struct route *r = q->route;

    printf("route: host %s, ingress %s/%s, service %s:%s\n", *r->host != '\0' ? r->host : "(any)",
           r->state->ns, r->state->ingress, r->state->service, r->state->port);
    printf("endpoints: %u\n", r->pool->n_endpoints);
    for (uint32_t i = 0; i < r->pool->n_endpoints; i++) {
        const struct endpoint *e = &r->pool->endpoints[i];
        char text[NETADDR_TEXT_MAX];

        printf("  %s %s\n", netaddr_format(&e->addr, text),
               e->terminating ? "terminating" : "ready");
    }
    if (r->pool->n_endpoints > 0) {
        puts("answer: relayed to one of these endpoints");
    } else {
        problems_print_empty(q->problems, r->state->ns, r->state->ingress, r->state->service);
        printf("answer: fatal alert %s (%d), unless --on-no-endpoint says otherwise\n",
               alert_name(ALERT_INTERNAL_ERROR), ALERT_INTERNAL_ERROR);
    }
}

static void print_refusal(const struct question *q)
{
    if (q->kind == HOSTNAME_INVALID) {
        printf("answer: fatal alert %s (%d)\n", alert_name(ALERT_ILLEGAL_PARAMETER),
               ALERT_ILLEGAL_PARAMETER);
    } else {
        printf("answer: fatal alert %s (%d), unless --on-%s-name says otherwise\n",
               alert_name(ALERT_UNRECOGNIZED_NAME), ALERT_UNRECOGNIZED_NAME,
               q->name_len > 0 ? "unknown" : "no");
    }
}

static void look_up(struct question *q)
{
    enum table_match match;

    if (q->kind == HOSTNAME_VALID) {
        q->route = table_lookup(q->s->table, q->name, q->name_len, &match);
    } else if (q->kind != HOSTNAME_INVALID) {
        q->route = table_catch_all(q->s->table);
    }
}

static void print_name(const struct question *q, const char *given)
{
    switch (q->kind) {
    case HOSTNAME_VALID:
        printf("name: %s\n", q->name);
        break;
    case HOSTNAME_NONE:
        puts("name: none");
        break;
    case HOSTNAME_ADDRESS:
        fputs("name: none: an address is no server name: ", stdout);
        cmd_put_text(stdout, given);
        putchar('\n');
        break;
    case HOSTNAME_INVALID:
        fputs("name: cannot be a DNS name: ", stdout);
        cmd_put_text(stdout, given);
        putchar('\n');
        break;
    }
}

static enum cmd_status answer(const struct snapshot *s, struct problems *p, const char *name)
{
    struct question q = {.s = s, .problems = p};

    q.kind = hostname_normalise(name, strlen(name), q.name, &q.name_len);
    look_up(&q);
    print_name(&q, name);
    if (q.kind != HOSTNAME_INVALID) {
        print_candidates(&q);
        problems_print_rest(p, q.name);
    }
    if (q.route != NULL) {
        print_route(&q);
    } else {
        print_refusal(&q);
    }
    if (s->verdicts.errors > 0) {
        printf("note: the manifests have errors; sealway check lists them\n");
    }
    return q.route != NULL ? CMD_OK : CMD_NOT_ROUTED;
}

static enum cmd_status explain(const struct options *o)
{
    struct translate_config cfg = options_translate(o);
    struct problems p = {.told = NULL};
    struct snapshot s;
    enum cmd_status status;

    if (access(o->manifests, R_OK) != 0) {
        struct err e;

        sources_refuse_manifests(o->manifests, errno, &e);
        cmd_complain("explain", e.text);
        return CMD_USAGE;
    }
    if (snapshot_init(&s, &cfg, &o->manifests, 1) != 0 || problems_init(&p, &s.verdicts) != 0) {
        cmd_complain("explain", "out of memory");
        status = CMD_FAILED;
    } else {
        status = answer(&s, &p, o->args.items[0]);
    }
    problems_fini(&p);
    snapshot_fini(&s);
    if (o->alpn != NULL || o->client != NULL) {
        puts("note: --alpn and --client change no decision in this version");
    }
    return status;
}

enum cmd_status explain_command(int argc, char **argv)
{
    struct options o;
    enum cmd_status status;

    if (cmd_begin(&o, OPTIONS_EXPLAIN, argc, argv, &status)) {
        status = explain(&o);
    }
    options_fini(&o);
    return status;
}
