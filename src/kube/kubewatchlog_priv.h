/**
 * kubewatchlog - what an operator is told about one watched collection, and how often.
 *
 * A failure is told when it begins, then once a minute for each different cause while it goes on;
 * that it is over, once.  A collection that may be missing has no failures but remarks.  What is
 * the whole server's failure is for `server` to tell, if there is one, and stands in the log at
 * debug.
 */
#ifndef KUBE_KUBEWATCHLOG_PRIV_H
#define KUBE_KUBEWATCHLOG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kube/kubestatus.h"
#include "kube/kubewatch.h"
#include "kube/reflector.h"

#define KUBEWATCHLOG_EVERY_MS 60000u
#define KUBEWATCHLOG_CODES    8
#define KUBEWATCHLOG_TROUBLE  192

/** For which request; as RBAC calls it. */
enum kubewatchlog_verb { KUBEWATCHLOG_LIST, KUBEWATCHLOG_WATCH };

struct kubewatchlog_said {
    uint64_t key; /* 0: free */
    uint64_t at_ms;
};

/** Nothing said yet when all but the first four are zero. */
struct kubewatchlog {
    const struct kuberesource *resource;
    const char *ns; /* NULL: everywhere; borrowed */
    bool is_optional;
    struct kubewatch_server server;

    bool is_cut_off; /* the server failed, and `server` knows */
    bool failed;     /* and that was told */
    struct kubewatchlog_said said[KUBEWATCHLOG_CODES];
    char trouble[KUBEWATCHLOG_TROUBLE];
};

/** What a complete list amounted to. */
struct kubewatchlog_list {
    enum reflector_cause cause;
    bool is_first; /* of this collection */
    uint64_t items, skipped, differ;
};

/** The server said no, in an answer or in an ERROR event, or nothing at all (code 0).  410 is part
 * of the protocol and told by the list that follows. */
void kubewatchlog_refused(struct kubewatchlog *l, enum kubewatchlog_verb verb,
                          const struct kubestatus *why, uint64_t now_ms);

/** What came could not be used, for `rc` (-EBADMSG, -EMSGSIZE, -ENOMEM, ...). */
void kubewatchlog_spoilt(struct kubewatchlog *l, enum kubewatchlog_verb verb, int rc,
                         uint64_t now_ms);

/** A running watch is dead: it was silent, and a probe beside it was not answered. */
void kubewatchlog_dead(struct kubewatchlog *l, uint64_t now_ms);

/** A list took its place. */
void kubewatchlog_listed(struct kubewatchlog *l, const struct kubewatchlog_list *list);

/** A watch is open. */
void kubewatchlog_works(struct kubewatchlog *l);

/** The failure that stands, for people; printable ASCII; "" when none does. */
const char *kubewatchlog_trouble(const struct kubewatchlog *l);

#endif
