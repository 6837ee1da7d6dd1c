"""The soak: everything at once for a while, and nothing may be left of it.

  TIME=30m  how long (default 30s; s, m, h)

Short connections, requests, bulk both ways, half-closes, resets, slow readers (at first more of
them than there are pipes), idle connections and a backend that is killed and restarted, through a
table that changes each second.  Every byte is checked, and each must have had its part.  In the
end: memory and descriptors are flat, no connection is stuck, and the counters say what the clients
saw.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import acts
import changes
import sealway
import watch
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
IDLE = 200
KILL_EVERY_S = 3
CROWD = 80  # slow readers at once: more than two workers have pipes for
CROWD_S = 5
NOBODY = 64646  # a user whose pipes are counted, as those of root are not
UNITS = {"s": 1, "m": 60, "h": 3600}

# KiB a minute, of what is left once the allocator's pages have settled.
MOST_SLOPE_LONG = 64
LONG_S = 600


def seconds():
    text = os.environ.get("TIME") or "30s"
    return int(text[:-1]) * UNITS[text[-1]]


class Backend:
    """A child that serves these hosts, on a port of its own, also when it is another child."""

    def __init__(self, *hosts):
        self.hosts = hosts
        self.port = 0
        self.said = tempfile.TemporaryFile("w+")  # pylint: disable=consider-using-with
        self.child = None
        self.start()

    def start(self):
        first = self.port == 0
        self.child = subprocess.Popen(
            [sys.executable, "-B", os.path.join(HERE, "backend.py"), str(self.port), *self.hosts],
            stdout=subprocess.PIPE if first else self.said, text=True,
            preexec_fn=sealway.die_with_us)
        if first:
            self.port = int(self.child.stdout.readline())
            threading.Thread(target=self._keep, args=(self.child.stdout,), daemon=True).start()

    def _keep(self, lines):
        for line in lines:
            self.said.write(line)
            self.said.flush()

    def kill(self):
        self.child.kill()
        self.child.wait()

    def complaints(self):
        self.said.seek(0)
        return self.said.read()


def run_as_nobody(program, directory):
    """As a user whose pipes are counted, where we are root and that user may run it."""
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
              "--pdeathsig=KILL"]
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return
    binary = os.path.abspath(os.environ.get("SEALWAY_BIN", "build/sealway"))
    if subprocess.run([*prefix, "test", "-x", binary], check=False).returncode == 0:
        program.command[:0] = prefix
        for path in (directory, program.dir.name):
            os.chown(path, NOBODY, NOBODY)


class Soak:
    """What runs, and what it comes to."""

    def __init__(self, stack, directory):
        self.stop = threading.Event()
        self.tallies = {name: acts.Tally() for name in ("steady", "fickle", "doomed", "moving")}
        moving = changes.host("moving"), "newest-"
        self.backends = {"a": Backend(changes.host("steady"), *moving),
                         "b": Backend(changes.host("fickle"), *moving),
                         "doomed": Backend(changes.host("doomed"))}
        for backend in self.backends.values():
            stack.callback(backend.kill)
        places = {name: ("127.0.0.1", b.port) for name, b in self.backends.items()}
        changes.write_steady(directory, {"steady": places["a"], "fickle": places["b"],
                                         "doomed": places["doomed"]})
        program = sealway.Sealway(directory, "--access-log", "off", "--log-level", "error")
        run_as_nobody(program, directory)
        self.program = stack.enter_context(program)
        self.to = self.program.listen
        self.pid = self.program.process.pid
        self.pipes_before = watch.pipes(self.pid)
        self.changes = changes.Changes(directory, self.to, [places["a"], places["b"]],
                                       self.tallies["moving"], self.stop)
        self.actors = []
        self.crowd_leaves = threading.Event()
        self.kills = 0

    def add(self, number, act, name, stop=None):
        host = changes.host(name)
        self.actors += [acts.Actor(act, self.to, host, self.tallies[name], stop or self.stop)
                        for _ in range(number)]

    def cast(self):
        for number, act in ((2, acts.short), (2, acts.requests), (2, acts.download),
                            (2, acts.upload), (1, acts.both_ways), (1, acts.half_closed),
                            (3, acts.slow_reader)):
            self.add(number, act, "steady")
        self.add(2, acts.resets, "fickle")
        self.add(2, acts.doomed, "doomed")
        self.add(CROWD, acts.slow_reader, "steady", self.crowd_leaves)

    def open_idle(self, stack):
        """Each has exchanged once, and will have to again in the end."""
        command = acts.command(wire.EXCHANGE, 100, 100, rounds=2)
        idle = []
        for _ in range(IDLE):
            c = stack.enter_context(acts.Connection(self.to, changes.host("steady"), command,
                                                    self.tallies["steady"]))
            c.exchange()
            idle.append(c)
        return idle

    def kill_and_restart(self, end):
        while time.monotonic() < end and not self.stop.wait(KILL_EVERY_S):
            self.backends["doomed"].kill()
            self.kills += 1
            self.stop.wait(0.5)
            self.backends["doomed"].start()

    def run(self, length):
        with contextlib.ExitStack() as stack:
            idle = self.open_idle(stack)
            memory = watch.Watch(self.pid, self.stop)
            crowd = threading.Timer(CROWD_S, self.crowd_leaves.set)
            threads = [memory, self.changes, *self.actors, crowd]
            for thread in threads:
                thread.start()
            self.kill_and_restart(time.monotonic() + length)
            self.stop.set()
            self.crowd_leaves.set()
            for thread in threads:
                thread.join(2 * wire.PATIENCE_S)
            self.check_actors()
            self.check_work(memory)
            for c in idle:
                c.exchange()
                c.end()
        return memory

    def check_actors(self):
        for actor in (*self.actors, self.changes):
            assert actor.failure is None, f"{actor.name}: {actor.failure}"
            assert not actor.is_alive(), f"{actor.name} is stuck"
        for name, backend in self.backends.items():
            assert not backend.complaints(), f"backend {name}: {backend.complaints()}"

    def check_work(self, memory):
        """That each did its part, and nothing was right because nothing happened."""
        for actor in self.actors:
            assert actor.rounds > 0, f"{actor.name} finished nothing"
        assert self.changes.done > 0, "the table never changed"
        assert self.kills > 0, "no backend was killed"
        doomed = self.tallies["doomed"]
        assert doomed.received > 0 and doomed.connections > doomed.cut, "doomed was never served"
        assert memory.most_pipes() > self.pipes_before, "no pipe was ever in use"

    def check_counters(self):
        page = self.program.scrape_idle()
        made = sum(t.connections for t in self.tallies.values())
        accepted = page.sum("sealway_connections_accepted_total")
        assert accepted == made, f"{made} connections were made, {accepted} counted"
        steady = self.tallies["steady"]
        for family, seen in (("received", steady.sent), ("sent", steady.received)):
            counted = page.sum(f"sealway_{family}_bytes_total", service="steady")
            assert counted == seen, f"{seen} bytes, counted as {family}: {counted}"
        reasons = page.by("sealway_connections_closed_total", "reason")
        assert "error" not in reasons, reasons
        return reasons

    def figures(self, memory, reasons, length):
        t = self.tallies
        print(f"             {length} s: {sum(x.connections for x in t.values())} connections, "
              f"{sum(x.received for x in t.values()) >> 20} MiB down, "
              f"{sum(x.sent for x in t.values()) >> 20} MiB up, every byte checked; "
              f"{t['doomed'].cut} cut by {self.kills} kills, {self.changes.done} tables")
        print("             ended: " + ", ".join(f"{n} {why}" for why, n in reasons.items()))
        half = memory.second_half()
        print(f"             second half: RSS {half[0][1]} to {half[-1][1]} KiB, "
              f"{memory.slope(1):+.1f} KiB/min; PSS {half[0][2]} to {half[-1][2]} KiB, "
              f"{memory.slope(2):+.1f} KiB/min; descriptors {min(r[3] for r in half)} to "
              f"{max(r[3] for r in half)}, {memory.slope(3):+.2f}/min; "
              f"{memory.most_pipes() // 2} pipes at most")


def main():
    length = seconds()
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sealway-soak-"))
        soak = Soak(stack, directory)
        before = watch.descriptors(soak.pid)
        soak.cast()
        memory = soak.run(length)
        reasons = soak.check_counters()
        sealway.wait_until(f"as many descriptors as before, {before}",
                           lambda: watch.descriptors(soak.pid) <= before + 1)
        soak.figures(memory, reasons, length)
        check_memory(memory, length)
    print("1 passed, 0 failed")


def check_memory(memory, length):
    grown = memory.second_half()[-1][2] - memory.second_half()[0][2]
    if length >= LONG_S:
        assert memory.slope(2) <= MOST_SLOPE_LONG, f"{memory.slope(2):.1f} KiB/min"
    assert grown <= 2048, f"{grown} KiB more than half-way"


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
