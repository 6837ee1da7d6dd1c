/**
 * fakeapi_priv - what the files of the fake API server share.
 *
 *     fake_apiserver.c   start, stop, accepting, behaviour
 *     fakeapi_conn.c     one connection: bytes in and out, how it ends
 *     fakeapi_http.c     its thread: requests read, parsed, sent to who answers
 *     fakeapi_target.c   what a path and a query ask for
 *     fakeapi_out.c      answers written, whole or spoilt
 *     fakeapi_serve.c    lists, single objects, discovery, refusals
 *     fakeapi_watch.c    watches; fakeapi_inject.c: what tests do to open ones
 *     fakeapi_store.c    objects, versions, history
 *     fakeapi_filter.c   namespaces and selectors
 *     fakeapi_script.c   scripts, tokens, what is forbidden
 *     fakeapi_log.c      requests seen
 *     fakeapi_kinds.c    what is served; Status texts
 *     fakeapi_objects.c  usual objects
 *     fakeapi_text.c     texts that grow, memory, time; fakeapi_json.c; fakeapi_gzip.c
 *
 * One mutex guards everything in struct fakeapi and what hangs from it; functions marked (locked)
 * are called with it held.  A connection's thread sleeps in poll(2) on its socket and its `wake`
 * only; whoever changes what may concern it writes to `wake`.
 */
#ifndef FAKES_FAKEAPI_PRIV_H
#define FAKES_FAKEAPI_PRIV_H

#include <pthread.h>
#include <stdarg.h>

#include <openssl/ssl.h>

#include "fakes/fake_apiserver.h"

/* ---- texts ---- */

/** A text that grows; always terminated once something was added.  All 0: empty. */
struct fakeapi_text {
    char *s;
    size_t len, cap;
};

/* Memory that failalloc's torture, which is about the program's own, does not reach. */
void *fakeapi_text_alloc(size_t bytes); /* zeroed */
void *fakeapi_text_grow(void *old, size_t n, size_t size);
char *fakeapi_text_copy(const char *s); /* NULL stays NULL */
char *fakeapi_text_copy_n(const char *s, size_t len);

void fakeapi_text_add(struct fakeapi_text *t, const void *bytes, size_t len);
void fakeapi_text_adds(struct fakeapi_text *t, const char *s);
void fakeapi_text_addf(struct fakeapi_text *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void fakeapi_text_vaddf(struct fakeapi_text *t, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/** With quotes, and escapes where JSON needs them. */
void fakeapi_text_add_quoted(struct fakeapi_text *t, const char *s);
void fakeapi_text_free(struct fakeapi_text *t);

/** Print what is wrong and abort. */
void fakeapi_text_die(const char *what, const char *about) __attribute__((noreturn));

uint64_t fakeapi_text_now_us(void);
uint64_t fakeapi_text_after_ms(unsigned ms);

/* ---- JSON ---- */

struct fakeapi_span {
    const char *at;
    size_t len;
};

/** Where the members of the object in `json` begin. */
const char *fakeapi_json_enter(const char *json);
/** The next member: its key without quotes, its value as written.  false: there is no more. */
bool fakeapi_json_next(const char **at, struct fakeapi_span *key, struct fakeapi_span *value);
bool fakeapi_json_is(struct fakeapi_span s, const char *text);
/** A string without its quotes; anything else is empty. */
struct fakeapi_span fakeapi_json_string(struct fakeapi_span value);

/** The same bytes as a gzip stream (stored, not made smaller). */
void fakeapi_gzip_wrap(struct fakeapi_text *t);

/* ---- what is served ---- */

struct fakeapi_kind {
    enum fakeapi_resource resource;
    const char *path; /* "/apis/networking.k8s.io/v1" */
    const char *group, *api_version, *plural, *kind;
    bool namespaced;
    const char *blank; /* further members of an object with nothing in it, as bookmarks carry */
};

const struct fakeapi_kind *fakeapi_kinds_of(enum fakeapi_resource res);
const struct fakeapi_kind *fakeapi_kinds_find(struct fakeapi_span api_version,
                                              struct fakeapi_span kind);
/** The collection "ingresses" below "/apis/networking.k8s.io/v1". */
const struct fakeapi_kind *fakeapi_kinds_at(const char *path, const char *plural);

/** `details` is a JSON object or NULL; a reason of NULL is the code's usual one. */
void fakeapi_kinds_status(struct fakeapi_text *t, int code, const char *reason, const char *message,
                          const char *details);

/* ---- store ---- */

/** One version of an object; never changes. */
struct fakeapi_object {
    unsigned refs;
    uint64_t version;
    char
        *text; /* its members without apiVersion and kind, and without the digits of its version, */
    size_t len, rv_at; /* which belong here */
    size_t labels_at;  /* within text; 0: none */
    char ns[64], name[256], uid[64], created[40];
};

enum fakeapi_change_type { FAKEAPI_ADDED, FAKEAPI_MODIFIED, FAKEAPI_DELETED };

struct fakeapi_change {
    uint64_t version;
    uint64_t written_us;                 /* to the first watch; 0: not yet */
    struct fakeapi_object *before, *now; /* NULL: none */
};

/** Changes have numbers that only grow: the first in memory has number `first`. */
struct fakeapi_collection {
    struct fakeapi_object **objects; /* by namespace and name */
    size_t n, cap;
    struct fakeapi_change *changes; /* those before `gone` are forgotten */
    size_t gone, n_changes, cap_changes;
    uint64_t first;  /* the number of changes[gone] */
    uint64_t oldest; /* the oldest version that can be watched from */
};

/** What a list or watch wants to see. */
struct fakeapi_filter {
    char ns[64]; /* "": all */
    char labels[256];
    char fields[300];
};

/** A list as it was at one moment. */
struct fakeapi_snapshot {
    uint64_t number, version;
    enum fakeapi_resource resource;
    unsigned refs;
    struct fakeapi_object **objects;
    size_t n;
};
#define FAKEAPI_SNAPSHOTS 16 /* lists that can be continued */

bool fakeapi_filter_passes(const struct fakeapi_filter *f, const struct fakeapi_object *o);
/** false: a field nobody may select by. */
bool fakeapi_filter_is_valid(const struct fakeapi_filter *f);

/* (locked) */
uint64_t fakeapi_store_end(const struct fakeapi_collection *c); /* number of the next change */
struct fakeapi_change *fakeapi_store_change(struct fakeapi_collection *c, uint64_t number);
uint64_t fakeapi_store_after(struct fakeapi_collection *c, uint64_t version);
struct fakeapi_snapshot *fakeapi_store_snapshot(struct fakeapi *api, enum fakeapi_resource res,
                                                const struct fakeapi_filter *f);
void fakeapi_store_keep(struct fakeapi *api, struct fakeapi_snapshot *s);
struct fakeapi_snapshot *fakeapi_store_kept(struct fakeapi *api, uint64_t number);
void fakeapi_store_drop(struct fakeapi_snapshot *s);
struct fakeapi_object *fakeapi_store_find(struct fakeapi *api, enum fakeapi_resource res,
                                          const char *ns, const char *name);
void fakeapi_store_fini(struct fakeapi *api);

/** An object as JSON, with another version than its own when `version` is not 0; `with_kind`: as it
 * stands alone. */
void fakeapi_store_write(const struct fakeapi *api, struct fakeapi_text *t,
                         const struct fakeapi_object *o, const struct fakeapi_kind *with_kind,
                         uint64_t version);

/* ---- connections ---- */

/** Something for an open watch behind change number `at`: bytes, a bookmark, or its end. */
struct fakeapi_insert {
    struct fakeapi_insert *next;
    uint64_t at;
    char *bytes;
    size_t len;
    enum fakeapi_cut cut;
};

struct fakeapi_watching {
    bool is_open, is_writing, is_cut, bookmarks; /* is_cut: its end is among `inserts` */
    enum fakeapi_resource resource;
    struct fakeapi_filter filter;
    uint64_t next;       /* change to look at next */
    uint64_t newer_than; /* versions up to this one are not told */
    struct fakeapi_insert *inserts, **last;
};

struct fakeapi_conn {
    struct fakeapi *api;
    struct fakeapi_conn *next;
    pthread_t thread;
    unsigned number;
    int fd, wake;
    SSL_CTX *ctx;
    SSL *ssl; /* NULL: plain */
    char client[64];
    char in[65536]; /* read and not used yet */
    size_t n_in;
    bool has_ended;
    enum fakeapi_cut doom; /* (locked) other than UNCUT: the connection is to end so, at once */
    bool waits_version;    /* (locked) wants to be woken by any change */
    bool is_held;          /* (locked) */
    struct fakeapi_watching watch; /* (locked) */
};

enum fakeapi_poll { FAKEAPI_READY, FAKEAPI_WOKEN, FAKEAPI_TIMEOUT, FAKEAPI_ENDED };

void fakeapi_conn_wake(struct fakeapi_conn *c);
/** Wait for POLLIN or POLLOUT (0: neither), a wake, or a time in now_us() (0: never). */
enum fakeapi_poll fakeapi_conn_poll(struct fakeapi_conn *c, short events, uint64_t until_us);
bool fakeapi_conn_greet(struct fakeapi_conn *c);
/** Add to c->in.  FAKEAPI_READY: something came.  `until_us` as above. */
enum fakeapi_poll fakeapi_conn_read(struct fakeapi_conn *c, uint64_t until_us);
bool fakeapi_conn_write(struct fakeapi_conn *c, const void *bytes, size_t len);
/** Wait for a time, whatever else happens; false: the connection ends. */
bool fakeapi_conn_pause(struct fakeapi_conn *c, unsigned ms);
/** End it as told; c->fd is closed then. */
void fakeapi_conn_end(struct fakeapi_conn *c, enum fakeapi_cut how);

/* ---- requests and answers ---- */

struct fakeapi_query {
    bool watch, bookmarks, bad_continue, accepts_gzip, keeps_alive;
    char version[128]; /* resourceVersion as given */
    char limit[32], timeout[32];
    char authorization[4200];
    uint64_t snapshot; /* from continue; 0: none */
    size_t from;
    unsigned page;
    const struct fakeapi_kind *kind; /* NULL: no collection */
    struct fakeapi_filter filter;
};

/** A request while it is answered. */
struct fakeapi_call {
    struct fakeapi_conn *conn;
    struct fakeapi_request r;
    struct fakeapi_query q;
    struct fakeapi_answer a; /* texts belong to the call */
    struct fakeapi_behaviour b;
    size_t sent; /* bytes of the body */
    bool is_chunked;
    enum fakeapi_cut end; /* of the connection, once the answer is over; CLEAN: it goes on */
};

/** The head; `len` SIZE_MAX: chunked.  Each returns false when the answer is over (call->end). */
bool fakeapi_out_head(struct fakeapi_call *call, int status, const char *type, size_t len);
bool fakeapi_out_body(struct fakeapi_call *call, const char *bytes, size_t len);
void fakeapi_out_finish(struct fakeapi_call *call);
/** Cut here. */
void fakeapi_out_cut(struct fakeapi_call *call, enum fakeapi_cut how);
/** A whole answer: JSON of that status. */
void fakeapi_out_json(struct fakeapi_call *call, int status, const struct fakeapi_text *body);
void fakeapi_out_status(struct fakeapi_call *call, int code, const char *message,
                        const char *details);

/** Answer as scripted or usual. */
void fakeapi_serve_call(struct fakeapi_call *call);
void fakeapi_watch_serve(struct fakeapi_call *call);
/** (locked) Something for an open watch, behind all changes up to now. */
void fakeapi_inject_add(struct fakeapi_conn *c, const void *bytes, size_t len,
                        enum fakeapi_cut cut);
void fakeapi_inject_bookmark(struct fakeapi_conn *c);
/** (locked) Wake who watches a resource, and who waits for a version. */
void fakeapi_watch_wake(struct fakeapi *api, enum fakeapi_resource res);
/** (locked) The version as a number: 0 for "" and "0", UINT64_MAX for what is too large. */
bool fakeapi_watch_version(const struct fakeapi *api, const char *text, uint64_t *out);
/** (locked) Drop what a watch was to write; it is closed. */
void fakeapi_watch_close(struct fakeapi_conn *c);

/** Fill r and q from the target of a request. */
void fakeapi_target_parse(const struct fakeapi *api, const char *target, struct fakeapi_call *call);

/** The thread of a connection. */
void *fakeapi_http_run(void *conn);

/* ---- scripts, log ---- */

struct fakeapi_script {
    struct fakeapi_script *next;
    struct fakeapi_match match;
    struct fakeapi_answer answer;
    unsigned left; /* 0: for all */
};

/** (locked) Copy into the call what is scripted for it. */
void fakeapi_script_take(struct fakeapi *api, struct fakeapi_call *call);
void fakeapi_script_free_answer(struct fakeapi_answer *a);
bool fakeapi_script_matches(const struct fakeapi_match *m, const struct fakeapi_request *r);
/** (locked) */
bool fakeapi_script_lets_in(const struct fakeapi *api, const char *authorization);
void fakeapi_script_fini(struct fakeapi *api);

/** (locked) Number it and keep it. */
void fakeapi_log_add(struct fakeapi *api, struct fakeapi_request *r);
void fakeapi_log_set_status(struct fakeapi *api, unsigned number, int status);

/** (locked) Wait until `changed` is signalled or `until_us` has passed; false: passed. */
bool fakeapi_log_wait(struct fakeapi *api, uint64_t until_us);

struct fakeapi {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* of anything that somebody may wait for */
    pthread_t acceptor;
    int wake, holder, listener; /* the holder keeps the port while nobody listens */
    struct netaddr addr;
    char prefix[128], rv_prefix[64];
    bool has_tls, stops, listens, is_frozen;
    SSL_CTX *ctx;
    char client_ca[512];
    struct fakeapi_behaviour behaviour;
    char extra_head[512];
    struct fakeapi_conn *conns;
    unsigned n_accepted, n_open;
    uint64_t version, made; /* `made`: uids so far */
    struct fakeapi_collection collections[FAKEAPI_RESOURCES];
    struct fakeapi_snapshot *kept[FAKEAPI_SNAPSHOTS];
    uint64_t n_snapshots;
    struct fakeapi_script *scripts;
    unsigned releases, n_held;
    bool forbidden[4][FAKEAPI_RESOURCES];
    char tokens[2][4096];
    struct fakeapi_request *log;
    unsigned n_log, cap_log;
};

#endif
