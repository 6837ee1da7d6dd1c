"""Every figure that is told: one for each contender, its unit, and how it is written."""

import dataclasses

from conductor import changes, idle, syscalls, timed


@dataclasses.dataclass(frozen=True)
class Kind:
    """One row of the summary, one block of the report; lower is better."""

    key: str
    title: str
    unit: str
    digits: int
    of: object            # result -> number or None
    scenario: str = ""
    per_second: object = None
    paced: bool = False   # by a rate, whatever comes of it

    def figure(self, records, contender):
        return records.figure(self.scenario or self.key, contender, self.of)

    def contenders(self, records):
        return records.contenders(self.scenario or self.key)


def of_work(work):
    digits = 3 if work.unit == "s/GB" else 1
    unit = "s/GB" if work.unit == "s/GB" else "us"
    return Kind(work.key, work.title, unit, digits, work.cost, per_second=work.per_second,
                paced="-r" in work.options)


def routed_ms(result):
    """The median of a round's changes; one that was not routed makes it a long one."""
    times = sorted(float("inf") if ms is None else ms for ms in result["routed_ms"])
    return times[len(times) // 2] if times else None


def grown_mib(result):
    return (result["after"]["own_kib"] - result["before"]["own_kib"]) / 1024


def grown_alone_mib(result):
    """Once the crowds of all tables are gone."""
    return (result["alone"]["own_kib"] - result["before"]["own_kib"]) / 1024


def stirred(mode, percentile):
    return lambda result: result["stirred"][mode][percentile] / 1000


def calm(mode, percentile):
    return lambda result: result["calm"][mode][percentile] / 1000


def all_kinds(profile):
    kinds = [of_work(work) for work in timed.all_works(profile)]
    kinds += [
        Kind("idle", "idle connection, memory (PSS)", "KiB", 2, idle.kib_each),
        Kind("idle-before", "memory before any connection, 1,000 hosts (PSS)", "MiB", 1,
             lambda r: r["pss_before_kib"] / 1024, idle.KEY),
        Kind("idle-cpu", "idle connections, CPU", "%", 2,
             lambda r: 100 * r["cpu_ns"] / r["wall_ns"], idle.KEY),
        Kind(syscalls.SHORT, "system calls, short connection", "", 2, syscalls.each),
        Kind(syscalls.RR, "system calls, request", "", 2, syscalls.each),
        Kind("syscalls-others", "system calls of other threads, a second", "", 1,
             syscalls.others_a_second, syscalls.SHORT),
    ]
    hosts = f"{profile.change_hosts:,} hosts"
    kinds += [
        Kind("routed", f"a change is routed, {hosts}", "ms", 1, routed_ms, changes.KEY),
        Kind("start", f"start to first answer, {hosts}", "ms", 0, lambda r: r["start_s"] * 1000,
             changes.KEY),
        Kind("rr-calm", "request p99 without changes", "ms", 1, calm("rr", "p99_us"), changes.KEY),
        Kind("rr-stirred", "request p99 during changes", "ms", 1, stirred("rr", "p99_us"),
             changes.KEY),
        Kind("short-calm", "connection p99 without changes", "ms", 1, calm("short", "p99_us"),
             changes.KEY),
        Kind("short-stirred", "connection p99 during changes", "ms", 1,
             stirred("short", "p99_us"), changes.KEY),
        Kind("processes", f"processes after {profile.changes} changes", "", 0,
             lambda r: r["after"]["processes"], changes.KEY),
        Kind("processes-alone", "processes, when their connections are gone", "", 0,
             lambda r: r["alone"]["processes"], changes.KEY),
        Kind("grown", f"memory grown after {profile.changes} changes, with connections of each",
             "MiB", 1, grown_mib, changes.KEY),
        Kind("grown-alone", f"memory grown after {profile.changes} changes, those closed", "MiB", 1,
             grown_alone_mib, changes.KEY),
        Kind("memory", f"memory with {hosts} (PSS)", "MiB", 1,
             lambda r: r["before"]["pss_kib"] / 1024, changes.KEY),
    ]
    if profile.large_hosts:
        hosts = f"{profile.large_hosts:,} hosts"
        kinds += [
            Kind("routed-large", f"a change is routed, {hosts}", "ms", 1, routed_ms, changes.LARGE),
            Kind("start-large", f"start to first answer, {hosts}", "ms", 0,
                 lambda r: r["start_s"] * 1000, changes.LARGE),
            Kind("memory-large", f"memory with {hosts} (PSS)", "MiB", 1,
                 lambda r: r["before"]["pss_kib"] / 1024, changes.LARGE),
            Kind("memory-large-after", f"memory with {hosts}, changed", "MiB", 1,
                 lambda r: r["after"]["pss_kib"] / 1024, changes.LARGE),
        ]
    return kinds
