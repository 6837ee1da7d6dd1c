#include "support/memory_cgroup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_V1 "/sys/fs/cgroup/memory"
#define ROOT_V2 "/sys/fs/cgroup"

/* Where this process is: "4:memory:/path" (v1) or "0::/path" (v2). */
static bool find_own(const char *mark, char *out, size_t room)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX / 4];
    bool found = false;

    while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
        const char *at = strstr(line, mark);
        if (at != NULL) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, room, "%s", at + strlen(mark));
            found = true;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return found;
}

static FILE *open_file(const struct memory_cgroup *g, const char *name, const char *mode)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", g->path, name);
    return fopen(path, mode);
}

static bool set_limit(const struct memory_cgroup *g, uint64_t bytes)
{
    FILE *f = open_file(g, g->is_v2 ? "memory.max" : "memory.limit_in_bytes", "r+e");
    bool good = f != NULL && fprintf(f, "%" PRIu64 "\n", bytes) > 0;

    return f != NULL && fclose(f) == 0 && good;
}

static bool make_below(struct memory_cgroup *g, const char *root, const char *own, uint64_t bytes)
{
    snprintf(g->path, sizeof(g->path), "%s%s/sealway-test-%d", root,
             strcmp(own, "/") == 0 ? "" : own, (int)getpid());
    if (mkdir(g->path, 0755) != 0) {
        g->path[0] = '\0';
        return false;
    }
    if (!set_limit(g, bytes)) {
        memory_cgroup_remove(g);
        return false;
    }
    return true;
}

bool memory_cgroup_make(struct memory_cgroup *g, uint64_t limit_bytes)
{
    char own[PATH_MAX / 4];

    memset(g, 0, sizeof(*g));
    if (find_own(":memory:", own, sizeof(own)) && make_below(g, ROOT_V1, own, limit_bytes)) {
        return true;
    }
    g->is_v2 = true;
    return find_own("0::", own, sizeof(own)) && make_below(g, ROOT_V2, own, limit_bytes);
}

uint64_t memory_cgroup_usage(const struct memory_cgroup *g)
{
    FILE *f = open_file(g, g->is_v2 ? "memory.current" : "memory.usage_in_bytes", "re");
    uint64_t n = 0;

    if (f == NULL || fscanf(f, "%" SCNu64, &n) != 1) {
        n = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

uint64_t memory_cgroup_kills(const struct memory_cgroup *g)
{
    FILE *f = open_file(g, g->is_v2 ? "memory.events" : "memory.oom_control", "re");
    char line[128];
    uint64_t n = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        (void)sscanf(line, "oom_kill %" SCNu64, &n); /* other lines are other counts */
    }
    if (f != NULL) {
        fclose(f);
    }
    return n;
}

void memory_cgroup_remove(struct memory_cgroup *g)
{
    if (g->path[0] != '\0' && rmdir(g->path) != 0) {
        perror(g->path);
    }
    g->path[0] = '\0';
}
