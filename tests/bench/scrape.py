#!/usr/bin/env python3
"""Whether scrapes slow a worker: the same load without them, with them, and beside a process that
burns as much CPU.  10,000 routes, each used, most with a Service of their own.  See README.md.

QUICK=1 takes fewer rounds.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/metrics"))
os.chdir(ROOT)

import clients  # noqa: E402  the path is set above
import manifests  # noqa: E402
import sealway  # noqa: E402

B = os.environ.get("B", "build")  # where make builds
OUT = f"{B}/bench"
ROUNDS = 2 if os.environ.get("QUICK") == "1" else 5
LOAD = {"rr": "request", "short": "short connection"}
LOAD_MS = 1000
ROUTES, HOSTS, BACKENDS, PORT = 10000, 1000, 8, 7000
CONDITIONS = ("no scrapes", "a scrape a second", "as much CPU burnt")
WORKER_CPU, OTHER_CPU = {0}, {1}


def enter_namespace():
    """A network of our own, as for run.py."""
    if os.environ.get("BENCH_INSIDE") != "1":
        os.environ["BENCH_INSIDE"] = "1"
        flags = "-n" if os.geteuid() == 0 else "-rn"
        os.execvp("unshare", ["unshare", flags, sys.executable, os.path.abspath(__file__)])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno",
                    "net.ipv4.ip_local_port_range=10240 65535", "net.ipv4.tcp_tw_reuse=1"],
                   check=True)


def build():
    subprocess.run(["make", "--no-print-directory", f"B={B}", f"{OUT}/bench_load",
                    f"{OUT}/bench_backend"], check=True)


def backend_ip(i):
    return f"127.0.0.{10 + i % BACKENDS}"


def write_manifests(directory):
    objects = []
    for i in range(BACKENDS):
        objects += [manifests.service("bench", f"b{i}"),
                    *manifests.endpoints("bench", f"b{i}", (backend_ip(i), PORT))]
    for i in range(HOSTS):
        objects.append(manifests.ingress("bench", f"h{i:06}", f"h{i:06}.bench.test",
                                         f"b{i % BACKENDS}"))
    for i in range(ROUTES - HOSTS):
        objects += manifests.route("other", f"other-{i:05}", f"other-{i:05}.test",
                                   (backend_ip(i), PORT))
    manifests.write(directory, "bench", objects)


def use_other_routes(to):
    """One connection for each; the backend closes it, for the name is not one of its own."""
    base = clients.hello("other-00000.test")
    for i in range(ROUTES - HOSTS):
        clients.send_and_close(to, base.replace(b"other-00000", b"other-%05d" % i))


def tasks(pid):
    return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]


def find_worker(program):
    """The thread that is busy while routes are used."""
    pid = program.process.pid
    before = {tid: cpu_ns(pid, tid) for tid in tasks(pid)}
    use_other_routes(program.listen)
    return max(before, key=lambda tid: cpu_ns(pid, tid) - before[tid])


def cpu_ns(pid, tid):
    with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0])


class EachSecond(threading.Thread):
    """Does something each second until it is left."""

    def __init__(self, what):
        super().__init__(daemon=True)
        self.what = what
        self.times = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(max(0.0, 1 - self.took())):
            self.times += 1

    def took(self):
        began = time.monotonic()
        self.what()
        return time.monotonic() - began

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


class Bench:
    def __init__(self, program):
        self.program = program
        self.pid = program.process.pid
        self.worker = find_worker(program)
        for tid in tasks(self.pid):
            os.sched_setaffinity(tid, WORKER_CPU if tid == self.worker else OTHER_CPU)
        self.cost_s = 0.1  # of a scrape, both ends

    def scrape(self):
        before = cpu_ns(self.pid, self.pid), time.thread_time()
        self.size = len(self.program.get("/metrics"))
        self.render_ms = (cpu_ns(self.pid, self.pid) - before[0]) / 1e6
        self.cost_s = self.render_ms / 1e3 + time.thread_time() - before[1]

    def burn(self):
        end = time.thread_time() + self.cost_s
        while time.thread_time() < end:
            pass

    def load(self, mode):
        """Microseconds: of the worker's CPU for each unit, latency p50 and p99; units a second."""
        before = cpu_ns(self.pid, self.worker)
        ip, port = self.program.listen
        command = [f"{OUT}/bench_load", "-m", mode, "-a", ip, "-p", str(port), "-c", "64",
                   "-t", str(LOAD_MS), "-P", str(self.pid)]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        result = json.loads(line)
        cpu = (cpu_ns(self.pid, self.worker) - before) / 1e3 / result["done"]
        return (cpu, result["p50_us"], result["p99_us"],
                result["units"] / (result["wall_ns"] / 1e9))

    def under(self, condition, mode):
        what = {"no scrapes": lambda: None, "a scrape a second": self.scrape,
                "as much CPU burnt": self.burn}[condition]
        with EachSecond(what):
            return self.load(mode)


def spread(values, digits):
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def tell(bench, results):
    print(f"a page of {bench.size / 1e6:.1f} MB, {bench.render_ms:.0f} ms of CPU to write; "
          f"median (min-max) of {ROUNDS} rounds\n")
    print(f"{'':18} {'':18} {'worker CPU, us':20} {'p50, us':16} {'p99, us':20} per second")
    for mode, unit in LOAD.items():
        for condition in CONDITIONS:
            columns = list(zip(*results[mode, condition]))
            print(f"{unit:18} {condition:18} {spread(columns[0], 2):20} {spread(columns[1], 0):16} "
                  f"{spread(columns[2], 0):20} {spread(columns[3], 0)}")


def main():
    enter_namespace()
    build()
    os.sched_setaffinity(0, OTHER_CPU)
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        write_manifests(directory)
        backend = subprocess.Popen([f"{OUT}/bench_backend", str(PORT)], stderr=subprocess.DEVNULL,
                                   preexec_fn=sealway.die_with_us)
        try:
            with sealway.Sealway(directory, "--workers", "1", "--access-log", "off") as program:
                bench = Bench(program)
                bench.scrape()
                for round_ in range(ROUNDS + 1):  # the first warms up and is not counted
                    for mode in LOAD:
                        for condition in CONDITIONS:
                            row = bench.under(condition, mode)
                            if round_ > 0:
                                results.setdefault((mode, condition), []).append(row)
                tell(bench, results)
        finally:
            backend.terminate()
            backend.wait()


main()
