/**
 * fake_apiserver - a Kubernetes API server with a script: real HTTP/1.1, real TLS, real threads.
 *
 * Untold, it does what kube-apiserver does: lists with pages and consistent snapshots, watches with
 * history, bookmarks and selectors (labels: k, !k, k=v, k!=v; fields: metadata.name, .namespace),
 * one resourceVersion for everything, Status answers, discovery.  It only reads: GET.
 * Told otherwise, it does what goes wrong: any answer, delays, half answers, stalls, resets,
 * foreign bytes within a watch, lost history, versions that go back, another certificate.
 *
 * Everything is called from the test's thread (any thread will do); nothing waits but what says so.
 * What a test cannot go on without aborts it.  The clock is the kernel's, whatever clock_replace()
 * was told.  Bytes of objects pass through as written, numbers and escapes untouched: only
 * metadata's resourceVersion, uid and creationTimestamp are the server's.
 *
 *     struct fakeapi_config cfg = {.cert = certs_path(certs, "api", path)};
 *     struct fakeapi *api = fakeapi_start(&cfg);
 *
 *     fakeapi_put_ingress(api, "shop", "web", "www.example.com", "web");
 *     fakeapi_wait_watches(api, FAKEAPI_INGRESSES, 1);
 *     fakeapi_cut(api, FAKEAPI_INGRESSES, FAKEAPI_RST);
 *     fakeapi_stop(api);
 */
#ifndef FAKES_FAKE_APISERVER_H
#define FAKES_FAKE_APISERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/netaddr.h"

struct fakeapi;

#define FAKEAPI_PATIENCE_MS 20000u /* how long the waiting functions wait before they give up */

enum fakeapi_resource {
    FAKEAPI_ANY_RESOURCE,
    FAKEAPI_INGRESSES,
    FAKEAPI_INGRESSCLASSES,
    FAKEAPI_SERVICES,
    FAKEAPI_ENDPOINTS,
    FAKEAPI_ENDPOINTSLICES,
    FAKEAPI_OTHER, /* discovery, /version, paths nobody serves */
};
#define FAKEAPI_RESOURCES 7

enum fakeapi_verb { FAKEAPI_ANY_VERB, FAKEAPI_LIST, FAKEAPI_WATCH, FAKEAPI_GET };

/* ---- start and stop ---- */

/** Texts are borrowed for the call of fakeapi_start() only. */
struct fakeapi_config {
    const char *cert;       /* PEM file with key and certificate; NULL: plain http */
    const char *client_ca;  /* clients may show a certificate, from this CA only; NULL: not asked */
    const char *prefix;     /* path in front of everything, "/k8s/c1"; NULL: none */
    const char *rv_prefix;  /* digits in front of every resourceVersion; NULL: none */
    uint64_t first_version; /* 0: 100 */
    bool ipv6;              /* on ::1 instead of 127.0.0.1 */
};

/** Listen on a free port and serve. */
struct fakeapi *fakeapi_start(const struct fakeapi_config *cfg);

/** End every connection and thread, free everything.  NULL is ignored. */
void fakeapi_stop(struct fakeapi *api);

struct netaddr fakeapi_addr(const struct fakeapi *api);
uint16_t fakeapi_port(const struct fakeapi *api);

/** "https://127.0.0.1:PORT/prefix"; `host` in place of the address when not NULL ("localhost").
 * Returns `out`. */
const char *fakeapi_url(const struct fakeapi *api, const char *host, char out[256]);

/* ---- objects ---- */

/** Create or replace an object; `json` has apiVersion, kind and metadata.name.  Watches get ADDED
 * or MODIFIED.  uid and creationTimestamp are taken from the text, else from the object it
 * replaces, else made.  Returns its resourceVersion, as a number without the prefix. */
uint64_t fakeapi_put(struct fakeapi *api, const char *json);

/** As fakeapi_put(); the text is made as for printf. */
uint64_t fakeapi_putf(struct fakeapi *api, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/** Remove it; watches get DELETED.  Returns the resourceVersion of that, 0: there was none. */
uint64_t fakeapi_delete(struct fakeapi *api, enum fakeapi_resource res, const char *ns,
                        const char *name);

/** When (clock_now_us(), without replacement) the event of version `rv` had been written to the
 * first watch; waits for that.  0: nobody watches, or FAKEAPI_PATIENCE_MS have passed. */
uint64_t fakeapi_written_us(struct fakeapi *api, enum fakeapi_resource res, uint64_t rv);

/** Usual objects, put at once (host NULL: a rule without host). */
uint64_t fakeapi_put_class(struct fakeapi *api, const char *name, const char *controller);
uint64_t fakeapi_put_ingress(struct fakeapi *api, const char *ns, const char *name,
                             const char *host, const char *service); /* class sealway, port 443 */
uint64_t fakeapi_put_service(struct fakeapi *api, const char *ns, const char *name); /* https 443 */
/** The slice "NAME-1" of a Service: port https 8443, ready `addresses` separated by spaces (""
 * for none: "endpoints":null). */
uint64_t fakeapi_put_slice(struct fakeapi *api, const char *ns, const char *service,
                           const char *addresses);
/** Likewise as Endpoints of the Service's name. */
uint64_t fakeapi_put_endpoints(struct fakeapi *api, const char *ns, const char *service,
                               const char *addresses);
/** The slice SERVICE-`part`, with range[1] made-up ready addresses from number range[0] on
 * (10.0.0.0 + number). */
uint64_t fakeapi_put_slice_n(struct fakeapi *api, const char *ns, const char *service,
                             unsigned part, const unsigned range[2]);

/** The version of the last change; how many objects there are. */
uint64_t fakeapi_version(struct fakeapi *api);
size_t fakeapi_count(struct fakeapi *api, enum fakeapi_resource res);

/** Forget all history: a watch from an older version, and a list that continues, is told 410. */
void fakeapi_compact(struct fakeapi *api);

/** As after the restore of a backup: the version is `rv`, all objects are gone, then `objects`
 * (texts, ended by NULL) are put; history is lost, watches end as by FAKEAPI_CLEAN. */
void fakeapi_restore(struct fakeapi *api, uint64_t rv, const char *const *objects);

/* ---- how it behaves from now on ---- */

/** All 0 at first. */
struct fakeapi_behaviour {
    unsigned too_new_ms;  /* patience with a list newer than the server; 0: 3000 */
    unsigned watch_ms;    /* watches end after so long; 0: after their timeoutSeconds */
    bool endless_watches; /* or never, whatever they ask for */
    unsigned bookmark_ms; /* a bookmark that often; 0: only asked for, and before a timed end */
    size_t piece_bytes;   /* all bodies in chunks and writes of this size; 0: as large as is */
    size_t gzip_over;     /* lists above are gzipped for who accepts it; 0: 128 KiB */
    size_t history;       /* events kept of a resource; 0: 102400 */
    bool custom_like;     /* lists as of custom resources: metadata behind items, kinds in items */
    bool no_slices;       /* discovery.k8s.io/v1 is 404 */
    const char *extra_head; /* more header lines in every answer, "Warning: 299 - \"x\"\r\n" */
};
void fakeapi_behave(struct fakeapi *api, const struct fakeapi_behaviour *b);

/** Only these bearer tokens are let in, others get 401; `second` may be NULL, `first` NULL: all
 * are. */
void fakeapi_set_tokens(struct fakeapi *api, const char *first, const char *second);

/** Answer 403 to this verb on this resource (ANY: to all), or no longer. */
void fakeapi_forbid(struct fakeapi *api, enum fakeapi_verb verb, enum fakeapi_resource res,
                    bool is_forbidden);

/** New connections get another certificate. */
void fakeapi_use_cert(struct fakeapi *api, const char *cert);

/** false: connections are refused; those that are open stay.  true: the same port again. */
void fakeapi_listen(struct fakeapi *api, bool does);

/** true: the process "stops": the kernel accepts and acknowledges, nothing is answered or sent any
 * more.  false: it goes on where it was. */
void fakeapi_freeze(struct fakeapi *api, bool is_frozen);

/* ---- faults ---- */

/** How a stream of bytes ends. */
enum fakeapi_cut {
    FAKEAPI_UNCUT,
    FAKEAPI_CLEAN, /* the last chunk; the connection may go on */
    FAKEAPI_CLOSE, /* TLS close_notify and FIN, without the last chunk */
    FAKEAPI_FIN,   /* bare FIN */
    FAKEAPI_RST,
    FAKEAPI_STALL, /* nothing more, and the connection stays open */
};

/** Which requests; all 0 and NULL: every one. */
struct fakeapi_match {
    enum fakeapi_verb verb;
    enum fakeapi_resource resource;
    const char *ns;    /* "" means across all namespaces; NULL: any */
    unsigned page;     /* of a list: 1 the first, 2 that with the first token, ...; 0: any */
    const char *query; /* words that are in the query */
};

/** What they get.  All 0: the usual answer. */
struct fakeapi_answer {
    int status;               /* 0: the usual answer, which the rest may spoil; -1: none at all, the
                                 connection ends as `cut` says (UNCUT: never, it hangs) */
    const char *body;         /* with `status`; NULL: a Status of that code */
    const char *content_type; /* NULL: application/json */
    const char *head;         /* more header lines, each with \r\n */
    bool chunked;             /* a body of `status` without Content-Length */
    bool held;                /* before anything: wait for fakeapi_release() */
    unsigned delay_ms;        /* before anything: wait so long */
    enum fakeapi_cut cut;     /* the body ends so after `cut_after` bytes (without chunk heads), */
    size_t cut_after;         /* or where it is shorter, there */
    size_t drip_bytes;        /* so many bytes at a time, */
    unsigned drip_ms;         /* with so long between them; the head as well when `drip_head` */
    bool drip_head;
};

/** The next `times` requests (0: all) that match get this; scripts are asked in the order they were
 * given, and each in its turn until it is used up.  Texts are copied. */
void fakeapi_script(struct fakeapi *api, const struct fakeapi_match *m, unsigned times,
                    const struct fakeapi_answer *a);

/** Forget all scripts; requests held are released. */
void fakeapi_unscript(struct fakeapi *api);

/** Let the requests go on that are held now; how many are. */
void fakeapi_release(struct fakeapi *api);
unsigned fakeapi_held(struct fakeapi *api);

/** A Status as kube-apiserver writes it; NULL reason: the usual one of the code.  Free it. */
char *fakeapi_status(int code, const char *reason, const char *message);
/** The same as a watch event of type ERROR, with its line end. */
char *fakeapi_error_event(int code, const char *reason, const char *message);
/** The answer to a list newer than the server; false: as old servers write it, in words only. */
char *fakeapi_too_large(uint64_t wanted, uint64_t current, bool with_cause);
/** An event line ("ADDED", ...) of an object as it is now, to inject.  Free it. */
char *fakeapi_event(struct fakeapi *api, const char *type, enum fakeapi_resource res,
                    const char *ns, const char *name);

/* ---- open watches: what follows comes behind all events before it, in order ---- */

unsigned fakeapi_watches(struct fakeapi *api, enum fakeapi_resource res);

/** Wait until `n` or more are open; false: in vain. */
bool fakeapi_wait_watches(struct fakeapi *api, enum fakeapi_resource res, unsigned n);

/** Put bytes into the stream of every open watch of a resource. */
void fakeapi_inject(struct fakeapi *api, enum fakeapi_resource res, const void *bytes, size_t len);
void fakeapi_inject_text(struct fakeapi *api, enum fakeapi_resource res, const char *text);

/** A BOOKMARK of the present version to those that allow it. */
void fakeapi_bookmark(struct fakeapi *api, enum fakeapi_resource res);

/** End every open watch of a resource so (ANY: of all). */
void fakeapi_cut(struct fakeapi *api, enum fakeapi_resource res, enum fakeapi_cut how);

/** Wait until open watches have written all that they have to write; false: in vain. */
bool fakeapi_wait_written(struct fakeapi *api, enum fakeapi_resource res);

/** End all connections at once, whatever they do: FIN or RST. */
void fakeapi_drop(struct fakeapi *api, enum fakeapi_cut how);

/* ---- what was asked ---- */

struct fakeapi_request {
    uint64_t at_us;      /* clock_now_us(), without replacement */
    unsigned number;     /* 1 for the server's first */
    unsigned connection; /* 1 for the server's first */
    enum fakeapi_verb verb;
    enum fakeapi_resource resource;
    unsigned page; /* as in struct fakeapi_match; 0: no list */
    int status;    /* of the answer; 0: none yet, or none at all */
    char ns[64], name[256];
    char method[8], path[256], query[512];
    char authorization[128], accept[64], accept_encoding[64], user_agent[96];
    char client[64]; /* common name of the certificate shown */
};

/** How many requests so far match (NULL: all). */
unsigned fakeapi_requests(struct fakeapi *api, const struct fakeapi_match *m);

/** The last of them, and the one numbered `n` from 0 on; false: there is none. */
bool fakeapi_last_request(struct fakeapi *api, const struct fakeapi_match *m,
                          struct fakeapi_request *out);
bool fakeapi_request(struct fakeapi *api, const struct fakeapi_match *m, unsigned n,
                     struct fakeapi_request *out);

/** Wait until so many match; false: in vain. */
bool fakeapi_wait_requests(struct fakeapi *api, const struct fakeapi_match *m, unsigned n);

/** The largest number of them within any one second. */
unsigned fakeapi_busiest_second(struct fakeapi *api, const struct fakeapi_match *m);

/** Connections accepted so far; open now. */
unsigned fakeapi_accepted(struct fakeapi *api);
unsigned fakeapi_open(struct fakeapi *api);

#endif
