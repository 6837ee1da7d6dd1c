"""CPU time of the proxy for each unit of work: many rounds of short turns.

In a round everybody works once at each kind of work.  Kinds that are judged against each other are
in one group, whose turns are mixed.  Who is judged by a kind of work has a turn in each round, the
others in each `profile.sparse`th: their gaps are wide.
"""

import collections
import dataclasses

from conductor import machine

COPIERS = ("nginx", "haproxy-64k", "go", "sealway", "sealway-first-eof")
SEARCHERS = ("nginx", "haproxy-64k", "sniproxy", "go", "sealway")
THREADED = ("nginx", "haproxy-64k", "sealway")
OURS_AND_NGINX = ("nginx", "sealway", "twin")


@dataclasses.dataclass(frozen=True)
class Work:
    key: str
    title: str
    unit: str       # us for each unit, or s for each GB
    mode: str
    options: tuple  # of bench_load
    roles: tuple = ()
    judged: tuple = ()  # roles that have a turn in each round
    hosts: int = 1000
    workers: int = 1
    group: str = ""     # of works whose turns are mixed; none: it alone

    def cost(self, result):
        if not result["units"]:
            return None
        return result["cpu_ns"] / result["units"] / (1 if self.unit == "s/GB" else 1e3)

    def per_second(self, result):
        return result["units"] / result["wall_ns"] * 1e9

    def takes(self, contender):
        """The same program once more is there to judge the judging by."""
        if contender.role == "twin":
            return "twin" in self.judged
        return not self.roles or contender.role in self.roles

    def is_judged(self, contender):
        return contender.role in self.judged


def turn_of(profile):
    return "-t", profile.turn_ms, "-w", profile.warm_ms


def connections(key, title, profile, **more):
    options = ("-c", profile.connections, *turn_of(profile), *more.pop("options", ()))
    names = ("-H", more.get("hosts", 1000))
    return Work(key, title, "us", "short", options + names, **more)


def requests(key, title, profile, **more):
    return Work(key, title, "us", "rr", ("-c", profile.connections, *turn_of(profile)), **more)


def main_works(profile):
    p = profile
    works = [
        connections("short", "short connection", p, judged=(*OURS_AND_NGINX, "sealway-first-eof")),
        Work("rate", f"connection at {p.rate:,} a second", "us", "short",
             ("-c", 4096, "-r", p.rate, *turn_of(p)), judged=OURS_AND_NGINX),
        requests("rr", "request and response", p, judged=OURS_AND_NGINX),
    ]
    for streams, size in p.streams:
        for mode in ("down", "up"):
            works.append(Work(f"{mode}{streams}", f"{mode}load, {streams} streams", "s/GB", mode,
                              ("-c", streams, "-x", size, "-t", p.turn_ms),
                              judged=("haproxy-force-1m", "sealway", "twin")))
    return works


def variants(profile):
    p = profile
    for kind, title in (("small", "small hello, about 200 bytes"),
                        ("post-quantum", "post-quantum hello, 1.8 KB")):
        yield connections(f"hello-{kind}", title, p, options=("-k", kind), roles=COPIERS)
    for hosts in p.tables:
        yield connections(f"hosts-{hosts}", f"{hosts:,} hosts", p, hosts=hosts, roles=SEARCHERS,
                          group="hosts",
                          judged=("sealway",) if hosts in (p.tables[0], p.change_hosts) else ())
    shared = ", on one CPU" if p.workers_share else ""
    for workers in (1, 2):
        title = f"{workers} worker{'s' * (workers > 1)}{shared if workers > 1 else ''}"
        more = {"roles": THREADED, "judged": ("sealway",), "workers": workers, "group": "workers"}
        yield connections(f"workers{workers}-short", f"{title}, short connection", p, **more)
        yield requests(f"workers{workers}-rr", f"{title}, request and response", p, **more)


def all_works(profile):
    return [*main_works(profile), *variants(profile)]


def grouped(works):
    groups = collections.defaultdict(list)
    for work in works:
        groups[work.group or work.key].append(work)
    return groups


def in_order(turns, n):
    """The turns of the nth round: over as many rounds as there are turns each of them is at each
    place, and nobody always follows the same one (for even numbers: each as often as any other).
    """
    size = len(turns)
    zigzag = [i // 2 if i % 2 == 0 else size - 1 - i // 2 for i in range(size)]
    rotated = [turns[(place + n) % size] for place in zigzag]
    return rotated[::-1] if n // size % 2 else rotated


class Rounds:
    def __init__(self, lab, contenders, works, profile, records, tell):
        self.lab, self.contenders, self.profile = lab, contenders, profile
        self.groups = grouped(works)
        self.records, self.tell = records, tell
        self.programs = {}  # (contender, hosts, workers)
        self.others = machine.Others(lab.pids)
        self.had = collections.Counter()  # (group, number of turns): so many rounds of these

    def program(self, contender, work):
        key = contender.name, work.hosts, work.workers
        if key not in self.programs:
            self.programs[key], start_s = self.lab.start(contender, work.hosts, work.workers)
            self.records.add("start", contender.name, 0, {"start_s": start_s})
        return self.programs[key]

    def pairs(self, group):
        return [(work, contender) for work in self.groups[group] for contender in self.contenders
                if work.takes(contender)]

    def run(self, rounds):
        self.tell("starting everybody")
        for group in self.groups:
            for work, contender in self.pairs(group):
                self.program(contender, work)
        for n in range(rounds + 1):
            self.tell(f"round {n} of {rounds}" if n else "warming up")
            self.others.begin()
            for group in self.groups:
                self.turns(group, n)
            self.others.end()

    def turns(self, group, n):
        turns = self.pairs(group)
        if n % self.profile.sparse:
            turns = [(work, contender) for work, contender in turns if work.is_judged(contender)]
        if not turns:
            return
        had = self.had[group, len(turns)]
        self.had[group, len(turns)] += 1
        for work, contender in in_order(turns, had):
            result = self.lab.load.run(self.program(contender, work), work.mode, *work.options)
            self.records.add(work.key, contender.name, n, result)

    def stop(self):
        for program in self.programs.values():
            self.lab.stop(program)
        self.programs.clear()
