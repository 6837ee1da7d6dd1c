/**
 * memory_cgroup - a control group below the test's own that limits memory, for programs it starts.
 */
#ifndef SUPPORT_MEMORY_CGROUP_H
#define SUPPORT_MEMORY_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_cgroup {
    char path[PATH_MAX / 2]; /* "" when there is none */
    bool is_v2;
};

/** Make one.  False where that is not permitted. */
bool memory_cgroup_make(struct memory_cgroup *g, uint64_t limit_bytes);

/** Memory charged to it now, the kernel's included. */
uint64_t memory_cgroup_usage(const struct memory_cgroup *g);

/** Processes killed in it for lack of memory. */
uint64_t memory_cgroup_kills(const struct memory_cgroup *g);

/** Remove it; what was in it has ended.  One that was not made is ignored. */
void memory_cgroup_remove(struct memory_cgroup *g);

#endif
