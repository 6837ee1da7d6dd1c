"""Sums never fall and lose nothing while routes come and go under traffic, a thousand times."""
import contextlib
import os
import random
import re
import socket
import tempfile
import threading

import backends
import clients
import manifests
import report
import sealway

CHANGES = 200 if report.is_slow_build() else 1000
SLOTS = 20
CLIENTS = 2
NS = "moving"
GENERATION = re.compile(r"^sealway_config_generation (\d+)$", re.MULTILINE)


def host(slot):
    return f"slot{slot:02}.moving.test"


class Traffic(threading.Thread):
    """One client after the other asks for any of the routes; a few stay for a while."""

    def __init__(self, to, seed):
        super().__init__(daemon=True)
        self.to = to
        self.random = random.Random(seed)
        self.stop = threading.Event()
        self.connections = self.sent = self.received = 0
        self.held = []

    def _count(self, sent, received):
        self.sent += sent
        self.received += received

    def _end_one(self):
        """A connection that began when its route may have been another one."""
        s = self.held.pop(0)
        with s:
            s.sendall(b"later")
            s.shutdown(socket.SHUT_WR)
            self._count(5, clients.drain(s))

    def _ask(self):
        hello = clients.hello(host(self.random.randrange(SLOTS)))
        s = clients.connect(self.to)
        self.connections += 1
        s.sendall(hello)
        got = clients.receive_some(s, len(hello))
        self._count(len(hello), got)
        if got == len(hello):
            self.held.append(s)  # routed: it was echoed
        else:
            with s:
                self._count(0, clients.drain(s))

    def run(self):
        while not self.stop.is_set():
            self._ask()
            while len(self.held) > self.random.randrange(6):
                self._end_one()
            self.stop.wait(0.002)  # hundreds a second are enough, and leave time to look
        while self.held:
            self._end_one()


class Watch:
    """Looks at page after page and sees that no counter falls."""

    def __init__(self, program):
        self.program = program
        self.last = {}
        self.pages = 0

    def look(self):
        p = self.program.scrape()
        sums = p.counters()
        fallen = {key: (self.last[key], value) for key, value in sums.items()
                  if value < self.last.get(key, 0)}
        gone = self.last.keys() - sums.keys()
        assert not fallen and not gone, f"fallen: {fallen}; gone: {gone}"
        self.last = sums
        self.pages += 1
        return p

    def until(self, generation):
        def is_there():
            text = self.program.get("/metrics")
            return int(GENERATION.search(text).group(1)) >= generation
        sealway.wait_until(f"generation {generation}", is_there)
        self.look()


@contextlib.contextmanager
def running(threads):
    for t in threads:
        t.start()
    try:
        yield threads
    finally:
        for t in threads:
            t.stop.set()
            t.join()


def write_aside(aside, address):
    for slot in range(SLOTS):
        manifests.write(aside, f"slot{slot}",
                        manifests.route(NS, f"r{slot}", host(slot), address))


def change(directory, aside, step):
    """A route comes, or the one that came before in its slot goes: a file is moved, as a whole."""
    name = f"slot{step % SLOTS}.yaml"
    here, there = os.path.join(directory, name), os.path.join(aside, name)
    if os.path.exists(here):
        os.rename(here, there)
    else:
        os.rename(there, here)


def remove_all(directory):
    for name in os.listdir(directory):
        os.unlink(os.path.join(directory, name))


def sums_never_fall_while_routes_come_and_go():
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as aside, \
            backends.Backend(backends.echo) as backend, sealway.Sealway(directory) as s:
        write_aside(aside, backend.address)
        watch = Watch(s)
        watch.until(1)
        with running([Traffic(s.listen, seed) for seed in range(CLIENTS)]) as traffic:
            for step in range(CHANGES):
                change(directory, aside, step)
                watch.until(step + 2)
        s.scrape_idle()
        remove_all(directory)
        p = sealway.wait_until("every route is folded", lambda: folded(watch.look()))
    made = sum(t.connections for t in traffic)
    assert p.sum("sealway_connections_accepted_total") == made
    assert p.sum("sealway_connections_closed_total") == made
    assert p.sum("sealway_received_bytes_total") == sum(t.sent for t in traffic)
    assert p.sum("sealway_sent_bytes_total") == sum(t.received for t in traffic)
    routed = p.sum("sealway_connections_closed_total", route="_removed")
    assert 0 < routed < made
    report.figure(f"{CHANGES} tables, {watch.pages} pages, {made} connections, {routed:.0f} routed")


def folded(p):
    """The page, once no route has a series of its own."""
    routes = {dict(labels).get("route") for _, labels in p.samples}
    return p if routes == {None, "", "_removed"} else None


if __name__ == "__main__":
    report.run(sums_never_fall_while_routes_come_and_go)
