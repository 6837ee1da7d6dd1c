"""What /proc tells of processes and of the machine."""

import collections
import contextlib
import os
import pathlib
import signal

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def tree(pid):
    """A process and all below it."""
    pids = [pid]
    for known in pids:
        pids += children(known)
    return pids


def mapped_kib(pid):
    """What smaps_rollup tells of all its mappings, by name; all 0: it is gone."""
    found = collections.Counter()
    with contextlib.suppress(OSError):
        _, *lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        found.update({name.rstrip(":"): int(kib) for name, kib, _ in map(str.split, lines)})
    return found


def pss_kib(pid):
    return mapped_kib(pid)["Pss"]


def own_kib(pid):
    """Without the pages of files: a library's share is another one whenever any other program that
    has it comes or goes."""
    mapped = mapped_kib(pid)
    return mapped["Pss"] - mapped["Pss_File"]


def kill_left(pids):
    """End what outlived its parent."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def sockets_in_use():
    """TCP sockets of this network namespace, but for those in TIME_WAIT."""
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[2])
    return 0


def cpu_s(pid):
    """A process's CPU time, and that of children it has waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) * TICK_S


def busy_s():
    """CPU time of the whole machine that was not idle."""
    fields = list(map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) * TICK_S
