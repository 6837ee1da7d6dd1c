/**
 * explained - YAML and a name in, a decision out: what the tests of explanations look at.
 */
#ifndef SUPPORT_EXPLAINED_H
#define SUPPORT_EXPLAINED_H

#include "app/explain.h"
#include "base/buf.h"
#include "support/translated.h"

struct explained {
    struct translated t;
    struct report *report;
    struct proxy_policy policy;
    struct explain_question q;
    struct explain x;
    struct buf out; /* for whoever writes it; emptied by explained_ask() */
};

/** Translate objects with these options (NULL: none are given), and take a report. */
void explained_make(struct explained *e, const struct translate_config *cfg, const char *yaml);
void explained_free(struct explained *e);

/** Ask about a name as a client would send it.  e->q is changed before, if anything in it is. */
void explained_ask(struct explained *e, const char *name);

/** What stands in e->out, as text. */
const char *explained_text(struct explained *e);

#endif
