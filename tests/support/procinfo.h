/**
 * procinfo - what the kernel knows of a process: CPU time, memory, descriptors, sockets.
 */
#ifndef SUPPORT_PROCINFO_H
#define SUPPORT_PROCINFO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct procinfo_memory {
    long rss_kib, pss_kib, anonymous_kib;
};

/** CPU time it has used, all threads, user and system. */
uint64_t procinfo_cpu_us(pid_t pid);

/** CPU time over a while, in per cent of one core: begin, do something, ask. */
struct procinfo_load {
    pid_t pid;
    uint64_t cpu_us, wall_us;
};

void procinfo_load_begin(struct procinfo_load *l, pid_t pid);
unsigned procinfo_load_percent(const struct procinfo_load *l);

void procinfo_memory(pid_t pid, struct procinfo_memory *out);

/** Bytes of private writable memory as RLIMIT_DATA counts it (VmData). */
uint64_t procinfo_data_bytes(pid_t pid);

/** Descriptors it has open. */
size_t procinfo_fds(pid_t pid);

/** TCP sockets of its network namespace in a state of netinet/tcp.h (TCP_CLOSE_WAIT, ...). */
size_t procinfo_sockets(pid_t pid, unsigned state);

#endif
