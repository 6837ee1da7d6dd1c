#!/usr/bin/env python3
"""Shows that the benchmark works: its load finds every fault of proxies that are wrong in one way
each, figures are judged rightly, and a run with tiny numbers comes to its tables, JSON and chart.
Nothing is timed.
"""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import judged  # noqa: E402  the path is set above
import wrongproxy  # noqa: E402
from conductor import names, network, proc  # noqa: E402
from conductor.lab import listens  # noqa: E402
from conductor.load import Load  # noqa: E402
from process import Process, wait_until  # noqa: E402

BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
PEERS = ("nginx", "haproxy-64k", "sniproxy", "go")
TOLD_BY_EACH = ("short", "rr", "down8", "up8")  # figures that every peer has
FIRST_PORT = 7001
NAMES = 16  # that the load of one behaviour asks for, and no other
LOAD = ("-c", "2", "-t", "50", "-H", str(NAMES), "-x", "262144")

# Behaviour, mode of the load, the fault that it must name, and whether the backends tell.
WRONG = (
    (wrongproxy.right, "short", None, False),
    (wrongproxy.right, "down", None, False),
    (wrongproxy.right, "up", None, False),
    (wrongproxy.wrong_backend, "short", "misroutes", False),
    (wrongproxy.one_wrong_byte, "short", "crossed", False),
    (wrongproxy.WrongByteIn("down"), "down", "crossed", False),
    (wrongproxy.WrongByteIn("up"), "up", "closed", True),
    (wrongproxy.Crossed(), "short", "crossed", False),
    (wrongproxy.CrossedIn("down"), "down", "crossed", False),
    (wrongproxy.CrossedIn("up"), "up", "closed", True),
    (wrongproxy.crossed_request, "short", "closed", True),
    (wrongproxy.cut, "short", "closed", False),
    (wrongproxy.alert, "short", "alerts", False),
    (wrongproxy.silent, "short", "stuck", False),
    (wrongproxy.stalls, "down", "stuck", False),
)


class Results:
    passed = failed = 0

    def add(self, name, good, why=""):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        print(f"ok   {name}" if good else f"FAIL {name}: {why}", flush=True)


async def load(i, mode, *options):
    child = await asyncio.create_subprocess_exec(
        str(BUILD / "bench/bench_load"), *LOAD, "-m", mode, "-n", str(i * NAMES),
        "-a", names.PROXY_IP, "-p", str(FIRST_PORT + i), *options, stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return json.loads(out)


async def try_all(backends, results):
    for i, (behaviour, *_) in enumerate(WRONG):
        await wrongproxy.listener(behaviour, FIRST_PORT + i)
    found = await asyncio.gather(*(
        load(i, mode, *(("-s", "500") if fault == "stuck" else ()))
        for i, (_, mode, fault, _) in enumerate(WRONG)))
    said = backends.log.read_text()
    for i, ((behaviour, mode, fault, tells), result) in enumerate(zip(WRONG, found)):
        name = getattr(behaviour, "__name__", type(behaviour).__name__).lower().replace("_", " ")
        if fault is None:
            good = result["errors"] == 0 and result["done"] > 0
        else:
            good = result[fault] > 0
        good = good and (not tells or is_crossed_for(i, said))
        results.add(f"bench: {name}, {mode}", good, f"{result} {said}")


def is_crossed_for(i, said):
    """Whether the backends told so of a name that only this load has asked for."""
    hosts = map(int, re.findall(r"^crossed: the request of host (\d+) ", said, re.M))
    return any(host // NAMES == i for host in hosts)


async def try_left_over(results):
    """A connection that the proxy keeps is found; one that it closes is not told."""
    for behaviour, is_kept in ((wrongproxy.right, False), (wrongproxy.never_closes, True)):
        i = len(WRONG) + is_kept
        before = proc.sockets_in_use() + 1  # our listener
        await wrongproxy.listener(behaviour, FIRST_PORT + i)
        await load(i, "short")
        left = await asyncio.to_thread(Load(None).left_over, before, 1 if is_kept else 5)
        results.add(f"bench: {behaviour.__name__.replace('_', ' ')}, left over",
                    (left > 0) == is_kept, left)


async def try_behaviours(backends, results):
    await try_left_over(results)
    await try_all(backends, results)


def faults_are_found(directory, results):
    backends = Process("backends", [BUILD / "bench/bench_backend", str(names.PORT)], directory)
    try:
        wait_until(lambda: listens(names.backend_ip(names.BACKENDS - 1)), "the backends")
        asyncio.run(try_behaviours(backends, results))
    finally:
        backends.stop(1)


def whole_run(directory, results):
    out = directory / "out"
    done = subprocess.run(
        [HERE / "run.py", "--build", BUILD, "--out", out, "--profile", "smoke",
         "--peers", ",".join(PEERS)],
        capture_output=True, text=True, check=False)
    results.add("bench: a run with tiny numbers", done.returncode == 0, done.stdout + done.stderr)
    if done.returncode == 0:
        summary = json.loads((out / "summary.json").read_text())
        figures = summary["figures"]
        without = [key for key, figure in figures.items()
                   if "sealway" not in figure["contenders"] and not key.startswith("syscalls")]
        results.add("bench: every figure has a value", not without, without)
        check_peers(summary, results)
        check_twin(figures, results)
        xml.dom.minidom.parse(str(out / "chart.svg"))
        results.add("bench: the chart is well-formed", True)


def check_peers(summary, results):
    for peer in PEERS:
        absent = [why for why in summary["missing"]
                  if why.startswith(f"{peer}: ") and why.endswith("not installed")]
        if absent:
            print(f"skip bench: {absent[0]}")
            continue
        without = [key for key in TOLD_BY_EACH
                   if peer not in summary["figures"][key]["contenders"]]
        results.add(f"bench: {peer} has figures", not without, [*without, *summary["missing"]])


def check_twin(figures, results):
    """The same program once more has what is judged, and nothing else."""
    has = {key for key, figure in figures.items() if "twin" in figure["contenders"]}
    wanted = {*TOLD_BY_EACH, "rate", "down100", "up100"}
    results.add("bench: the same program once more has figures", has == wanted, has ^ wanted)


def enter():
    """Into a network of our own; a sentence if that cannot be, or if one CPU is too few."""
    if len(os.sched_getaffinity(0)) < 2:
        return "it needs two CPUs, and may use one here"
    why = network.enter()
    if why is None:
        try:
            network.set_up()
        except RuntimeError as error:
            why = f"it may not set up its network: {error}"
    return why


def main():
    why = enter()
    if why:
        print(f"skip bench: {why}\n0 passed, 0 failed")
        return 0
    results = Results()
    for check in judged.ALL:
        results.add(f"bench: {check.__name__.replace('_', ' ')}", check())
    with tempfile.TemporaryDirectory(prefix="sealway-bench-") as directory:
        faults_are_found(pathlib.Path(directory), results)
        whole_run(pathlib.Path(directory), results)
    print(f"{results.passed} passed, {results.failed} failed")
    return results.failed > 0


sys.exit(main())
