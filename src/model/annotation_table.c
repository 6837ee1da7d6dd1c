/* Every annotation we know, as its owners document it. */
#include <string.h>
#include <strings.h>

#include "annotation_priv.h"
#include "base/attr.h"

/* Go's strconv.ParseBool, which most of them use. */
#define GO_TRUE  "true True TRUE t T 1"
#define GO_FALSE "false False FALSE f F 0"

static const struct annotation_words own_bool = {"true", "false", "", "\"true\" or \"false\""};
static const struct annotation_words go_bool = {GO_TRUE, GO_FALSE, "", "\"true\" or \"false\""};
/* HAProxy Technologies' controller still takes its older words. */
static const struct annotation_words haproxy_bool = {
    GO_TRUE " enabled Enabled ENABLED on On ON",
    GO_FALSE " disabled Disabled DISABLED off Off OFF",
    "",
    "\"true\" or \"false\"",
};
static const struct annotation_words cilium_bool = {
    "enabled " GO_TRUE,
    "disabled " GO_FALSE,
    "",
    "\"enabled\" or \"disabled\"",
};
static const struct annotation_words tls_mode = {
    "passthrough",
    "off",
    "terminate",
    "\"passthrough\", \"terminate\" or \"off\"",
};
static const struct annotation_words openshift_termination = {
    "passthrough",
    "edge reencrypt",
    "",
    "\"passthrough\", \"edge\" or \"reencrypt\"",
};

/* clang-format off */
#define MARK(n, how)         {.name = (n), .effect = ANNOTATION_MARK, .words = &(how)}
#define ACTS(n, how)         {.name = (n), .effect = ANNOTATION_ACTS, .words = &(how)}
#define NOT_YET(n)           {.name = (n), .effect = ANNOTATION_NOT_YET}
#define NOT_YET_S(n, unless) \
    {.name = (n), .effect = ANNOTATION_NOT_YET, .anyway = (unless), .on_service = true}
#define ANYWAY(n)            {.name = (n), .effect = ANNOTATION_ANYWAY}
#define ANYWAY_IF(n, values) {.name = (n), .effect = ANNOTATION_NOTHING, .anyway = (values)}
#define ACCESS(n)            {.name = (n), .effect = ANNOTATION_ACCESS}
/* clang-format on */

static const struct annotation_row own[] = {
    MARK("tls-mode", tls_mode),
    ACTS("service-upstream", own_bool),
    NOT_YET_S("proxy-protocol", NULL),
    NOT_YET_S("load-balance", "least-connections"), /* the default, and so in force */
    NOT_YET("allow-cidrs"),
    NOT_YET("deny-cidrs"),
    NOT_YET("max-connections"),
    NOT_YET("max-connections-per-client"),
    NOT_YET("connection-rate-per-client"),
    NOT_YET_S("connect-timeout", NULL),
    NOT_YET_S("connect-retries", NULL),
    NOT_YET_S("idle-timeout", NULL),
    NOT_YET("min-tls-version"),
    NOT_YET("alpn"),
    NOT_YET("server-alias"),
    NOT_YET("on-endpoint-removed"),
    NOT_YET_S("health-check", NULL),
    NOT_YET("canary-weight"),
    NOT_YET("backends"),
};

static const struct annotation_row nginx[] = {
    MARK("ssl-passthrough", go_bool),
    ANYWAY("ssl-redirect"),
    ANYWAY("force-ssl-redirect"),
    ANYWAY_IF("backend-protocol", "HTTPS GRPCS"),
    /* Nothing is buffered or counted in what is passed through. */
    ANYWAY_IF("proxy-buffering", "off"),
    ANYWAY_IF("proxy-request-buffering", "off"),
    ANYWAY_IF("proxy-body-size", "0 0m 0g"),
    ACCESS("whitelist-source-range"),
    ACCESS("allowlist-source-range"),
    ACCESS("denylist-source-range"),
    ACCESS("auth-*"),
    ACCESS("satisfy"),
};

static const struct annotation_row haproxy[] = {
    MARK("ssl-passthrough", haproxy_bool),
    ANYWAY("ssl-redirect*"),
    ANYWAY_IF("server-ssl", GO_TRUE),
    ACCESS("allow-list"),
    ACCESS("deny-list"),
    ACCESS("whitelist"),
    ACCESS("blacklist"),
    ACCESS("auth-*"),
    ACCESS("client-ca"),
    ACCESS("client-crt-optional"),
};

static const struct annotation_row haproxy_ingress[] = {
    MARK("ssl-passthrough", go_bool),
    ANYWAY("ssl-redirect*"),
    ANYWAY_IF("backend-protocol", "h1-ssl h2-ssl https grpcs"),
    ANYWAY_IF("secure-backends", GO_TRUE),
    ACCESS("allowlist-source-range"),
    ACCESS("whitelist-source-range"),
    ACCESS("denylist-source-range"),
    ACCESS("auth-*"),
    ACCESS("oauth*"),
};

/* The legacy prefix of several controllers: the union of what they say. */
static const struct annotation_row legacy[] = {
    MARK("ssl-passthrough", haproxy_bool),
    ANYWAY("ssl-redirect*"),
    ANYWAY("force-ssl-redirect"),
    ANYWAY_IF("backend-protocol", "h1-ssl h2-ssl https grpcs"),
    ANYWAY_IF("protocol", "https"),
    ANYWAY_IF("secure-backends", GO_TRUE),
    ACCESS("allowlist-source-range"),
    ACCESS("whitelist-source-range"),
    ACCESS("denylist-source-range"),
    ACCESS("allow-list"),
    ACCESS("deny-list"),
    ACCESS("whitelist"),
    ACCESS("blacklist"),
    ACCESS("auth-*"),
    ACCESS("oauth*"),
};

static const struct annotation_row cilium[] = {
    MARK("tls-passthrough", cilium_bool),
    ANYWAY("force-https"),
};

static const struct annotation_row openshift_route[] = {
    MARK("termination", openshift_termination),
    ANYWAY_IF("insecureEdgeTerminationPolicy", "Redirect None"),
};

static const struct annotation_row openshift_haproxy[] = {
    ACCESS("ip_allowlist"),
    ACCESS("ip_whitelist"),
};

static const struct annotation_row traefik[] = {
    ANYWAY_IF("router.tls", GO_TRUE),
    ANYWAY_IF("service.serversscheme", "https"),
    ANYWAY_IF("protocol", "https"),
    ANYWAY("redirect-*"),
    ANYWAY_IF("frontend-entry-points", "https"),
    ACCESS("whitelist-source-range"),
    ACCESS("auth-*"),
};

#define ROWS(rows) rows, ARRAY_LEN(rows)

static const struct annotation_dialect dialects[] = {
    {"sealway.io/", ROWS(own), false},
    {"nginx.ingress.kubernetes.io/", ROWS(nginx), false},
    {"haproxy.org/", ROWS(haproxy), false},
    {"haproxy.com/", ROWS(haproxy), false},
    {"haproxy-ingress.github.io/", ROWS(haproxy_ingress), false},
    {"ingress.kubernetes.io/", ROWS(legacy), false},
    {"ingress.cilium.io/", ROWS(cilium), false},
    {"route.openshift.io/", ROWS(openshift_route), false},
    {"haproxy.router.openshift.io/", ROWS(openshift_haproxy), false},
    {"router.openshift.io/", NULL, 0, false},
    {"traefik.ingress.kubernetes.io/", ROWS(traefik), false},
    {"cert-manager.io/", NULL, 0, true},
};

const struct annotation_dialect *annotation_table_dialect(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
        if (strncmp(key, dialects[i].prefix, strlen(dialects[i].prefix)) == 0) {
            return &dialects[i];
        }
    }
    return NULL;
}

static bool row_covers(const struct annotation_row *row, const char *name)
{
    size_t len = strlen(row->name);

    if (row->name[len - 1] == '*') {
        return strncmp(name, row->name, len - 1) == 0;
    }
    return strcmp(name, row->name) == 0;
}

const struct annotation_row *annotation_table_row(const struct annotation_dialect *dialect,
                                                  const char *key)
{
    const char *name = key + strlen(dialect->prefix);

    for (size_t i = 0; i < dialect->n_rows; i++) {
        if (row_covers(&dialect->rows[i], name)) {
            return &dialect->rows[i];
        }
    }
    return NULL;
}

const struct annotation_dialect *annotation_table_own(void)
{
    return &dialects[0];
}

bool annotation_table_has_word(const char *words, const char *value, bool any_case)
{
    size_t len = strlen(value);

    while (words != NULL && *words != '\0') {
        size_t word = strcspn(words, " ");

        if (word == len && len > 0 &&
            (any_case ? strncasecmp(words, value, len) : strncmp(words, value, len)) == 0) {
            return true;
        }
        words += word;
        words += strspn(words, " ");
    }
    return false;
}
