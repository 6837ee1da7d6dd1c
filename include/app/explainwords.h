/**
 * explainwords - the words for what can become of a name, a claim, an endpoint: one set, wherever
 * they are told.
 *
 * The words are for programs: lower_snake, a closed set that only grows.  The sentences are for
 * people.
 */
#ifndef APP_EXPLAINWORDS_H
#define APP_EXPLAINWORDS_H

#include "app/explain.h"

/** other_namespace, older_claim, not_marked, same_backend */
const char *explainwords_loss(enum claim_loss why);
const char *explainwords_loss_sentence(enum claim_loss why);

/** other_class, class_not_found, marked_other, not_marked, terminate, catch_all_not_allowed,
 * no_backend, invalid */
const char *explainwords_unserved(enum unserved_why why);
const char *explainwords_unserved_sentence(enum unserved_why why);

/** ready, terminating */
const char *explainwords_endpoint(const struct endpoint *e);

/** valid, none, address, invalid */
const char *explainwords_name(enum hostname_kind kind);

/** exact, wildcard, catch_all, none */
const char *explainwords_match(enum table_match match);

/** exact, wildcard, catch_all */
const char *explainwords_kind(enum explain_kind kind);

/** none, taken, shadowed, not_covering */
const char *explainwords_standing(enum explain_standing s);
const char *explainwords_standing_sentence(enum explain_standing s);

/** alert, close, reset, http400: the words of the options --on-… */
const char *explainwords_answer(enum proxy_answer how);

#endif
