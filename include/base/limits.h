/**
 * limits - every cap of the program in one place.
 *
 * A cap bounds what one peer, one file or one object can cost.  Where an option sets the value, the
 * numbers here are the range the option accepts.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Data path, per connection. */
#define LIMIT_HELLO_MIN_BYTES     512u            /* smallest --hello-max-bytes */
#define LIMIT_HELLO_DEFAULT_BYTES (64u * 1024u)   /* RFC 8446 4.1.2 allows more; nobody sends it */
#define LIMIT_HELLO_MAX_BYTES     (1024u * 1024u) /* largest --hello-max-bytes */
#define LIMIT_RECORD_BYTES        16384u          /* RFC 8446 5.1: TLSPlaintext.length */
#define LIMIT_RELAY_BYTES         (64u * 1024u)   /* one read */
#define LIMIT_RELAY_READS         4u              /* per event, so that no peer starves others */
#define LIMIT_RELAY_SPLICES       2u              /* likewise, among these reads */
#define LIMIT_RELAY_SPLICE_BYTES  262144u         /* 256 KiB: none behind one of so much */
#define LIMIT_ACCEPT_BATCH        32u             /* accepts per event */
#define LIMIT_CONNECT_RETRIES     15u             /* largest --connect-retries */
#define LIMIT_LINGER_BYTES        (64u * 1024u)   /* unread input drained behind an answer or FIN */
#define LIMIT_LINGER_MS           1000u           /* and for how long */
#define LIMIT_ALPN_TEXT           128u            /* ALPN list kept for the log, comma separated */
#define LIMIT_WORKERS             256u
#define LIMIT_LISTENERS           64u

/* Pipes of all workers: as many flows that move in bulk can be stalled and still be spliced.  Each
 * may hold a MiB of the kernel's memory, and an unprivileged user gets 64 of this size for all of
 * its processes. */
#define LIMIT_PIPES          64u
#define LIMIT_PIPE_BYTES     (1024 * 1024) /* wanted: the most for unprivileged users */
#define LIMIT_PIPE_MIN_BYTES (256 * 1024)  /* accepted: with less, copying is as good */

/* Admin port. */
#define LIMIT_ADMIN_CLIENTS       32u
#define LIMIT_ADMIN_ANSWERS       24u /* of them; the rest is left to newcomers */
#define LIMIT_ADMIN_HEAD_BYTES    8192u
#define LIMIT_ADMIN_INPUT_BYTES   16384u /* read ahead */
#define LIMIT_ADMIN_REQUESTS      1000u  /* on one connection */
#define LIMIT_ADMIN_REQUEST_MS    5000u
#define LIMIT_ADMIN_ANSWER_MS     30000u
#define LIMIT_ADMIN_IDLE_MS       90000u /* a scrape a minute keeps its connection */
#define LIMIT_ADMIN_PAGE_BYTES    (64ul * 1024ul * 1024ul)
#define LIMIT_ADMIN_WAITING_BYTES (128ul * 1024ul * 1024ul) /* of pages not taken yet */
#define LIMIT_ADMIN_SMALL_PAGE    16384u /* never refused for lack of room: health must be told */
#define LIMIT_HEALTH_PROBES       16u    /* of each kind */
#define LIMIT_METRICS_SOURCES     32u

/* Endpoints. */
#define LIMIT_ENDPOINT_SKIP_MS 10000u /* how long a failed endpoint is passed over */

/* Logs. */
#define LIMIT_LOG_LINE  2048u          /* one line, cut beyond */
#define LIMIT_LOG_VALUE 300u           /* one untrusted value, cut beyond */
#define LIMIT_LOG_RING  (256u * 1024u) /* bytes of lines one thread may have waiting */
/* Access lines of connections that were not relayed, for each reason and worker; and lines about
 * failed dials, for each worker. */
#define LIMIT_ACCESS_LINES_PER_S 100u
#define LIMIT_ACCESS_LINES_BURST 200u

/* Objects from an API server.  An object is at most 1.5 MiB there; client-go reads 16 MiB. */
#define LIMIT_KUBE_OBJECT_BYTES        (16ul * 1024ul * 1024ul)
#define LIMIT_KUBE_LIST_OBJECTS        1000000u                   /* in one list, all pages */
#define LIMIT_KUBE_LIST_BYTES          (1024ul * 1024ul * 1024ul) /* likewise, decompressed */
#define LIMIT_KUBE_OBJECT_DEPTH        200u
#define LIMIT_KUBE_NAMESPACES          64u /* of --watch-namespace; each costs three connections */
#define LIMIT_KUBE_CONFIG_BYTES        (1024u * 1024u) /* one kubeconfig, one PEM file */
#define LIMIT_KUBE_CONFIG_FILES        64u             /* of $KUBECONFIG */
#define LIMIT_KUBE_VERDICTS_PER_OBJECT 100u
#define LIMIT_KUBE_HEAD_BYTES          65536u /* of one answer, trailers included */
#define LIMIT_KUBE_WARNINGS            64u    /* Warning headers told, each once */
#define LIMIT_STATUS_ADDRESSES         64u    /* of one status.loadBalancer */
#define LIMIT_STATUS_ENTRY_BYTES       4096u  /* of one entry that says more than an address */

/* Objects and files. */
#define LIMIT_MANIFEST_FILE_BYTES (64u * 1024u * 1024u)
#define LIMIT_MANIFEST_DEPTH      32u /* directories below --manifests */
#define LIMIT_MANIFEST_FILES      100000u
#define LIMIT_YAML_DEPTH          100u     /* nesting in one document */
#define LIMIT_YAML_NODES          8000000u /* scalars and containers in one file */
#define LIMIT_VERDICTS_PER_FILE   1000u
#define LIMIT_ENDPOINTS_PER_POOL  60000u /* what a uint16_t names, less a reserve */

#endif
