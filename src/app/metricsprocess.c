#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/health.h"
#include "app/metrics.h"
#include "app/metricswords.h"
#include "base/attr.h"
#include "base/logwriter.h"
#include "base/prom.h"
#include "proxy/proxy.h"

#define US_PER_S INT64_C(1000000)

#define REASON(id, word) METRICSWORDS_ENTRY(id, "reason", word)

static const struct prom_labels HELD_BACK_WORDS[] = {STATS_END_REASONS(REASON)};

static void write_build(struct prom *p, const struct metrics_build *build)
{
    static const struct prom_family INFO = {"sealway_build_info", PROM_INFO, NULL,
                                            "what this program was built from"};
    const struct prom_label names[] = {{"version", build->version},
                                       {"revision", build->revision},
                                       {"openssl", build->openssl},
                                       {"libevent", build->libevent}};
    struct prom_labels labels;
    struct arena arena;
    int rc;

    arena_init(&arena, 512);
    rc = prom_labels_make(&arena, names, ARRAY_LEN(names), &labels);
    if (rc == 0) {
        prom_family(p, &INFO);
        prom_info(p, &labels);
    } else {
        prom_fail(p, rc);
    }
    arena_fini(&arena);
}

static void write_logs(struct prom *p, const struct metrics *m)
{
    static const struct prom_family DROPPED = {
        "sealway_log_lines_dropped_total", PROM_COUNTER, NULL,
        "log lines lost because the stream did not take them in time"};
    static const struct prom_family HELD_BACK = {
        "sealway_log_lines_held_back_total", PROM_COUNTER, NULL,
        "access lines of refused connections not written, for there were too many of a kind"};
    static const struct prom_labels ACCESS = PROM_LABELS("stream=\"access\"");
    static const struct prom_labels MAIN = PROM_LABELS("stream=\"main\"");
    struct stats_totals totals = {0};

    prom_family(p, &DROPPED);
    prom_counter(p, &ACCESS, NULL, logwriter_dropped(m->logs, LOG_ACCESS));
    prom_counter(p, &MAIN, NULL, logwriter_dropped(m->logs, LOG_MAIN));
    proxy_stats(m->proxy, &totals);
    prom_family(p, &HELD_BACK);
    metricswords_counters(p, NULL, HELD_BACK_WORDS, totals.lines_held_back, END_REASONS, true);
}

static void write_usage(struct prom *p)
{
    static const struct prom_family CPU = {"process_cpu_seconds_total", PROM_COUNTER, "seconds",
                                           "user and system CPU time"};
    static const struct prom_family MAX_FDS = {"process_max_fds", PROM_GAUGE, NULL,
                                               "descriptors that may be open"};
    struct rusage usage;
    struct rlimit limit;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        int64_t us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * US_PER_S +
                     usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;

        metricswords_one(p, &CPU, us, (uint64_t)US_PER_S);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metricswords_one(p, &MAX_FDS, (int64_t)limit.rlim_cur, 1);
    }
}

static void write_open_fds(struct prom *p)
{
    static const struct prom_family OPEN_FDS = {"process_open_fds", PROM_GAUGE, NULL,
                                                "descriptors that are open"};
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = -3; /* ".", "..", and the directory's own */

    if (dir == NULL) {
        return;
    }
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    metricswords_one(p, &OPEN_FDS, n, 1);
}

/* The first line of a file; false when it cannot be read. */
static bool read_line(const char *path, char *line, int room)
{
    FILE *f = fopen(path, "re");
    bool read = f != NULL && fgets(line, room, f) != NULL;

    if (f != NULL) {
        fclose(f);
    }
    return read;
}

/* The n-th of a line's fields, from 0, as a number; -1 where there is none. */
static long long field_of(const char *line, unsigned n)
{
    char *end;
    long long value;

    line += strspn(line, " ");
    for (; n > 0; n--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    value = strtoll(line, &end, 10);
    return end != line ? value : -1;
}

static void write_memory(struct prom *p)
{
    static const struct prom_family RESIDENT = {"process_resident_memory_bytes", PROM_GAUGE,
                                                "bytes", "memory in RAM"};
    static const struct prom_family VIRTUAL = {"process_virtual_memory_bytes", PROM_GAUGE, "bytes",
                                               "memory reserved"};
    long page_bytes = sysconf(_SC_PAGESIZE);
    char line[256];

    if (read_line("/proc/self/statm", line, sizeof(line)) && field_of(line, 1) >= 0) {
        metricswords_one(p, &RESIDENT, field_of(line, 1) * page_bytes, 1);
        metricswords_one(p, &VIRTUAL, field_of(line, 0) * page_bytes, 1);
    }
}

/* When the machine was started, seconds since the epoch, or -1. */
static long long boot_s(void)
{
    static const char KEY[] = "btime ";
    FILE *f = fopen("/proc/stat", "re");
    char line[256];
    long long value = -1;

    while (f != NULL && value < 0 && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, KEY, strlen(KEY)) == 0) {
            value = field_of(line, 1);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return value;
}

/* Field 22 of proc(5)'s stat: clock ticks from there to our start.  The second one is a name in
 * brackets, of any characters; what is behind it begins with field 3. */
static long long started_ticks(void)
{
    char line[1024];
    const char *behind = NULL;

    if (read_line("/proc/self/stat", line, sizeof(line))) {
        behind = strrchr(line, ')');
    }
    return behind != NULL ? field_of(behind + 1, 22 - 3) : -1;
}

static void write_start(struct prom *p)
{
    static const struct prom_family START = {"process_start_time_seconds", PROM_GAUGE, "seconds",
                                             "when the process began, seconds since the epoch"};
    long long boot = boot_s(), ticks = started_ticks();
    long per_s = sysconf(_SC_CLK_TCK);

    if (boot > 0 && ticks >= 0 && per_s > 0) {
        metricswords_one(p, &START, boot * 1000 + ticks * 1000 / per_s, 1000);
    }
}

static void write_state(struct prom *p, const struct metrics *m)
{
    static const struct prom_family READY = {"sealway_ready", PROM_GAUGE, NULL,
                                             "1 while /readyz says that traffic is wanted"};
    static const struct prom_family DRAINING = {"sealway_draining", PROM_GAUGE, NULL,
                                                "1 from the signal to stop until the end"};

    metricswords_one(p, &READY, health_is_ok(m->health, HEALTH_READY, NULL) ? 1 : 0, 1);
    metricswords_one(p, &DRAINING, m->is_draining(m->ctx) ? 1 : 0, 1);
}

void metricsprocess_write(void *metrics, struct prom *p)
{
    const struct metrics *m = metrics;

    write_build(p, m->build);
    write_logs(p, m);
    write_state(p, m);
    write_usage(p);
    write_open_fds(p);
    write_memory(p);
    write_start(p);
}
