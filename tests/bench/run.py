#!/usr/bin/env python3
"""Sealway side by side with its peers: CPU time, memory and latency for each unit of work.

See README.md.  Takes what `make bench` builds; prints tables, and writes them with every round's
figures and a chart to build/bench.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import signal
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from conductor import (  # noqa: E402  the path is set above
    changes, chart, contenders, figures, idle, machine, markdown, musts, network, profile, syscalls,
    timed)
from conductor.lab import Lab  # noqa: E402
from conductor.records import Records  # noqa: E402
from conductor.report import Report  # noqa: E402

PROFILES = {p.name: p for p in (profile.FULL, profile.QUICK, profile.SMOKE)}
PARTS = ("rounds", "idle", "changes", "syscalls")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build", help="where the programs were built")
    parser.add_argument("--out", help="where results go [BUILD/bench]")
    parser.add_argument("--sealway", help="the program [$SEALWAY_BIN or BUILD/sealway]")
    parser.add_argument("--also", metavar="NAME=PATH", action="append", default=[],
                        help="another build of it, measured beside in every round; repeatable")
    parser.add_argument("--profile", choices=PROFILES,
                        default="quick" if os.environ.get("QUICK") == "1" else "full")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "0")),
                        help="another number of rounds")
    parser.add_argument("--only", metavar="PART", choices=PARTS, action="append",
                        help=f"of {', '.join(PARTS)}; repeatable")
    parser.add_argument("--works", metavar="KEY", action="append",
                        help="of the rounds only these (short, rr, down8, ...); repeatable")
    parser.add_argument("--peers", metavar="NAMES", help="only these, comma separated")
    args = parser.parse_args()
    args.out = os.path.abspath(args.out or os.path.join(args.build, "bench"))
    args.sealway = os.path.abspath(
        args.sealway or os.environ.get("SEALWAY_BIN") or os.path.join(args.build, "sealway"))
    args.also = [also.partition("=")[::2] for also in args.also]
    if any(not re.fullmatch(r"[a-z0-9]{1,8}", name) or name in ("go", contenders.TWIN)
           for name, _ in args.also):
        parser.error("--also takes NAME=PATH, with a name of at most eight letters and digits")
    return args


def refuse(sentence):
    sys.exit(f"bench: {sentence}")


def check(args):
    """What it cannot do without, each told with a remedy."""
    if not sys.platform.startswith("linux"):
        refuse("it measures with what Linux keeps in /proc")
    if len(os.sched_getaffinity(0)) < 2:
        refuse("it needs two CPUs, one for the proxy and one for load and backends; "
               "this machine has one, or lets this process use one")
    for tool in ("ip", "taskset", "unshare"):
        if shutil.which(tool) is None:
            refuse(f"{tool} is not installed: tests/support/deps.sh bench installs what is missing")
    for path in (args.sealway, os.path.join(args.build, "bench", "bench_load"),
                 *(path for _, path in args.also)):
        if not os.access(path, os.X_OK):
            refuse(f"{path} is not there, or not a program: run make bench")


class Session:
    """One run of the benchmark, and all that came of it."""

    def __init__(self, args):
        self.args = args
        self.lab = Lab(os.path.abspath(args.build), args.out, args.sealway)
        self.profile = profile.dataclasses.replace(
            PROFILES[args.profile], workers_share=len(self.lab.cpus.proxy(2)) < 2,
            **({"rounds": args.rounds} if args.rounds else {}))
        self.records = Records(self.lab.take_complaints)
        self.kinds = figures.all_kinds(self.profile)
        self.began = time.monotonic()
        self.machine = machine.describe(self.lab.cpus)
        os.sched_setaffinity(0, self.lab.cpus.load)  # nothing of ours but the proxy on its CPU
        only = args.peers.split(",") if args.peers else None
        self.contenders, self.missing = contenders.present(
            args.sealway, args.also, self.lab.built("gopeer"), only)
        self.also = [name for name, _ in args.also]
        self.musts, self.broken = [], []

    def tell(self, what):
        seconds = int(time.monotonic() - self.began)
        print(f"{seconds // 60:3d}:{seconds % 60:02d}  {what}", file=sys.stderr, flush=True)

    def wants(self, part):
        return not self.args.only or part in self.args.only

    def try_peers(self):
        """A peer that does not start here is left out; sniproxy wants root, for one."""
        for contender in list(self.contenders):
            try:
                program, start_s = self.lab.start(contender, 10)
                self.lab.stop(program)
                self.records.add("start", contender.name, 0, {"start_s": start_s})
            except (RuntimeError, TimeoutError) as error:
                if contender.ours:
                    raise
                self.contenders.remove(contender)
                self.missing.append(f"{contender.name} does not start: {error}".strip())

    def measure(self):
        self.lab.start_backends()
        self.try_peers()
        for part, measure in zip(PARTS, (self.measure_rounds, idle.run, changes.run,
                                         self.count_syscalls)):
            if self.wants(part):
                self.measure_part(part, measure)
        self.machine["took_s"] = round(time.monotonic() - self.began)
        if self.profile.name != profile.SMOKE.name:  # which is too short for any judgement
            self.musts = musts.Judge(self.records, self.profile).all()

    def measure_part(self, part, measure):
        """One that breaks off does not cost the others, nor what it has measured so far."""
        try:
            measure(self.lab, self.contenders, self.profile, self.records, self.tell)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc()
            self.broken.append(f"{part} broke off: {type(error).__name__}: {error}".strip())
            self.missing.append(self.broken[-1])
            self.lab.stop_all()

    def measure_rounds(self, lab, contenders_, profile_, records, tell):
        works = [w for w in timed.all_works(profile_)
                 if not self.args.works or w.key in self.args.works]
        rounds = timed.Rounds(lab, contenders_, works, profile_, records, tell)
        self.machine["others"] = rounds.others.rounds
        rounds.run(profile_.rounds)
        rounds.stop()

    def count_syscalls(self, *given):
        why = syscalls.missing()
        if why:
            self.missing.append(f"system calls: {why}")
        else:
            syscalls.run(*given)

    def write(self):
        report = Report(self)
        out = pathlib.Path(self.args.out)
        text = report.text()
        (out / "report.txt").write_text(text)
        self.write_json(out / "results.json", {"records": self.records.all})
        self.write_json(out / "summary.json", {
            "figures": {kind.key: self.figure_json(kind) for kind in self.kinds},
            "musts": [must.as_json() for must in self.musts]})
        (out / "chart.svg").write_text(chart.draw(self))
        (out / "table.md").write_text(markdown.table(self))
        return text

    def write_json(self, path, content):
        about = {"machine": self.machine, "profile": profile.dataclasses.asdict(self.profile),
                 "contenders": {c.name: {"version": c.version, "settings": c.settings}
                                for c in self.contenders}}
        path.write_text(json.dumps(finite({**about, **content, "missing": self.missing}),
                                   indent=1, allow_nan=False))

    def figure_json(self, kind):
        found = {c.name: figure.as_json() for c in self.contenders
                 if (figure := kind.figure(self.records, c.name))}
        return {"title": kind.title, "unit": kind.unit, "contenders": found}

    def went_wrong(self):
        """Sentences: what no benchmark of ours may show."""
        wrong = self.broken + self.lab.take_complaints()[:5]
        for contender in self.contenders:
            faults = self.records.faults(contender.name)
            if contender.ours and any(faults.values()):
                told = [f"{n} {fault}" for fault, n in faults.items() if n]
                told += self.records.complaints(contender.name)
                wrong.append(f"{contender.name}: {', '.join(told)}")
        return wrong


def finite(value):
    """What JSON can say of it: a change that was never routed took no number of milliseconds."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def stop_on_signals():
    """A signal unwinds as an exception does, so that nothing is left running."""
    def unwind(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, unwind)


def main():
    args = arguments()
    check(args)
    os.makedirs(args.out, exist_ok=True)
    why = network.enter()
    if why:
        refuse(why)
    try:
        network.set_up()
    except RuntimeError as error:
        refuse(f"it may not set up its network: {error}")
    stop_on_signals()
    session = Session(args)
    with contextlib.closing(session.lab):
        try:
            session.measure()
        except KeyboardInterrupt:
            refuse("interrupted")
        print(session.write())
        wrong = session.went_wrong()
    if wrong:
        refuse("went wrong: " + "; ".join(wrong))
    print(f"written to {args.out}: report.txt, table.md, chart.svg, summary.json, "
              "results.json")


main()
