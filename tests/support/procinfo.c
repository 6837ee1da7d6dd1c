#include "support/procinfo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define US_PER_S  1000000u
#define NS_PER_US 1000u

static FILE *open_of(pid_t pid, const char *name)
{
    char path[64];
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    f = fopen(path, "re");
    if (f == NULL) {
        perror(path);
        abort();
    }
    return f;
}

/* The number behind `key` at the beginning of a line; 0 without one. */
static long number_of(pid_t pid, const char *name, const char *key)
{
    FILE *f = open_of(pid, name);
    char line[256];
    long n = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            n = strtol(line + strlen(key), NULL, 10);
            break;
        }
    }
    fclose(f);
    return n;
}

uint64_t procinfo_cpu_us(pid_t pid)
{
    struct timespec t;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        fprintf(stderr, "no CPU clock of process %d\n", (int)pid);
        abort();
    }
    return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / NS_PER_US;
}

void procinfo_load_begin(struct procinfo_load *l, pid_t pid)
{
    l->pid = pid;
    l->cpu_us = procinfo_cpu_us(pid);
    l->wall_us = clock_now_us();
}

unsigned procinfo_load_percent(const struct procinfo_load *l)
{
    uint64_t wall_us = clock_now_us() - l->wall_us;

    return (unsigned)((procinfo_cpu_us(l->pid) - l->cpu_us) * 100 / (wall_us + 1));
}

void procinfo_memory(pid_t pid, struct procinfo_memory *out)
{
    out->rss_kib = number_of(pid, "smaps_rollup", "Rss:");
    out->pss_kib = number_of(pid, "smaps_rollup", "Pss:");
    out->anonymous_kib = number_of(pid, "smaps_rollup", "Anonymous:");
}

uint64_t procinfo_data_bytes(pid_t pid)
{
    return (uint64_t)number_of(pid, "status", "VmData:") * 1024u;
}

size_t procinfo_fds(pid_t pid)
{
    char path[64];
    size_t n = 0;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    d = opendir(path);
    while (d != NULL && readdir(d) != NULL) {
        n++;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n > 2 ? n - 2 : 0; /* . and .. */
}

/* A line is "  sl: local remote st ...", numbers in hexadecimal; the first names the columns. */
static size_t count_in(FILE *f, unsigned state)
{
    char line[512];
    unsigned st;
    size_t n = 0;

    while (fgets(line, sizeof(line), f) != NULL) {
        n += sscanf(line, " %*u: %*s %*s %x", &st) == 1 && st == state;
    }
    fclose(f);
    return n;
}

size_t procinfo_sockets(pid_t pid, unsigned state)
{
    return count_in(open_of(pid, "net/tcp"), state) + count_in(open_of(pid, "net/tcp6"), state);
}
