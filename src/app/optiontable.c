#include "app/optiontable.h"

#include <stdio.h>
#include <string.h>

#include "model/k8sname.h"

#define SERVE  OPTIONS_SERVE
#define ASKING (OPTIONS_EXPLAIN | OPTIONS_ROUTES)
#define ALL    (OPTIONS_SERVE | OPTIONS_CHECK | OPTIONS_EXPLAIN)
#define LIVE   (OPTIONS_SERVE | OPTIONS_EXPLAIN)
#define MANY   (UINT64_C(16) * 1024u * 1024u)
#define DAY_MS (UINT64_C(24) * 3600u * 1000u)

/* The field of struct options a row is stored in. */
#define FIELD(member)                                                                              \
    .offset = offsetof(struct options, member), .bytes = sizeof(((struct options *)NULL)->member)

/* A word's index is its enumerator; the order here is theirs. */
static const char *const ANSWERS[] = {"alert", "close", "reset", NULL};
static const char *const NOT_TLS_ANSWERS[] = {"alert", "close", "reset", "http400", NULL};
static const char *const REQUIRE[] = {"auto", "on", "off", NULL};
static const char *const FORMATS[] = {"text", "json", NULL};
static const char *const OUTPUTS[] = {"table", "json", NULL};
static const char *const LEVELS[] = {"debug", "info", "warn", "error", NULL};

_Static_assert(PROXY_ANSWER_ALERT == 0 && PROXY_ANSWER_CLOSE == 1 && PROXY_ANSWER_RESET == 2 &&
                   PROXY_ANSWER_HTTP400 == 3,
               "NOT_TLS_ANSWERS");
_Static_assert(REQUIRE_AUTO == 0 && REQUIRE_ON == 1 && REQUIRE_OFF == 2, "REQUIRE");
_Static_assert(LOG_TEXT == 0 && LOG_JSON == 1, "FORMATS");
_Static_assert(OPTIONS_TABLE == 0 && OPTIONS_JSON == 1, "OUTPUTS");
_Static_assert(LOG_DEBUG == 0 && LOG_INFO == 1 && LOG_WARN == 2 && LOG_ERROR == 3, "LEVELS");

static bool is_namespace_or_all(const char *text)
{
    return strcmp(text, "*") == 0 || k8sname_is_label(text);
}

static const struct optiontable_row ROWS[] = {
    {.name = "manifests",
     .value = "DIR",
     .type = OPTIONTABLE_TEXT,
     .commands = LIVE,
     FIELD(manifests),
     .instead = "admin",
     .help = "take Kubernetes objects from the YAML and JSON files below DIR; changes are seen "
             "within a second"},
    {.name = "listen",
     .value = "ADDR:PORT",
     .type = OPTIONTABLE_LISTEN,
     .commands = SERVE,
     .shown = "[::]:8443, or 0.0.0.0:8443 where IPv6 is off",
     .help = "accept TLS here; repeatable; port 0 takes a free one; [::] takes IPv4 too"},
    {.name = "admin",
     .value = "ADDR:PORT",
     .type = OPTIONTABLE_SOCKET,
     .commands = SERVE,
     FIELD(admin),
     .shown = "[::]:10254, or 0.0.0.0:10254 where IPv6 is off",
     .help = "metrics, health, routes and explanations over HTTP here; port 0 takes a free one"},
    {.name = "admin-open",
     .type = OPTIONTABLE_FLAG,
     .commands = SERVE,
     FIELD(admin_open),
     .fallback = "off",
     .help = "answer /routes and /explain to every client of the admin port, not only to loopback "
             "ones"},
    {.name = "workers",
     .value = "N",
     .type = OPTIONTABLE_COUNT,
     .commands = SERVE,
     FIELD(workers),
     .range = {1, LIMIT_WORKERS},
     .shown = "the CPUs usable",
     .help = "data-plane threads; by default as many as affinity and cgroup quota leave CPUs"},
    {.name = "controller-class",
     .value = "VALUE",
     .type = OPTIONTABLE_TEXT,
     .commands = ALL,
     FIELD(controller_class),
     .fallback = "sealway.io/ingress-controller",
     .help = "serve the IngressClasses whose spec.controller is VALUE"},
    {.name = "ingress-class",
     .value = "NAME",
     .type = OPTIONTABLE_LIST,
     .commands = ALL,
     FIELD(ingress_classes),
     .fallback = "sealway",
     .is_entry = k8sname_is_subdomain,
     .entry = "the name of a class; write lower-case letters, digits, - and ., e.g. sealway",
     .help = "also serve Ingresses that name the class NAME, whether or not there is an "
             "IngressClass of that name; repeatable; names given take the place of the default"},
    {.name = "ingress-class-only",
     .type = OPTIONTABLE_FLAG,
     .commands = ALL,
     FIELD(ingress_class_only),
     .fallback = "off",
     .help = "serve the classes of --ingress-class and nothing else"},
    {.name = "ingress-without-class",
     .type = OPTIONTABLE_FLAG,
     .commands = ALL,
     FIELD(ingress_without_class),
     .fallback = "off",
     .help = "also serve Ingresses that name no class, where no default class claims them"},
    {.name = "require-annotation",
     .value = "auto|on|off",
     .type = OPTIONTABLE_WORD,
     .commands = ALL,
     FIELD(require_annotation),
     .fallback = "auto",
     .words = REQUIRE,
     .help = "take only Ingresses with a passthrough annotation; auto: only where their "
             "IngressClass names another controller"},
    {.name = "catch-all",
     .value = "NS,...|*",
     .type = OPTIONTABLE_LIST,
     .commands = ALL,
     FIELD(catch_all),
     .is_entry = is_namespace_or_all,
     .entry = "a namespace; write lower-case letters, digits and -, or * for all",
     .help = "namespaces whose Ingress may claim unknown and missing names (a rule without host, "
             "or spec.defaultBackend); repeatable"},
    {.name = "on-unknown-name",
     .value = "alert|close|reset",
     .type = OPTIONTABLE_WORD,
     .commands = LIVE,
     FIELD(policy.on_unknown_name),
     .fallback = "alert",
     .words = ANSWERS,
     .help = "answer to a name without a route; alert is unrecognized_name"},
    {.name = "on-no-name",
     .value = "alert|close|reset",
     .type = OPTIONTABLE_WORD,
     .commands = LIVE,
     FIELD(policy.on_no_name),
     .fallback = "alert",
     .words = ANSWERS,
     .help = "answer to a ClientHello without a server name; alert is unrecognized_name"},
    {.name = "on-not-tls",
     .value = "http400|alert|close|reset",
     .type = OPTIONTABLE_WORD,
     .commands = SERVE,
     FIELD(policy.on_not_tls),
     .fallback = "http400",
     .words = NOT_TLS_ANSWERS,
     .help = "answer to what is not TLS; http400 is a short 400 to plain HTTP, others are closed"},
    {.name = "on-no-endpoint",
     .value = "alert|close|reset",
     .type = OPTIONTABLE_WORD,
     .commands = LIVE,
     FIELD(policy.on_no_endpoint),
     .fallback = "alert",
     .words = ANSWERS,
     .help = "answer when a route has no endpoint or none was reached; alert is internal_error"},
    {.name = "hello-timeout",
     .value = "DURATION",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(policy.hello_timeout_ms),
     .fallback = "5s",
     .range = {1, DAY_MS},
     .help = "from accept to the complete ClientHello"},
    {.name = "hello-max-bytes",
     .value = "SIZE",
     .type = OPTIONTABLE_SIZE,
     .commands = SERVE,
     FIELD(policy.hello_max_bytes),
     .fallback = "64KiB",
     .range = {LIMIT_HELLO_MIN_BYTES, (uint64_t)LIMIT_HELLO_MAX_BYTES},
     .help = "largest ClientHello, record headers included"},
    {.name = "connect-timeout",
     .value = "DURATION",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(policy.connect_timeout_ms),
     .fallback = "2s",
     .range = {1, DAY_MS},
     .help = "for each dial to an endpoint"},
    {.name = "connect-retries",
     .value = "N",
     .type = OPTIONTABLE_COUNT,
     .commands = SERVE,
     FIELD(policy.connect_retries),
     .fallback = "2",
     .range = {0, LIMIT_CONNECT_RETRIES},
     .help = "further endpoints tried when one cannot be reached"},
    {.name = "idle-timeout",
     .value = "DURATION|off",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(policy.idle_timeout_ms),
     .fallback = "1h",
     .range = {1, 365u * DAY_MS},
     .may_be_off = true,
     .help = "close a connection without a byte in either direction for that long"},
    {.name = "half-close-timeout",
     .value = "DURATION",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(policy.half_close_timeout_ms),
     .fallback = "30s",
     .range = {1, DAY_MS},
     .help = "close a half-closed connection without progress for that long"},
    {.name = "half-close",
     .value = "on|off",
     .type = OPTIONTABLE_SWITCH,
     .commands = SERVE,
     FIELD(policy.half_close),
     .fallback = "on",
     .help = "off: the first end of stream ends both directions"},
    {.name = "max-connections",
     .value = "N",
     .type = OPTIONTABLE_COUNT,
     .commands = SERVE,
     FIELD(max_connections),
     .range = {1, MANY},
     .shown = "what RLIMIT_NOFILE allows",
     .help = "connections of the process; new ones over it are refused and counted"},
    {.name = "max-connections-per-client",
     .value = "N|off",
     .type = OPTIONTABLE_COUNT,
     .commands = SERVE,
     FIELD(max_connections_per_client),
     .fallback = "off",
     .range = {1, MANY},
     .may_be_off = true,
     .help = "connections of one client address; new ones over it are refused and counted"},
    {.name = "drain-delay",
     .value = "DURATION",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(drain_delay_ms),
     .fallback = "5s",
     .range = {0, DAY_MS},
     .help = "go on accepting for that long after SIGTERM"},
    {.name = "drain-timeout",
     .value = "DURATION",
     .type = OPTIONTABLE_DURATION,
     .commands = SERVE,
     FIELD(drain_timeout_ms),
     .fallback = "300s",
     .range = {0, 7u * DAY_MS},
     .help = "then wait that long for connections to end"},
    {.name = "log-format",
     .value = "text|json",
     .type = OPTIONTABLE_WORD,
     .commands = SERVE,
     FIELD(log_format),
     .fallback = "text",
     .words = FORMATS,
     .help = "key=value text, or one JSON object a line"},
    {.name = "log-level",
     .value = "debug|info|warn|error",
     .type = OPTIONTABLE_WORD,
     .commands = SERVE,
     FIELD(log_level),
     .fallback = "info",
     .words = LEVELS,
     .help = "least severe line written to stderr"},
    {.name = "access-log",
     .value = "on|off",
     .type = OPTIONTABLE_SWITCH,
     .commands = SERVE,
     FIELD(access_log),
     .fallback = "on",
     .help = "one line per connection on stdout"},
    {.name = "per-route-metrics",
     .value = "on|off",
     .type = OPTIONTABLE_SWITCH,
     .commands = SERVE,
     FIELD(per_route_metrics),
     .fallback = "on",
     .help = "metrics with namespace and route labels; off: one sum over all routes"},
    {.name = "ports-file",
     .value = "FILE",
     .type = OPTIONTABLE_TEXT,
     .commands = SERVE,
     FIELD(ports_file),
     .help = "write the bound addresses there as JSON once connections are accepted"},
    {.name = "admin",
     .value = "URL",
     .type = OPTIONTABLE_TEXT,
     .commands = ASKING,
     FIELD(admin_url),
     .instead = "manifests",
     .shown = "http://localhost:10254",
     .help = "ask the running instance whose admin port is there"},
    {.name = "output",
     .letter = 'o',
     .value = "table|json",
     .type = OPTIONTABLE_WORD,
     .commands = ASKING,
     FIELD(output),
     .fallback = "table",
     .words = OUTPUTS,
     .help = "text for people, or JSON for programs"},
    {.name = "alpn",
     .value = "PROTOCOL",
     .type = OPTIONTABLE_TEXT,
     .commands = OPTIONS_EXPLAIN,
     FIELD(alpn),
     .help = "the client offers this protocol; changes no decision in this version"},
    {.name = "client",
     .value = "IP",
     .type = OPTIONTABLE_ADDRESS,
     .commands = OPTIONS_EXPLAIN,
     FIELD(client),
     .help = "the client has this address; changes no decision in this version"},
};

static const struct optiontable_command COMMANDS[] = {
    {.command = OPTIONS_SERVE,
     .name = "serve",
     .usage = "--manifests DIR [options]",
     .help = "Route TLS connections by server name, undecrypted, to the Services that Ingresses "
             "name.",
     .needs_manifests = true},
    {.command = OPTIONS_CHECK,
     .name = "check",
     .usage = "[options] PATH...",
     .help = "Report every problem in manifests (files, directories, - for standard input). Exit "
             "0: no errors, 1: errors, 2: wrong usage.",
     .min_args = 1,
     .max_args = SIZE_MAX},
    {.command = OPTIONS_EXPLAIN,
     .name = "explain",
     .usage = "NAME [--manifests DIR | --admin URL] [options]",
     .help = "Say where a connection with the server name NAME goes, and why: by the manifests in "
             "DIR, or by a running instance. NAME may be empty (\"\"): a connection without one. "
             "Exit 0: routed, 3: not routed, 1: no answer, 2: wrong usage.",
     .min_args = 1,
     .max_args = 1},
    {.command = OPTIONS_ROUTES,
     .name = "routes",
     .usage = "[--admin URL] [options]",
     .help = "List what a running instance serves: hosts, who owns them, endpoints, claims that "
             "lost. Exit 0: listed, 1: no answer, 2: wrong usage."},
    {.command = OPTIONS_VERSION,
     .name = "version",
     .usage = "",
     .help = "Print the version, and those of the compiler and the libraries."},
};

const struct optiontable_row *optiontable_rows(size_t *n_out)
{
    *n_out = ARRAY_LEN(ROWS);
    return ROWS;
}

const struct optiontable_row *optiontable_find(const char *name, size_t len,
                                               enum options_command command)
{
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        if ((ROWS[i].commands & command) != 0 && strlen(ROWS[i].name) == len &&
            memcmp(ROWS[i].name, name, len) == 0) {
            return &ROWS[i];
        }
    }
    return NULL;
}

const struct optiontable_row *optiontable_find_letter(char letter, enum options_command command)
{
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        if ((ROWS[i].commands & command) != 0 && ROWS[i].letter == letter) {
            return &ROWS[i];
        }
    }
    return NULL;
}

const char *optiontable_env_name(const struct optiontable_row *row, char text[OPTIONTABLE_ENV_MAX])
{
    snprintf(text, OPTIONTABLE_ENV_MAX, "SEALWAY_%s", row->name);
    for (char *p = text; *p != '\0'; p++) {
        if (*p >= 'a' && *p <= 'z') {
            *p = (char)(*p - 'a' + 'A');
        } else if (*p == '-') {
            *p = '_';
        }
    }
    return text;
}

const char *optiontable_default(const struct optiontable_row *row)
{
    if (row->shown != NULL) {
        return row->shown;
    }
    return row->fallback != NULL ? row->fallback : "none";
}

const struct optiontable_command *optiontable_commands(size_t *n_out)
{
    *n_out = ARRAY_LEN(COMMANDS);
    return COMMANDS;
}

const struct optiontable_command *optiontable_command(enum options_command command)
{
    size_t i = 0;

    while (COMMANDS[i].command != command) {
        i++;
        ASSERT(i < ARRAY_LEN(COMMANDS));
    }
    return &COMMANDS[i];
}
