/**
 * options - what the user asked for: command line over environment over default.
 *
 * The rows of optiontable.h say which options there are; this parses them into one struct that the
 * commands read.  Never prints and never exits: an error is one line in a struct err.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/log.h"
#include "base/netaddr.h"
#include "controller/kubesource.h"
#include "controller/translate.h"
#include "proxy/proxy.h"

/** The commands that take options, as a set. */
enum options_command {
    OPTIONS_SERVE = 1 << 0,
    OPTIONS_CHECK = 1 << 1,
    OPTIONS_EXPLAIN = 1 << 2,
    OPTIONS_VERSION = 1 << 3,
    OPTIONS_ROUTES = 1 << 4,
};

/** How an answer is printed. */
enum options_output { OPTIONS_TABLE, OPTIONS_JSON };

/** Whether anything is written to the API server; auto: inside a cluster. */
enum options_write { OPTIONS_WRITE_AUTO, OPTIONS_WRITE_ON, OPTIONS_WRITE_OFF };

/** Texts in the order given; they live as long as the options. */
struct options_list {
    const char **items;
    size_t n;
};

struct options {
    bool help; /* --help was given; nothing else can be relied on */

    /* Where objects come from; all NULL: $KUBECONFIG, or the pod's service account. */
    const char *manifests;
    const char *kubeconfig, *context;
    struct options_list watch_namespaces; /* none: all */
    enum kubesource_endpoints endpoints_api;

    /* What is written to the API server. */
    enum options_write write;
    const char *election_lease;
    const char *publish_service; /* "NS/NAME"; NULL: none */
    struct options_list publish_addresses;

    struct options_list args; /* what is no option: paths of `check`, the name of `explain` */

    /* Which Ingresses are served. */
    const char *controller_class;
    struct options_list ingress_classes;
    bool ingress_class_only;
    bool ingress_without_class;
    enum translate_require require_annotation;
    struct options_list catch_all;

    /* The data plane. */
    struct netaddr *listen; /* none given: n_listen is 0 */
    size_t n_listen;
    uint32_t workers; /* 0: as many as CPUs are usable */
    struct proxy_policy policy;
    uint32_t max_connections;            /* 0: what RLIMIT_NOFILE allows */
    uint32_t max_connections_per_client; /* 0: off */
    uint64_t drain_delay_ms;
    uint64_t drain_timeout_ms;

    /* The admin port. */
    struct netaddr admin; /* family AF_UNSPEC: the default */
    bool admin_open;
    bool per_route_metrics;
    const char *admin_url; /* of `explain` and `routes`: the instance to ask; NULL: the default */

    /* What is written. */
    enum log_format log_format;
    enum log_level log_level;
    bool access_log;
    const char *ports_file;

    enum options_output output; /* of `explain` and `routes` */

    /* Of `explain`. */
    const char *alpn;
    const char *client;

    struct arena arena; /* holds every text and list */
};

/**
 * Parse the arguments behind the command's name, and the environment.  The command line wins; a
 * list given there replaces one of the environment.  An empty variable counts as not set.
 *
 * Returns 0, -EINVAL or -ENOMEM with `e` filled; options_fini() is due in every case.
 */
MUST_CHECK int options_parse(struct options *o, enum options_command command, int argc, char **argv,
                             struct err *e);

/** Free what options_parse() allocated. */
void options_fini(struct options *o);

/** The part that says which Ingresses are served; borrows from `o`, knows no listener. */
struct translate_config options_translate(const struct options *o);

#endif
