#include "app/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Larger than any machine Linux runs on; sched_getaffinity() wants room for all of them. */
#define CPUS_MAX 16384

static unsigned cpus_of_affinity(void)
{
    cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
    size_t bytes = CPU_ALLOC_SIZE(CPUS_MAX);
    int n = 0;

    if (set == NULL) {
        return 0;
    }
    if (sched_getaffinity(0, bytes, set) == 0) {
        n = CPU_COUNT_S(bytes, set);
    }
    CPU_FREE(set);
    return n > 0 ? (unsigned)n : 0;
}

static unsigned min_limited(unsigned a, unsigned b)
{
    if (a == 0 || b == 0) {
        return a + b;
    }
    return a < b ? a : b;
}

/* The first line of a file, without its newline.  Returns false when it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "re");
    bool ok;

    if (f == NULL) {
        return false;
    }
    ok = fgets(line, (int)size, f) != NULL;
    fclose(f);
    if (ok) {
        line[strcspn(line, "\n")] = '\0';
    }
    return ok;
}

/* Quota over period, rounded up.  "max" and -1, no limit, come out as 0. */
static unsigned divide(const char *quota, const char *period)
{
    long long q = strtoll(quota, NULL, 10), p = strtoll(period, NULL, 10);

    if (q <= 0 || p <= 0 || q / p >= INT_MAX) {
        return 0;
    }
    return (unsigned)(q / p + (q % p != 0));
}

/* Version 2: one file, "QUOTA PERIOD". */
static unsigned quota_of_v2(const char *dir)
{
    char path[PATH_MAX], line[64];
    char *space;

    if (snprintf(path, sizeof(path), "%s/cpu.max", dir) >= (int)sizeof(path) ||
        !read_line(path, line, sizeof(line))) {
        return 0;
    }
    space = strchr(line, ' ');
    return space != NULL ? divide(line, space + 1) : 0;
}

/* Version 1: a file each. */
static unsigned quota_of_v1(const char *dir)
{
    char path[PATH_MAX], quota[64], period[64];

    if (snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir) >= (int)sizeof(path) ||
        !read_line(path, quota, sizeof(quota))) {
        return 0;
    }
    if (snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir) >= (int)sizeof(path) ||
        !read_line(path, period, sizeof(period))) {
        return 0;
    }
    return divide(quota, period);
}

/* The tightest quota from the group at `group` up to the root of its hierarchy.  Inside a container
 * the group's path may be the host's and not exist; the root is then the container's own group. */
static unsigned quota_upwards(const char *mount, const char *group,
                              unsigned (*quota_of)(const char *))
{
    char dir[PATH_MAX];
    unsigned limit = 0;
    size_t mount_len = strlen(mount);

    if (snprintf(dir, sizeof(dir), "%s%s", mount, group) >= (int)sizeof(dir)) {
        return 0;
    }
    for (;;) {
        char *slash;

        limit = min_limited(limit, quota_of(dir));
        slash = strrchr(dir, '/');
        if (slash == NULL || (size_t)(slash - dir) < mount_len) {
            return limit;
        }
        *slash = '\0';
    }
}

/* Whether `word` is one of the comma separated words of `list`. */
static bool list_has(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list;; at++) {
        size_t n = strcspn(at, ",");

        if (n == len && memcmp(at, word, n) == 0) {
            return true;
        }
        at += n;
        if (*at == '\0') {
            return false;
        }
    }
}

/* One line of /proc/self/cgroup, "ID:CONTROLLERS:PATH"; version 2 has no controllers. */
static unsigned quota_of_membership(char *line, const char *root)
{
    char mount[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

    if (group == NULL) {
        return 0;
    }
    *controllers++ = '\0';
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (*controllers == '\0') {
        return quota_upwards(root, group, quota_of_v2);
    }
    if (!list_has(controllers, "cpu") ||
        snprintf(mount, sizeof(mount), "%s/cpu", root) >= (int)sizeof(mount)) {
        return 0;
    }
    return quota_upwards(mount, group, quota_of_v1);
}

unsigned cpus_of_quota(const char *membership, const char *root)
{
    FILE *f = fopen(membership, "re");
    char line[PATH_MAX];
    unsigned limit = 0;

    if (f == NULL) {
        return 0;
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        limit = min_limited(limit, quota_of_membership(line, root));
    }
    fclose(f);
    return limit;
}

unsigned cpus_usable(void)
{
    unsigned n =
        min_limited(cpus_of_affinity(), cpus_of_quota("/proc/self/cgroup", "/sys/fs/cgroup"));

    return n > 0 ? n : 1;
}
