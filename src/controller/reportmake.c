#include "reportmake_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_priv.h"
#include "reportcount_priv.h"

/** Where a verdict stands among all, found by its message as unserved.h points to it. */
struct link {
    const char *said;
    uint32_t index;
};

/** One report while it is being made.  The arrays are scratch. */
struct making {
    struct report_own *own;
    const struct verdict **verdicts; /* all of the source, in the order of the report */
    size_t n_verdicts;
    uint32_t *places;   /* by verdict: its index in the report, or REPORT_NO_VERDICT */
    bool *is_linked;    /* by verdict: a host is not served for it */
    struct link *links; /* of all verdicts, sorted by `said` */
    const struct unserved_host **hosts;
    const struct unserved_pool **pools;
};

static void free_scratch(struct making *m)
{
    free(m->verdicts);
    free(m->places);
    free(m->is_linked);
    free(m->links);
    free(m->hosts);
    free(m->pools);
}

/** Copy a text into the report; NULL without memory. */
static char *keep(const struct making *m, const char *text)
{
    return arena_strdup(&m->own->arena, text);
}

/* ---- order ---------------------------------------------------------------------------------- */

static int compare_uint(unsigned a, unsigned b)
{
    return a < b ? -1 : a > b;
}

static int compare_verdicts(const void *left, const void *right)
{
    const struct verdict *a = *(const struct verdict *const *)left;
    const struct verdict *b = *(const struct verdict *const *)right;
    int order = report_compare_object(a, b->kind, b->ns, b->name);

    if (order == 0) {
        order = strcmp(a->reason, b->reason);
    }
    if (order == 0) {
        order = strcmp(a->file, b->file);
    }
    if (order == 0) {
        order = compare_uint(a->line, b->line);
    }
    return order != 0 ? order : strcmp(a->message, b->message);
}

static int compare_links(const void *left, const void *right)
{
    const struct link *a = left, *b = right;

    return a->said < b->said ? -1 : a->said > b->said;
}

static int compare_host_owners(const struct unserved_host *a, const struct unserved_host *b)
{
    int order = strcmp(a->host, b->host);

    if (order == 0) {
        order = strcmp(a->ns, b->ns);
    }
    return order != 0 ? order : strcmp(a->ingress, b->ingress);
}

static int compare_hosts(const void *left, const void *right)
{
    const struct unserved_host *a = *(const struct unserved_host *const *)left;
    const struct unserved_host *b = *(const struct unserved_host *const *)right;
    int order = compare_host_owners(a, b);

    return order != 0 ? order : compare_uint(a->why, b->why);
}

static int compare_pools(const void *left, const void *right)
{
    const struct unserved_pool *a = *(const struct unserved_pool *const *)left;
    const struct unserved_pool *b = *(const struct unserved_pool *const *)right;
    const char *const x[] = {a->ns, a->service, a->port}, *const y[] = {b->ns, b->service, b->port};

    return report_compare_pool(x, y);
}

static void sort(void *items, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    if (n > 1) {
        qsort(items, n, size, compare);
    }
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static int sort_verdicts(struct making *m, const struct report_source *from)
{
    const struct verdicts *const lists[] = {from->files, from->routes};
    size_t n = from->files->n + from->routes->n;

    m->verdicts = calloc(n + 1, sizeof(struct verdict *));
    m->places = calloc(n + 1, sizeof(*m->places));
    m->is_linked = calloc(n + 1, sizeof(*m->is_linked));
    m->links = calloc(n + 1, sizeof(*m->links));
    if (!m->verdicts || !m->places || !m->is_linked || !m->links || n >= REPORT_NO_VERDICT) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < lists[i]->n; k++) {
            m->verdicts[m->n_verdicts++] = &lists[i]->items[k];
        }
    }
    sort(m->verdicts, n, sizeof(struct verdict *), compare_verdicts);
    for (size_t i = 0; i < n; i++) {
        m->links[i] = (struct link){.said = m->verdicts[i]->message, .index = (uint32_t)i};
    }
    sort(m->links, n, sizeof(*m->links), compare_links);
    return 0;
}

/** How many of each severity there is room for: the worst come first. */
static void share_room(const struct making *m, size_t room[VERDICT_ERROR + 1])
{
    size_t n[VERDICT_ERROR + 1] = {0}, left = REPORT_VERDICTS_MAX;

    for (size_t i = 0; i < m->n_verdicts; i++) {
        n[m->verdicts[i]->severity]++;
    }
    for (int s = VERDICT_ERROR; s >= VERDICT_NOTE; s--) {
        room[s] = n[s] < left ? n[s] : left;
        left -= room[s];
    }
}

static int copy_verdict(const struct making *m, const struct verdict *from, struct verdict *out)
{
    *out = *from;
    out->kind = keep(m, from->kind);
    out->ns = keep(m, from->ns);
    out->name = keep(m, from->name);
    out->file = keep(m, from->file);
    out->message = keep(m, from->message);
    return out->kind && out->ns && out->name && out->file && out->message ? 0 : -ENOMEM;
}

static int copy_verdicts(struct making *m)
{
    struct report *r = &m->own->report;
    size_t room[VERDICT_ERROR + 1];
    struct verdict *copies;

    share_room(m, room);
    copies = arena_calloc(&m->own->arena,
                          room[VERDICT_ERROR] + room[VERDICT_WARNING] + room[VERDICT_NOTE],
                          sizeof(*copies));
    if (!copies) {
        return -ENOMEM;
    }
    r->verdicts = copies;
    for (size_t i = 0; i < m->n_verdicts; i++) {
        size_t *left = &room[m->verdicts[i]->severity];

        m->places[i] = REPORT_NO_VERDICT;
        if (*left == 0) {
            r->n_left_out++;
            continue;
        }
        (*left)--;
        m->places[i] = (uint32_t)r->n_verdicts;
        if (copy_verdict(m, m->verdicts[i], &copies[r->n_verdicts++]) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

/** The verdict with that message among all, or NULL. */
static const struct link *find_link(const struct making *m, const char *said)
{
    const struct link want = {.said = said};

    if (!said || m->n_verdicts == 0) {
        return NULL;
    }
    return bsearch(&want, m->links, m->n_verdicts, sizeof(want), compare_links);
}

/* ---- hosts and pools ------------------------------------------------------------------------ */

static int copy_host(struct making *m, const struct unserved_host *from, struct report_host *out)
{
    const struct link *link = find_link(m, from->said);
    bool same = m->own->report.n_hosts > 0 && strcmp(out[-1].host, from->host) == 0;

    *out = (struct report_host){
        .host = same ? out[-1].host : keep(m, from->host),
        .ns = keep(m, from->ns),
        .ingress = keep(m, from->ingress),
        .why = from->why,
        .verdict = link ? m->places[link->index] : REPORT_NO_VERDICT,
    };
    if (link) {
        m->is_linked[link->index] = true;
    }
    return out->host && out->ns && out->ingress ? 0 : -ENOMEM;
}

/** Sort the pointers and drop those that name the same once more.  Returns how many are left. */
static size_t distinct_hosts(const struct unserved_host **hosts, size_t n)
{
    size_t kept = 0;

    sort(hosts, n, sizeof(struct unserved_host *), compare_hosts);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || compare_host_owners(hosts[kept - 1], hosts[i]) != 0) {
            hosts[kept++] = hosts[i];
        }
    }
    return kept;
}

static int make_hosts(struct making *m, const struct unserved *u)
{
    struct report *r = &m->own->report;
    struct report_host *copies;
    size_t n;

    m->hosts = calloc(u->n_hosts + 1, sizeof(struct unserved_host *));
    if (!m->hosts) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < u->n_hosts; i++) {
        m->hosts[i] = &u->hosts[i];
    }
    n = distinct_hosts(m->hosts, u->n_hosts);
    if (n > REPORT_HOSTS_MAX) {
        r->n_hosts_left_out = n - REPORT_HOSTS_MAX;
        n = REPORT_HOSTS_MAX;
    }
    copies = arena_calloc(&m->own->arena, n, sizeof(*copies));
    if (!copies) {
        return -ENOMEM;
    }
    r->hosts = copies;
    for (; r->n_hosts < n; r->n_hosts++) {
        if (copy_host(m, m->hosts[r->n_hosts], &copies[r->n_hosts]) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int copy_pool(const struct making *m, const struct unserved_pool *from,
                     struct report_pool *out)
{
    const struct link *link = find_link(m, from->said);

    *out = (struct report_pool){
        .ns = keep(m, from->ns),
        .service = keep(m, from->service),
        .port = keep(m, from->port),
        .verdict = link ? m->places[link->index] : REPORT_NO_VERDICT,
    };
    return out->ns && out->service && out->port ? 0 : -ENOMEM;
}

static int make_pools(struct making *m, const struct unserved *u)
{
    struct report_pool *copies = arena_calloc(&m->own->arena, u->n_pools, sizeof(*copies));
    struct report *r = &m->own->report;

    m->pools = calloc(u->n_pools + 1, sizeof(struct unserved_pool *));
    if (!copies || !m->pools) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < u->n_pools; i++) {
        m->pools[i] = &u->pools[i];
    }
    sort(m->pools, u->n_pools, sizeof(struct unserved_pool *), compare_pools);
    r->pools = copies;
    for (; r->n_pools < u->n_pools; r->n_pools++) {
        if (copy_pool(m, m->pools[r->n_pools], &copies[r->n_pools]) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static int make_all(struct making *m, const struct report_source *from)
{
    struct reportcount_input counted;
    int rc = sort_verdicts(m, from);

    if (rc == 0) {
        rc = copy_verdicts(m);
    }
    if (rc == 0) {
        rc = make_hosts(m, from->unserved);
    }
    if (rc == 0) {
        rc = make_pools(m, from->unserved);
    }
    if (rc != 0) {
        return rc;
    }
    counted = (struct reportcount_input){
        .verdicts = m->verdicts, .is_linked = m->is_linked, .n = m->n_verdicts};
    return reportcount_fill(&counted, &m->own->arena, &m->own->report);
}

int reportmake_fill(struct report_own *own, const struct report_source *from)
{
    struct making m = {.own = own};
    int rc = make_all(&m, from);

    free_scratch(&m);
    return rc;
}
