#include "app/explainwords.h"

#include "base/attr.h"

/* What can happen, as a program reads it and as a person does. */
struct words {
    const char *word, *sentence;
};

static const struct words losses[] = {
    [CLAIM_OTHER_NAMESPACE] = {"other_namespace", "the namespace of an older claim owns the host"},
    [CLAIM_OLDER_IN_NAMESPACE] = {"older_claim",
                                  "an older claim of the same namespace serves the host"},
    [CLAIM_NOT_MARKED] = {"not_marked", "a claim that is marked as passthrough comes first"},
    [CLAIM_SAME_BACKEND] = {"same_backend", "no conflict, it names the same backend"},
};

static const struct words unserved[] = {
    [UNSERVED_OTHER_CLASS] = {"other_class", "its class is somebody else's"},
    [UNSERVED_CLASS_NOT_FOUND] = {"class_not_found", "there is no such class here"},
    [UNSERVED_MARKED_OTHER] = {"marked_other",
                               "an annotation says that its TLS is not to be passed through"},
    [UNSERVED_NOT_MARKED] = {"not_marked",
                             "only Ingresses marked as passthrough are taken of its class"},
    [UNSERVED_TERMINATE] = {"terminate",
                            "it asks for TLS to be terminated, which is not supported yet"},
    [UNSERVED_CATCH_ALL] = {"catch_all_not_allowed",
                            "its namespace may not catch unknown names (--catch-all)"},
    [UNSERVED_NO_BACKEND] = {"no_backend", "its rules come to no backend that can be served"},
    [UNSERVED_INVALID] = {"invalid",
                          "what it says about its backend is not valid; see the problems below"},
};

static const struct words standings[] = {
    [EXPLAIN_NONE] = {"none", "none"},
    [EXPLAIN_TAKEN] = {"taken", "taken"},
    [EXPLAIN_SHADOWED] = {"shadowed", "not taken: one above comes first"},
    [EXPLAIN_TOO_SHORT] = {"not_covering", "not taken: a wildcard covers exactly one label"},
    [EXPLAIN_ITS_OWN_SUFFIX] = {"not_covering",
                                "not taken: a wildcard does not cover its own suffix"},
};

_Static_assert(ARRAY_LEN(unserved) == UNSERVED_WHYS, "one for each");

const char *explainwords_loss(enum claim_loss why)
{
    return losses[why].word;
}

const char *explainwords_loss_sentence(enum claim_loss why)
{
    return losses[why].sentence;
}

const char *explainwords_unserved(enum unserved_why why)
{
    return unserved[why].word;
}

const char *explainwords_unserved_sentence(enum unserved_why why)
{
    return unserved[why].sentence;
}

const char *explainwords_standing(enum explain_standing s)
{
    return standings[s].word;
}

const char *explainwords_standing_sentence(enum explain_standing s)
{
    return standings[s].sentence;
}

const char *explainwords_endpoint(const struct endpoint *e)
{
    return endpoint_is_terminating(e) ? "terminating" : "ready";
}

const char *explainwords_name(enum hostname_kind kind)
{
    static const char *const words[] = {[HOSTNAME_VALID] = "valid",
                                        [HOSTNAME_NONE] = "none",
                                        [HOSTNAME_ADDRESS] = "address",
                                        [HOSTNAME_INVALID] = "invalid"};

    return words[kind];
}

const char *explainwords_match(enum table_match match)
{
    static const char *const words[] = {[TABLE_NO_MATCH] = "none",
                                        [TABLE_EXACT] = "exact",
                                        [TABLE_WILDCARD] = "wildcard",
                                        [TABLE_CATCH_ALL] = "catch_all"};

    return words[match];
}

const char *explainwords_kind(enum explain_kind kind)
{
    static const char *const words[] = {[EXPLAIN_EXACT] = "exact",
                                        [EXPLAIN_WILDCARD] = "wildcard",
                                        [EXPLAIN_CATCH_ALL] = "catch_all"};

    return words[kind];
}

const char *explainwords_answer(enum proxy_answer how)
{
    static const char *const words[] = {[PROXY_ANSWER_ALERT] = "alert",
                                        [PROXY_ANSWER_CLOSE] = "close",
                                        [PROXY_ANSWER_RESET] = "reset",
                                        [PROXY_ANSWER_HTTP400] = "http400"};

    return words[how];
}
