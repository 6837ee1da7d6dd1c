"""What the figures must be, and whether they are: each a ratio inside the rounds, or a number."""

import dataclasses

from conductor import changes, figures
from conductor.records import TIE

HELD, TIED, NOT, UNKNOWN = "held", "tie", "not held", "not measured"
HELD_UNSURE, UNTOLD = "held, not surely", "cannot be told here"  # the limit is in the interval
VERDICTS = (HELD, HELD_UNSURE, TIED, UNTOLD, NOT, UNKNOWN)


@dataclasses.dataclass(frozen=True)
class Must:
    what: str
    limit: float
    value: float = None   # None: not measured
    within: tuple = None  # the interval
    note: str = ""
    is_ratio: bool = False

    @property
    def verdict(self):
        if self.value is None:
            return UNKNOWN
        low, high = self.within or (self.value, self.value)
        if self.value <= self.limit:
            return HELD if high <= self.limit else HELD_UNSURE
        if self.is_ratio and self.value < self.limit * (1 + TIE):
            return TIED
        return NOT if low > self.limit else UNTOLD

    def as_json(self):
        return {**dataclasses.asdict(self), "verdict": self.verdict}


class Judge:
    def __init__(self, records, profile, ours="sealway"):
        self.records, self.profile = records, profile
        self.ours, self.first_eof = ours, f"{ours}-first-eof"
        self.kinds = {kind.key: kind for kind in figures.all_kinds(profile)}
        self.musts = []

    def figure(self, key, contender):
        kind = self.kinds.get(key)
        return kind.figure(self.records, contender) if kind else None

    def ratio(self, what, keys, limit, base, contender=None):
        """Of one figure to that of a peer; keys: figure, and the peer's where it is another."""
        mine, its = keys if isinstance(keys, tuple) else (keys, keys)
        mine = self.figure(mine, contender or self.ours)
        ratio = mine.over(self.figure(its, base)) if mine else None
        self.add(what, limit, ratio, is_ratio=True)

    def number(self, what, key, limit, contender=None):
        figure = self.figure(key, contender or self.ours)
        self.add(what, limit, figure)

    def add(self, what, limit, figure, **more):
        if figure:
            more = {**more, "value": figure.median, "within": (figure.low, figure.high)}
        self.musts.append(Must(what, limit, **more))

    def all(self):
        first_eof = self.first_eof
        self.ratio("short connection / nginx", "short", 0.95, "nginx")
        self.ratio("short connection, first EOF closes / nginx", "short", 0.90, "nginx", first_eof)
        self.ratio("connection at a rate / nginx", "rate", 1.00, "nginx")
        self.ratio("request / nginx", "rr", 1.00, "nginx")
        for base, limit in (("haproxy-force-1m", 1.05), ("go", 0.95), ("nginx-64k", 0.45)):
            for key in ("down8", "up8"):
                self.ratio(f"{key[:-1]}load / {base}", key, limit, base)
        self.number("KiB of an idle connection", "idle", 1.5)
        self.number("system calls, short connection, first EOF closes", "syscalls-short", 20,
                    first_eof)
        self.number("system calls, short connection", "syscalls-short", 22)
        self.number("system calls, request", "syscalls-rr", 4.3)
        self.ratio("short connection, 10,000 hosts / 10 hosts", ("hosts-10000", "hosts-10"), 1.05,
                   self.ours)
        for key, unit in (("short", "short connection"), ("rr", "request")):
            self.ratio(f"{unit}, 2 workers / 1 worker", (f"workers2-{key}", f"workers1-{key}"),
                       1.10, self.ours)
        self.number(f"ms until a change is routed, {self.profile.change_hosts:,} hosts", "routed",
                    60)
        if self.profile.large_hosts:
            self.number("ms until a change is routed, 100,000 hosts", "routed-large", 100)
            self.large_table()
        self.after_changes()
        self.faults()
        return self.musts

    def large_table(self):
        """Objects as the API server has them are kept beside the table, and told apart."""
        large = self.records.of(changes.LARGE, self.ours)
        small = self.figure("idle-before", self.ours)
        value = note = None
        if large and small and large[1]["before"]["table_bytes"]:
            value = large[1]["before"]["table_bytes"] / (1 << 20) + small.median
            note = (f"measured: PSS {large[1]['before']['pss_kib'] / 1024:.1f}, "
                    "with the objects it was made of")
        self.musts.append(Must("MiB of table, as the program tells, and program, 100,000 hosts", 20,
                               value, note=note or ""))

    def tables_grown(self, grown_mib):
        """Memory grown by changes, in tables of before."""
        return self.records.figure(
            changes.KEY, self.ours,
            lambda r: grown_mib(r) * (1 << 20) / r["before"]["table_bytes"]
            if r["before"]["table_bytes"] else None)

    def after_changes(self):
        """Connections that each table had are gone when it is asked what is left of it."""
        self.number("processes after changes under load", "processes", 1)
        crowded = self.tables_grown(figures.grown_mib)
        self.add("tables' worth of memory grown after changes", 2,
                 self.tables_grown(figures.grown_alone_mib),
                 note=f"{crowded.median:.1f} with connections of each table" if crowded else "")
        rounds = self.records.of(changes.KEY, self.ours)
        errors = self.records.faults(self.ours, changes.KEY)["errors"]
        self.musts.append(Must("errors during changes", 0, errors if rounds else None))

    def faults(self):
        mine = [self.records.faults(name) for name in (self.ours, self.first_eof)]
        total = {fault: sum(m[fault] for m in mine) for fault in mine[0]}
        self.musts.append(Must("errors, misroutes, crossed streams, stuck or left connections, "
                               "complaints of backends", 0, sum(total.values()),
                               note=", ".join(f"{n} {fault}" for fault, n in total.items() if n)))
