/**
 * explain - where a connection with a server name goes, and why: the decision behind `sealway
 * explain` and /explain.
 *
 * explain_decide() looks everything up and allocates nothing; explaintext.h and explainjson.h write
 * what it found.
 */
#ifndef APP_EXPLAIN_H
#define APP_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "controller/report.h"
#include "proxy/proxy.h"
#include "route/hostname.h"
#include "route/table.h"
#include "tls/alert.h"

/** What is asked, and of what.  All borrowed; must outlive the decision. */
struct explain_question {
    const struct table *table;
    const struct report *report; /* NULL: nothing is known beside the table */
    const struct proxy_policy *policy;
    const char *name; /* as the client sends it; any bytes */
    size_t name_len;
    const char *alpn, *client; /* NULL when not given; they change no decision yet */
    bool is_live;              /* of a running instance: loads and the table's age mean something */
    uint64_t now_ms;           /* clock_now_ms(): until when endpoints are passed over */
    struct timespec wall;      /* clock_wall(): the age of the table */
};

enum explain_kind { EXPLAIN_EXACT, EXPLAIN_WILDCARD, EXPLAIN_CATCH_ALL };

/** What became of a candidate. */
enum explain_standing {
    EXPLAIN_NONE,          /* nobody serves it */
    EXPLAIN_TAKEN,         /* the answer */
    EXPLAIN_SHADOWED,      /* one above comes first */
    EXPLAIN_TOO_SHORT,     /* a wildcard whose label would have to stand for several */
    EXPLAIN_ITS_OWN_SUFFIX /* the wildcard below the name itself, which it does not cover */
};

/** A host pattern that might have answered. */
struct explain_candidate {
    enum explain_kind kind;
    enum explain_standing standing;
    const char *suffix;                 /* of a wildcard: what stands behind its "*." */
    const struct route *route;          /* NULL with EXPLAIN_NONE */
    const struct report_host *unserved; /* Ingresses that name it, and why they do not get it */
    size_t n_unserved;
};

#define EXPLAIN_CANDIDATES 130 /* the labels of the longest name, and the other kinds */

/** What a client would get. */
struct explain_answer {
    bool is_relayed; /* to one of the endpoints; the rest then says: if none is reached */
    enum proxy_answer how;
    enum alert_code alert; /* with PROXY_ANSWER_ALERT */
    const char *option;    /* the option that decides, as "on-no-name"; NULL: none does */
};

struct explain {
    const struct explain_question *q;
    enum hostname_kind kind;
    char name[HOSTNAME_MAX + 1]; /* as looked up; "" when the connection has none */
    size_t name_len;
    enum table_match match;
    const struct route *route; /* the answer; NULL when not routed */
    const struct pool *pool;   /* its own */
    struct explain_candidate candidates[EXPLAIN_CANDIDATES];
    size_t n_candidates;
    const struct route *nearest; /* of a name that nobody names: the most similar host, if any */
    const struct verdict *fault; /* why the route's pool is empty or cut short, if it is told */
    struct explain_answer answer;
};

/** Answer `q`.  Thread: any that holds the table and the report.  Cost: some binary searches, and
 * for a name that nobody names a walk over the hosts. */
void explain_decide(struct explain *x, const struct explain_question *q);

/** "shop.test", "*.test", "" for the catch-all; returns `text`. */
#define EXPLAIN_HOST_TEXT (HOSTNAME_MAX + 3)
const char *explain_host(const struct explain *x, const struct explain_candidate *c,
                         char text[EXPLAIN_HOST_TEXT]);

/**
 * Step through the errors that may have been meant for the name and were told nowhere else: of
 * Ingresses that were refused, and of files of which nothing could be told.  First those that
 * mention the name, then the others.  Start with zeros; returns NULL behind the last.
 */
struct explain_problems {
    bool others;
    size_t next;
};
const struct verdict *explain_next_problem(const struct explain *x, struct explain_problems *p);

/** How many errors stand in all. */
size_t explain_count_errors(const struct explain *x);

/** For how many more seconds an endpoint is passed over, rounded up; 0: it is not. */
uint64_t explain_skipped_for_s(const struct endpoint *e, uint64_t now_ms);

#endif
