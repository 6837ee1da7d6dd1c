/*
 * kube_scale - what a large cluster costs: 10,000 Ingresses and Services, 20,000 slices with 50,000
 * endpoints, on a fake API server in this process.  See README.md.
 *
 *     kube_scale memory [plain]     the real program ($SEALWAY_BIN): first table, memory, CPU time
 *     kube_scale latency [plain]    its controller and workers in this process: event to adoption
 *
 * $OBJECTS (Ingresses, 10000) and $CHANGES (2000) for less.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/logwriter.h"
#include "controller/controller.h"
#include "controller/kubesource.h"
#include "controller/report.h"
#include "fakes/fake_apiserver.h"
#include "kube/kubeaccess.h"
#include "proxy/proxy.h"
#include "route/table.h"
#include "support/certs.h"
#include "support/tempdir.h"
#include "support/translated.h"

#define NS         "bench"
#define WORKERS    2u
#define FRESH_ADDR 1000000u /* addresses of endpoints that come later */
#define BATCH      20u      /* changes of one figure of CPU time */

struct bench {
    struct tempdir dir;
    struct certs *certs;
    struct fakeapi *api;
    bool plain;
    unsigned objects, changes, made; /* made: endpoints changed so far */
    struct proxy *proxy;
};

static unsigned number_from(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static void die(const char *what)
{
    fprintf(stderr, "kube_scale: %s\n", what);
    exit(1);
}

static void sleep_ms(unsigned ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

/* ---- figures -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void print_spread(const char *what, uint64_t *us, size_t n)
{
    qsort(us, n, sizeof(*us), compare);
    printf("%-44s p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, %.2f to %.2f ms\n", what,
           (double)us[n / 2] / 1e3, (double)us[n * 90 / 100] / 1e3, (double)us[n * 99 / 100] / 1e3,
           (double)us[0] / 1e3, (double)us[n - 1] / 1e3);
}

/* A line of /proc/PID/status, in KiB. */
static long status_kib(pid_t pid, const char *key)
{
    char path[64], line[256];
    long kib = -1;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    in = fopen(path, "re");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            kib = strtol(line + strlen(key) + 1, NULL, 10);
        }
    }
    if (in != NULL) {
        fclose(in);
    }
    return kib;
}

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *in = fopen(path, "re");
    bool has = in != NULL && fgets(line, (int)size, in) != NULL;

    if (in != NULL) {
        fclose(in);
    }
    return has;
}

/* CPU time of the controller's thread, which is known by its name. */
static uint64_t control_cpu_us(pid_t pid)
{
    char path[300], line[128];
    uint64_t us = 0;
    struct dirent *d;
    DIR *tasks;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    while (tasks != NULL && (d = readdir(tasks)) != NULL) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)pid, d->d_name);
        if (!read_line(path, line, sizeof(line)) || strcmp(line, "sealway-control\n") != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, d->d_name);
        if (read_line(path, line, sizeof(line))) {
            us = strtoull(line, NULL, 10) / 1000;
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return us;
}

/* ---- the cluster ---------------------------------------------------------------------------- */

static void fill(struct bench *b)
{
    fakeapi_put_class(b->api, "sealway", "sealway.io/ingress-controller");
    for (unsigned i = 0; i < b->objects; i++) {
        const unsigned first[2] = {i * 5, 2}, second[2] = {i * 5 + 2, 3};
        char name[32], host[64];

        snprintf(name, sizeof(name), "app-%05u", i);
        snprintf(host, sizeof(host), "app-%05u.example.com", i);
        fakeapi_put_service(b->api, NS, name);
        fakeapi_put_ingress(b->api, NS, name, host, name);
        fakeapi_put_slice_n(b->api, NS, name, 1, first);
        fakeapi_put_slice_n(b->api, NS, name, 2, second);
    }
}

/* One endpoint of a slice becomes another; returns the version. */
static uint64_t change_endpoint(struct bench *b)
{
    const unsigned range[2] = {FRESH_ADDR + b->made, 2};
    char name[32];

    snprintf(name, sizeof(name), "app-%05u", b->made++ * 7919u % b->objects);
    return fakeapi_put_slice_n(b->api, NS, name, 1, range);
}

static void start_server(struct bench *b)
{
    struct fakeapi_config cfg = {.cert = NULL};
    char cert[PATH_MAX];

    tempdir_make(&b->dir);
    b->certs = certs_new(&b->dir);
    certs_issue(b->certs, "api", "localhost");
    if (!b->plain) {
        cfg.cert = certs_path(b->certs, "api", cert);
    }
    b->api = fakeapi_start(&cfg);
}

static void stop_server(struct bench *b)
{
    fakeapi_stop(b->api);
    certs_free(b->certs);
    tempdir_remove(&b->dir);
}

/* ---- the real program ----------------------------------------------------------------------- */

static void write_kubeconfig(struct bench *b, char path[PATH_MAX])
{
    char url[256], ca[PATH_MAX], text[PATH_MAX + 600];

    snprintf(text, sizeof(text),
             "{\"current-context\":\"c\",\"contexts\":[{\"name\":\"c\",\"context\":{\"cluster\":"
             "\"c\",\"user\":\"u\"}}],\"users\":[{\"name\":\"u\",\"user\":{}}],\"clusters\":[{"
             "\"name\":\"c\",\"cluster\":{\"server\":\"%s\"%s%s%s}}]}\n",
             fakeapi_url(b->api, b->plain ? NULL : "localhost", url),
             b->plain ? "" : ",\"certificate-authority\":\"",
             b->plain ? "" : certs_path(b->certs, "ca", ca), b->plain ? "" : "\"");
    tempdir_write(&b->dir, "kubeconfig", text);
    (void)tempdir_path(&b->dir, "kubeconfig", path);
}

static pid_t start_program(struct bench *b, const char *ports)
{
    const char *program = getenv("SEALWAY_BIN");
    char kubeconfig[PATH_MAX];
    pid_t pid;

    write_kubeconfig(b, kubeconfig);
    pid = fork();
    if (pid == 0) {
        execl(program != NULL ? program : "build/sealway", "sealway", "serve", "--kubeconfig",
              kubeconfig, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ports-file",
              ports, "--workers", "2", "--log-level", "error", (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* The file is written once every worker routes by the first table. */
static uint64_t wait_ready_us(pid_t pid, const char *ports, uint64_t since_us)
{
    while (access(ports, R_OK) != 0) {
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            die("sealway ended");
        }
        sleep_ms(1);
    }
    return clock_now_us() - since_us;
}

struct memory_figures {
    long peak_kib, settled_kib;
    uint64_t ready_us, cpu_us;
};

static void run_program(struct bench *b, struct memory_figures *f, uint64_t *batches, size_t n)
{
    uint64_t begin_us = clock_now_us();
    char ports[PATH_MAX];
    pid_t pid;

    pid = start_program(b, tempdir_path(&b->dir, "ports", ports));
    f->ready_us = wait_ready_us(pid, ports, begin_us);
    f->cpu_us = control_cpu_us(pid);
    sleep_ms(3000);
    f->settled_kib = status_kib(pid, "VmRSS:");
    f->peak_kib = status_kib(pid, "VmHWM:");
    for (size_t i = 0; i < n; i++) {
        uint64_t before_us = control_cpu_us(pid);

        for (unsigned k = 0; k < BATCH; k++) {
            (void)change_endpoint(b);
            sleep_ms(150);
        }
        batches[i] = (control_cpu_us(pid) - before_us) / BATCH;
    }
    if (n > 0) {
        printf("%-44s %ld KiB\n", "resident after these changes", status_kib(pid, "VmRSS:"));
    }
    kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)unlink(ports);
}

static void measure_memory(struct bench *b)
{
    struct memory_figures empty, full;
    uint64_t batches[10];
    unsigned objects = b->objects * 4;

    run_program(b, &empty, NULL, 0);
    fill(b);
    run_program(b, &full, batches, 10);
    printf("%-44s %.0f ms, of that %.0f ms CPU of the controller's thread\n",
           "time to the first table", (double)full.ready_us / 1e3, (double)full.cpu_us / 1e3);
    printf("%-44s %ld KiB at most, %ld KiB settled (empty: %ld)\n", "resident", full.peak_kib,
           full.settled_kib, empty.settled_kib);
    printf("%-44s %ld bytes at most, %ld settled\n", "for each of the objects",
           (full.peak_kib - empty.settled_kib) * 1024 / objects,
           (full.settled_kib - empty.settled_kib) * 1024 / objects);
    print_spread("CPU of the controller for one endpoint", batches, 10);
}

/* ---- in this process ------------------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t adopted = PTHREAD_COND_INITIALIZER;

static void on_adopted(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&lock);
    pthread_cond_broadcast(&adopted);
    pthread_mutex_unlock(&lock);
}

static void on_publish(void *ctx, struct table *t, uint64_t noticed_us)
{
    const struct bench *b = ctx;

    (void)noticed_us;
    proxy_publish(b->proxy, t);
    table_unref(t);
}

static void on_report(void *ctx, struct report *r)
{
    (void)ctx;
    report_unref(r);
}

/* When the last worker adopted a table newer than `generation`; 0: not all have. */
static uint64_t adopted_us(const struct bench *b, uint64_t generation)
{
    uint64_t last_us = 0;

    for (unsigned i = 0; i < WORKERS; i++) {
        uint64_t at_us;

        if (proxy_adopted(b->proxy, i, &at_us) <= generation) {
            return 0;
        }
        last_us = at_us > last_us ? at_us : last_us;
    }
    return last_us;
}

static uint64_t wait_adopted_us(const struct bench *b, uint64_t generation)
{
    uint64_t at_us;

    pthread_mutex_lock(&lock);
    while ((at_us = adopted_us(b, generation)) == 0) {
        pthread_cond_wait(&adopted, &lock);
    }
    pthread_mutex_unlock(&lock);
    return at_us;
}

static void run_changes(struct bench *b)
{
    uint64_t *took_us = calloc(b->changes, sizeof(*took_us));
    uint64_t cpu_us = control_cpu_us(getpid());

    for (unsigned i = 0; i < b->changes; i++) {
        uint64_t before = proxy_adopted_generation(b->proxy, 0), version = change_endpoint(b);
        uint64_t at_us = wait_adopted_us(b, before);

        took_us[i] = at_us - fakeapi_written_us(b->api, FAKEAPI_ENDPOINTSLICES, version);
        sleep_ms(20 + i % 17);
    }
    cpu_us = control_cpu_us(getpid()) - cpu_us;
    print_spread("event written to last worker's adoption", took_us, b->changes);
    printf("%-44s %.2f ms\n", "CPU of the controller for one endpoint, mean",
           (double)cpu_us / 1e3 / b->changes);
    free(took_us);
}

static struct proxy *open_proxy(struct err *e)
{
    struct netaddr any;
    const struct proxy_config cfg = {.listen = &any,
                                     .n_listen = 1,
                                     .workers = WORKERS,
                                     .max_connections = 1000,
                                     .on_adopted = on_adopted};

    return netaddr_parse("127.0.0.1:0", &any) == 0 ? proxy_new(&cfg, e) : NULL;
}

static struct controller *open_controller(struct bench *b, const struct kubeaccess *access,
                                          struct err *e)
{
    const struct kubesource_config kube = {
        .access = access, .agent = "sealway/bench (linux/amd64)", .names_classes = true};
    const struct controller_config cfg = {.kube = &kube,
                                          .workers = WORKERS,
                                          .translate = translated_config(),
                                          .publish = on_publish,
                                          .report = on_report,
                                          .ctx = b};

    return controller_new(&cfg, e);
}

static void measure_latency(struct bench *b)
{
    char url[256], ca[PATH_MAX], ns[] = "", origin[] = "the benchmark";
    struct kubeaccess access = {.server = url, .ns = ns, .origin = origin};
    struct controller_stats stats;
    struct controller *c;
    struct err e = {.text = ""};

    fill(b);
    (void)fakeapi_url(b->api, b->plain ? NULL : "localhost", url);
    access.ca.file = b->plain ? NULL : ca;
    (void)certs_path(b->certs, "ca", ca);
    b->proxy = open_proxy(&e);
    c = b->proxy != NULL ? open_controller(b, &access, &e) : NULL;
    if (c == NULL || proxy_start(b->proxy, &e) != 0 || controller_start(c, &e) != 0) {
        die(e.text);
    }
    (void)wait_adopted_us(b, 0);
    run_changes(b);
    controller_stop(c);
    controller_stats(c, &stats);
    printf("%-44s %llu with a new table, %llu without\n", "rounds",
           (unsigned long long)stats.rounds[CONTROLLER_PUBLISHED],
           (unsigned long long)stats.rounds[CONTROLLER_UNCHANGED]);
    proxy_stop(b->proxy);
    proxy_free(b->proxy);
    controller_free(c);
}

int main(int argc, char **argv)
{
    struct bench b = {.plain = argc > 2 && strcmp(argv[2], "plain") == 0,
                      .objects = number_from("OBJECTS", 10000),
                      .changes = number_from("CHANGES", 2000)};
    double load[3] = {0};

    if (argc < 2 || (strcmp(argv[1], "memory") != 0 && strcmp(argv[1], "latency") != 0)) {
        die("kube_scale memory|latency [plain]");
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_configure(LOG_ERROR, LOG_TEXT);
    start_server(&b);
    if (strcmp(argv[1], "memory") == 0) {
        measure_memory(&b);
    } else {
        measure_latency(&b);
    }
    stop_server(&b);
    (void)getloadavg(load, 3);
    printf("%-44s %.1f on %ld CPUs\n", "load of the machine", load[0],
           sysconf(_SC_NPROCESSORS_ONLN));
    return 0;
}
