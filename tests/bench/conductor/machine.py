"""The machine: what it is, how quiet it is, which of its CPUs are used."""

import os
import pathlib
import platform
import time

from conductor import proc

QUIET_BUSY = 0.10  # CPUs' worth of other work; more of it is told
QUIET_LOAD = 0.5


class Cpus:
    """One for the proxy, one of another core for load and backends."""

    def __init__(self, usable=None):
        self.usable = sorted(usable or os.sched_getaffinity(0))
        first = self.usable[0]
        others = [cpu for cpu in self.usable if cpu != first]
        apart = [cpu for cpu in others if cpu not in siblings(first)] or others
        self.first, self.load = first, apart[:1]

    def proxy(self, workers):
        """Where there is no CPU for each worker, they share one."""
        spare = [cpu for cpu in self.usable if cpu not in (self.first, *self.load)]
        return [self.first, *spare[:workers - 1]]


def siblings(cpu):
    """Hardware threads of the same core."""
    try:
        text = pathlib.Path(
            f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return set()
    found = set()
    for part in text.strip().split(","):
        low, _, high = part.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model", "cpu model")):
            return line.partition(":")[2].strip()
    return platform.machine()


def system():
    try:
        lines = pathlib.Path("/etc/os-release").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)["PRETTY_NAME"].strip('"')
    except (OSError, KeyError):
        return platform.system()


def describe(cpus):
    return {
        "cpu": cpu_model(), "cpus": os.cpu_count(), "proxy_cpus": cpus.proxy(1),
        "load_cpus": cpus.load, "kernel": platform.release(), "system": system(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "load_before": round(os.getloadavg()[0], 2), "busy_before": round(busy_now(), 2),
        "began": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }


def busy_now(seconds=1.0):
    """CPUs' worth of work that others do."""
    before = proc.busy_s()
    time.sleep(seconds)
    return (proc.busy_s() - before) / seconds


class Others:
    """CPU time that went to what is not part of the benchmark, while it ran."""

    def __init__(self, programs):
        self.programs = programs  # () -> pids of all that runs on
        self.rounds = []

    def ours_s(self):
        used = os.times()
        return (used.user + used.system + used.children_user + used.children_system
                + sum(proc.cpu_s(pid) for pid in self.programs()))

    def begin(self):
        self.began = time.monotonic(), proc.busy_s(), self.ours_s()

    def end(self):
        then, busy, ours = self.began
        others = proc.busy_s() - busy - (self.ours_s() - ours)
        self.rounds.append(round(max(0.0, others) / (time.monotonic() - then), 3))
