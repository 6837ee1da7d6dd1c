/**
 * cpus - how many CPUs this process may really use.
 *
 * A container is limited by its cgroup's quota, which the number of online CPUs does not show: with
 * a thread per CPU of the host the kernel would stall all of them for most of each period.
 */
#ifndef APP_CPUS_H
#define APP_CPUS_H

/** The smaller of affinity and cgroup quota, rounded up; at least 1. */
unsigned cpus_usable(void);

/**
 * CPUs that cgroup quotas (version 1 or 2) allow, rounded up; 0 when nothing limits them or nothing
 * can be read.  `membership` is a file like /proc/self/cgroup, `root` where the hierarchies are
 * mounted.
 */
unsigned cpus_of_quota(const char *membership, const char *root);

#endif
