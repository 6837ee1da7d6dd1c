#include "support/kubescene.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/logring.h"
#include "controller/source.h"

#define PATIENCE_MS 60000u
#define TURN_MS     5     /* the loop waits so long for something to happen, at most */
#define LEAP_MS     5000u /* the clock goes no further at once, for what is under way takes */
#define STEP_MS     12    /* real time: so long without news, and the next step follows */

#define DOZE_MS     30000u /* so far at once of a doze */
#define QUIET_TURNS 3
#define LOG_BYTES   65536u

/* Added to the kernel's clock.  The source's thread is the test's; the server has a clock of its
 * own. */
static uint64_t added_us;

static uint64_t kernel_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t now_us(void)
{
    return kernel_us() + added_us;
}

static void on_notice(void *ctx)
{
    struct kubescene *s = ctx;

    s->notices++;
}

static char *copy(const char *text)
{
    char *made = text != NULL ? strdup(text) : NULL;

    assert_true(made != NULL || text == NULL);
    return made;
}

static void make_access(struct kubescene *s)
{
    char url[256], path[PATH_MAX];
    struct kubeaccess *a = &s->access;

    a->server = copy(fakeapi_url(s->api, s->cfg.plain ? NULL : "localhost", url));
    a->ca.file = copy(s->cfg.plain ? NULL : certs_path(s->certs, "ca", path));
    a->token_file = copy(s->cfg.token != NULL ? tempdir_path(&s->dir, "token", path) : NULL);
    a->ns = copy("");
    a->origin = copy("the test");
}

void kubescene_write_token(struct kubescene *s, const char *token)
{
    tempdir_replace(&s->dir, "token", token);
}

void kubescene_start(struct kubescene *s, const struct kubescene_config *cfg)
{
    char cert[PATH_MAX];

    memset(s, 0, sizeof(*s));
    if (cfg != NULL) {
        s->cfg = *cfg;
    }
    added_us = 0;
    clock_replace(now_us);
    tempdir_make(&s->dir);
    s->certs = certs_new(&s->dir);
    certs_issue(s->certs, "api", "localhost");
    if (!s->cfg.plain) {
        s->cfg.api.cert = certs_path(s->certs, "api", cert);
    }
    if (s->cfg.token != NULL) {
        kubescene_write_token(s, s->cfg.token);
    }
    s->api = fakeapi_start(&s->cfg.api);
    s->cfg.api.cert = NULL; /* borrowed for the call */
    make_access(s);
    s->step_ms = LEAP_MS;
    s->base = event_base_new();
    assert_non_null(s->base);
    s->ring = logring_new(LOG_BYTES);
    assert_non_null(s->ring);
    log_use_ring(s->ring);
    if (!s->cfg.closed) {
        kubescene_open_source(s);
    }
}

void kubescene_open_source(struct kubescene *s)
{
    struct kubesource_config cfg = {.access = &s->access,
                                    .agent = "sealway/test (linux/amd64)",
                                    .namespaces = s->cfg.namespaces,
                                    .endpoints = s->cfg.endpoints,
                                    .names_classes = true};
    struct source_host host = {.base = s->base, .notice = on_notice, .ctx = s};
    struct err e = {.text = ""};

    while (cfg.namespaces != NULL && cfg.namespaces[cfg.n_namespaces] != NULL) {
        cfg.n_namespaces++;
    }
    s->store = store_new();
    assert_non_null(s->store);
    host.store = s->store;
    if (kubesource_open(&s->source, &cfg, &host, &e) != 0) {
        fail_msg("cannot open the source: %s", e.text);
    }
    s->notices = s->changes = 0;
}

void kubescene_close_source(struct kubescene *s)
{
    if (s->source.ops != NULL) {
        s->source.ops->free(s->source.self);
    }
    s->source = (struct source){.ops = NULL};
    store_free(s->store);
    s->store = NULL;
}

void kubescene_stop(struct kubescene *s)
{
    kubescene_close_source(s);
    if (s->base != NULL) {
        event_base_free(s->base);
    }
    fakeapi_stop(s->api);
    kubeaccess_fini(&s->access);
    log_use_ring(NULL);
    logring_free(s->ring);
    free(s->log);
    free(s->came_ms);
    if (s->certs != NULL) {
        certs_free(s->certs);
    }
    tempdir_remove(&s->dir);
    clock_replace(NULL);
    memset(s, 0, sizeof(*s));
}

/* ---- turning -------------------------------------------------------------------------------- */

static void on_turn_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static void sync_source(struct kubescene *s)
{
    struct source_change change = {.changed = false};
    struct err e = {.text = ""};

    if (s->source.ops->sync(s->source.self, &change, &e) != 0) {
        fail_msg("sync: %s", e.text);
    }
    s->changes += change.changed;
}

static bool take_line(void *ctx, enum log_stream stream, const char *line, size_t len)
{
    struct kubescene *s = ctx;

    (void)stream;
    s->log = realloc(s->log, s->log_len + len + 1);
    assert_non_null(s->log);
    memcpy(s->log + s->log_len, line, len);
    s->log_len += len;
    s->log[s->log_len] = '\0';
    return true;
}

/* Note when requests came. */
static void stamp_requests(struct kubescene *s)
{
    unsigned n = fakeapi_requests(s->api, NULL);

    if (n == s->n_came) {
        return;
    }
    s->came_ms = realloc(s->came_ms, n * sizeof(*s->came_ms));
    assert_non_null(s->came_ms);
    while (s->n_came < n) {
        s->came_ms[s->n_came++] = clock_now_ms();
    }
}

/* One turn of the loop, that waits for something to happen for TURN_MS at most. */
static void turn(struct kubescene *s)
{
    const struct timeval wait = {.tv_usec = TURN_MS * 1000};
    unsigned before = s->notices;

    assert_int_equal(event_base_once(s->base, -1, EV_TIMEOUT, on_turn_over, NULL, &wait), 0);
    (void)event_base_loop(s->base, EVLOOP_ONCE);
    (void)logring_drain(s->ring, take_line, s);
    stamp_requests(s);
    if (s->notices != before) {
        sync_source(s);
    }
}

bool kubescene_until(struct kubescene *s, bool (*cond)(void *ctx), void *ctx, unsigned limit_ms)
{
    uint64_t end_us = kernel_us() + limit_ms * UINT64_C(1000);

    while (!cond(ctx)) {
        if (kernel_us() >= end_us) {
            return false;
        }
        turn(s);
    }
    return true;
}

static bool is_complete(void *ctx)
{
    const struct kubescene *s = ctx;

    return s->source.ops->is_complete(s->source.self);
}

bool kubescene_complete(struct kubescene *s)
{
    return kubescene_until(s, is_complete, s, PATIENCE_MS);
}

struct wanted {
    struct kubescene *scene;
    enum object_kind kind;
    const char *ns, *name;
    char version[32]; /* "": any */
    bool gone;
};

static bool is_as_wanted(void *ctx)
{
    const struct wanted *w = ctx;
    const struct objmeta *o = store_find(w->scene->store, w->kind, w->ns, w->name);

    if (o == NULL || w->gone) {
        return (o == NULL) == w->gone;
    }
    return *w->version == '\0' || strcmp(o->resource_version, w->version) == 0;
}

bool kubescene_has(struct kubescene *s, enum object_kind kind, const char *ns, const char *name,
                   uint64_t version)
{
    struct wanted w = {.scene = s, .kind = kind, .ns = ns, .name = name};

    if (version != 0) {
        snprintf(w.version, sizeof(w.version), "%llu", (unsigned long long)version);
    }
    return kubescene_until(s, is_as_wanted, &w, PATIENCE_MS);
}

bool kubescene_lacks(struct kubescene *s, enum object_kind kind, const char *ns, const char *name)
{
    struct wanted w = {.scene = s, .kind = kind, .ns = ns, .name = name, .gone = true};

    return kubescene_until(s, is_as_wanted, &w, PATIENCE_MS);
}

struct asked {
    struct kubescene *scene;
    const struct fakeapi_match *match;
    unsigned n;
};

static bool was_asked(void *ctx)
{
    const struct asked *a = ctx;

    return fakeapi_requests(a->scene->api, a->match) >= a->n;
}

bool kubescene_requests(struct kubescene *s, const struct fakeapi_match *m, unsigned n)
{
    struct asked a = {.scene = s, .match = m, .n = n};

    return kubescene_until(s, was_asked, &a, PATIENCE_MS);
}

/* Whether a thread of this process is about to do something: what it does on loopback is there at
 * once, so that while all sleep nothing is on its way, however slow the machine. */
static bool is_at_work(const char *tid)
{
    char path[64], text[512];
    const char *state;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false; /* it has ended */
    }
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    state = strrchr(text, ')');
    return state != NULL && state[1] == ' ' && (state[2] == 'R' || state[2] == 'D');
}

static bool are_others_at_work(void)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    char own[16];
    bool yes = false;

    assert_non_null(tasks);
    snprintf(own, sizeof(own), "%d", (int)gettid());
    while (!yes && (task = readdir(tasks)) != NULL) {
        yes = task->d_name[0] != '.' && strcmp(task->d_name, own) != 0 && is_at_work(task->d_name);
    }
    closedir(tasks);
    return yes;
}

/* How long one has to wait to be sure when the last look took so long: the later this thread gets
 * on on a busy machine, the later may the kernel hand over what others sent.  The whole look
 * counts: a thread that answers while this one is held up sleeps again when it is looked at. */
static uint64_t patience_us(uint64_t took_us)
{
    static uint64_t late_us;

    late_us -= late_us / 8;
    if (took_us > TURN_MS * 1000 + late_us) {
        late_us = took_us - TURN_MS * 1000;
    }
    return late_us * 4;
}

void kubescene_settle(struct kubescene *s, unsigned quiet_ms)
{
    uint64_t at_us = kernel_us(), since_us = at_us, more_us;
    unsigned requests = s->n_came, notices = s->notices, turns = 0;

    do {
        uint64_t began_us = at_us;
        bool at_work;

        turn(s);
        turns++;
        at_work = are_others_at_work();
        at_us = kernel_us(); /* once: held up behind this, it is to go on as if it had not been */
        more_us = patience_us(at_us - began_us);
        if (at_work || s->n_came != requests || s->notices != notices) {
            requests = s->n_came;
            notices = s->notices;
            since_us = at_us;
            turns = 0;
        }
    } while (at_us - since_us < quiet_ms * UINT64_C(1000) + more_us || turns < QUIET_TURNS);
}

/* How far the clock goes at once: to what is due next, but not behind `end_us`. */
static uint64_t next_step_us(const struct kubescene *s, uint64_t end_us)
{
    uint64_t now = now_us(), due = kubesource_due_ms(s->source.self);
    uint64_t left = end_us - now, leap = s->step_ms * UINT64_C(1000);

    if (due <= now / 1000) {
        return left < 1000 ? left : 1000;
    }
    left = left < leap ? left : leap;
    return due < (now + left) / 1000 ? due * 1000 - now : left;
}

void kubescene_pass(struct kubescene *s, uint64_t ms)
{
    uint64_t end_us = now_us() + ms * 1000;

    while (now_us() < end_us) {
        added_us += next_step_us(s, end_us);
        kubesource_turn(s->source.self);
        kubescene_settle(s, STEP_MS);
    }
}

void kubescene_leap(struct kubescene *s, uint64_t ms)
{
    added_us += ms * 1000;
    kubesource_turn(s->source.self);
}

void kubescene_doze(struct kubescene *s, uint64_t ms)
{
    uint64_t end_ms = clock_now_ms() + ms, now_ms;

    while ((now_ms = clock_now_ms()) < end_ms) {
        kubescene_leap(s, end_ms - now_ms < DOZE_MS ? end_ms - now_ms : DOZE_MS);
        kubescene_settle(s, STEP_MS);
    }
}

/* ---- what was seen -------------------------------------------------------------------------- */

uint64_t kubescene_came_ms(const struct kubescene *s, const struct fakeapi_request *r)
{
    assert_in_range(r->number, 1, s->n_came);
    return s->came_ms[r->number - 1];
}

unsigned kubescene_busiest(struct kubescene *s, const struct fakeapi_match *m, uint64_t ms)
{
    unsigned n = fakeapi_requests(s->api, m), first = 0, most = 0;
    uint64_t *at = calloc(n + 1, sizeof(*at));
    struct fakeapi_request r;

    assert_non_null(at);
    stamp_requests(s);
    for (unsigned i = 0; i < n; i++) {
        assert_true(fakeapi_request(s->api, m, i, &r));
        at[i] = kubescene_came_ms(s, &r);
        while (at[i] - at[first] >= ms) {
            first++;
        }
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    free(at);
    return most;
}

unsigned kubescene_said(const struct kubescene *s, const char *words)
{
    unsigned n = 0;

    for (const char *at = s->log; at != NULL && (at = strstr(at, words)) != NULL; n++) {
        at = strchr(at, '\n');
    }
    return n;
}

const struct kubestats *kubescene_figures(const struct kubescene *s, const char *resource)
{
    const struct kubesource_stats *all = kubesource_stats(s->source.self);

    for (size_t i = 0; i < KUBESOURCE_RESOURCES; i++) {
        if (strcmp(all[i].resource, resource) == 0) {
            return &all[i].figures;
        }
    }
    fail_msg("no resource %s", resource);
    return NULL;
}
