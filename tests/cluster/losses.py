"""What a fault cost, held against what it may cost.

A new connection may fail only if Sealway had handed it to a pod that was then killed: its access
log says to which, and the connection began before the pod's process was gone.  A kept connection
may be cut only if its backend was killed, or if Sealway closed it and says that its drain was over;
so may a new one that took as long as a drain does, on a machine that is far behind.
"""

import dataclasses

DRAIN_TIMEOUT_S = 3
LOST = ("reset", "eof", "timeout")  # kinds of what the end of a pod does; a wrong answer is none


@dataclasses.dataclass
class Toll:
    """What was done to pods: backends killed, as {name: (address, when its process was gone)}, and
    Sealway pods drained, as {name: (address, kept connections it had)}; and whether connections had
    to move by it."""
    killed: dict = dataclasses.field(default_factory=dict)
    drained: dict = dataclasses.field(default_factory=dict)
    moves: bool = False


@dataclasses.dataclass
class Losses:
    """Of one fault."""
    name: str
    recovered_s: float
    summary: dict
    handed: int = 0   # new ones that were with a pod that was killed
    killed: int = 0   # kept ones, likewise
    drained: int = 0  # closed at the end of a drain
    unexplained: list = dataclasses.field(default_factory=list)

    def row(self):
        s = self.summary
        return (f"{self.name:26} {s['attempted']:6} {s['failed']:6} {self.handed:6} "
                f"{s['cut']:6} {self.killed:6} {self.drained:7} {s['moved']:6} "
                f"{s['p50_ms']:7.1f} {s['p99_ms']:7.0f} {s['max_ms']:7.0f} "
                f"{self.recovered_s:9.1f}")

    def check(self, toll):
        assert not toll.moves or self.summary["moved"] + self.killed > 0, "it had no effect"
        assert not self.unexplained, "\n".join(
            [f"{len(self.unexplained)} without an excuse:", *self.unexplained[:10]])


HEAD = (f"{'':26} {'new':>6} {'failed':>6} {'handed':>6} {'cut':>6} {'killed':>6} {'drained':>7} "
        f"{'moved':>6} {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'recov. s':>9}")


def show(rows):
    for line in (HEAD, *(each.row() for each in rows)):
        print(f"{'':13}{line}", flush=True)


def count(losses, failures, logs, toll):
    """Sort the failures of a fault; what has no excuse is kept as text."""
    logs.wait_for(failures)
    for failure in failures:
        line = logs.of_connection(failure)
        if failure["kind"] not in LOST:
            losses.unexplained.append(describe(failure, line))
        elif is_killed(failure, toll):
            losses.killed += 1
        elif is_drained(failure, line, toll):
            losses.drained += 1
        elif is_handed(failure, line, toll):
            losses.handed += 1
        else:
            losses.unexplained.append(describe(failure, line))
    return losses


def is_killed(failure, toll):
    return failure["class"] == "kept" and failure["pod"] in toll.killed


def is_drained(failure, line, toll):
    return (line is not None and line["reason"] == "drain" and line.pod in toll.drained
            and (failure["class"] == "kept" or line.duration_s >= DRAIN_TIMEOUT_S))


def is_handed(failure, line, toll):
    """Of the kept ones this is about those that were just being opened again.  A process that dies
    closes its listener last: until then the kernel takes connections that nobody will answer."""
    if failure["class"] == "kept" or line is None:
        return False
    return any(line.endpoint == address and failure["began"] <= gone
               for address, gone in toll.killed.values())


def describe(failure, line):
    said = line.text if line is not None else "no line of any Sealway pod's"
    keys = ("at", "phase", "class", "stage", "kind", "host", "pod", "via", "port", "stream",
            "message", "text")
    return " ".join(f"{key}={failure[key]}" for key in keys) + f"\n    {said}"


def check_drain(pod, address, held, failures, logs):
    """The client, Sealway's access log and its last words agree on what a drain cut.  Connections
    that were not kept may be among what was logged."""
    cut = sum(failure["class"] == "kept" and failure["via"] == address for failure in failures)
    counts = {"held": held, "cut": cut, "logged": len(logs.drained(pod)),
              "announced": logs.announced(pod)}
    assert held > 0, f"{pod} had no kept connection: {counts}"
    assert held == cut <= counts["logged"] == counts["announced"], f"{pod}: {counts}"
