#include "bench/load/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

static uint64_t first_number(const char *path)
{
    FILE *f = fopen(path, "r");
    char text[64] = "";

    if (f != NULL) {
        (void)!fgets(text, sizeof(text), f); /* a thread that has ended counts as 0 */
        fclose(f);
    }
    return strtoull(text, NULL, 10);
}

static uint64_t process_cpu_ns(long pid)
{
    uint64_t sum = 0;
    char path[400];
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%ld/task", pid);
    d = opendir(path);
    if (d == NULL) {
        fprintf(stderr, "process %ld of the proxy has ended\n", pid);
        exit(1);
    }
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof(path), "/proc/%ld/task/%s/schedstat", pid, e->d_name);
            sum += first_number(path);
        }
    }
    closedir(d);
    return sum;
}

uint64_t usage_cpu_ns(const struct config *cfg)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < cfg->n_pids; i++) {
        sum += process_cpu_ns(cfg->pids[i]);
    }
    return sum;
}

uint64_t usage_cpu_ns_since(const struct config *cfg, uint64_t before)
{
    uint64_t now = usage_cpu_ns(cfg);

    if (now < before) {
        fprintf(stderr, "a thread of the proxy has ended: its CPU time is lost\n");
        exit(1);
    }
    return now - before;
}

static uint64_t process_pss_kib(long pid)
{
    char path[64], line[256];
    uint64_t kib = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
    f = fopen(path, "r");
    while (f != NULL && kib == 0 && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0) {
            kib = strtoull(line + 4, NULL, 10);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib;
}

uint64_t usage_pss_kib(const struct config *cfg)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < cfg->n_pids; i++) {
        sum += process_pss_kib(cfg->pids[i]);
    }
    return sum;
}
