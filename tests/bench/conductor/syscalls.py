"""System calls for each unit of work.  strace slows what it counts: only the counts are told.

What is told is the steady state: the program has worked before, and from a long run a short one is
taken off, and with it what attaching and ending cost.  Each run ends before strace lets go, so all
its connections are whole.  Threads that the load keeps busy are told apart from the others, whose
calls are by the clock and not by what is done.
"""

import contextlib
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from process import end_with_parent, wait_until

SHORT, RR = "syscalls-short", "syscalls-rr"
ROLES = ("nginx", "sealway", "sealway-first-eof")
WARM_MS = 1000
BUSY = 0.05     # who has used a larger part of untraced load's time serves it
SETTLE_S = 0.2  # until a slowed proxy has closed what the load has
SHORT_RUN = 10  # a short run has so small a part of a long one's time
AT_ONCE = 16    # connections: so few that a traced program's turns are as short as untraced ones


def missing():
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-c", "-o", "/dev/null", "true"], capture_output=True,
                          check=False)
    return None if done.returncode == 0 else "strace may not trace here (ptrace is not allowed)"


class Strace:
    """Counts the calls of some threads while it is entered."""

    def __init__(self, threads):
        self.threads = threads
        self.calls = {}
        self.table = tempfile.NamedTemporaryFile(suffix=".strace")
        self.said = tempfile.NamedTemporaryFile(suffix=".strace")

    def __enter__(self):
        targets = [word for thread in self.threads for word in ("-p", str(thread))]
        self.child = subprocess.Popen(
            ["strace", "-c", "-U", "calls,name", "-o", self.table.name, *targets],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.said,
            preexec_fn=end_with_parent)
        wait_until(self.is_attached, "strace is attached")
        return self

    def is_attached(self):
        with open(self.said.name, encoding="utf-8") as text:
            said = text.read()
        if self.child.poll() is not None:
            raise RuntimeError(f"strace: {said.strip()}")
        return said.count(" attached") >= len(self.threads)

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGINT)
        self.child.wait()
        with open(self.table.name, encoding="utf-8") as lines:
            for line in lines:
                words = line.split()
                if len(words) == 2 and words[0].isdigit() and words[1] != "total":
                    self.calls[words[1]] = int(words[0])


def threads_ns(program):
    """CPU time of each thread so far."""
    found = {}
    for pid in program.pids():
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found[int(task.name)] = int((task / "schedstat").read_text().split()[0])
    return found


def warm_up(lab, program, mode, profile):
    """Threads that serve the load, and the others."""
    before = threads_ns(program)
    ms = min(WARM_MS, profile.syscall_ms)
    lab.load.run(program, mode, "-c", AT_ONCE, "-t", ms)
    time.sleep(SETTLE_S)
    used = {thread: ns - before.get(thread, 0) for thread, ns in threads_ns(program).items()}
    busy = [thread for thread, ns in used.items() if ns > BUSY * ms * 1e6]
    busy = busy or [max(used, key=used.get)]
    return busy, [thread for thread in used if thread not in busy]


def traced(lab, program, mode, ms, busy, others):
    """Others may be none; then strace is not asked about them."""
    beside = Strace(others)
    with contextlib.ExitStack() as stack:
        strace = stack.enter_context(Strace(busy))
        if others:
            stack.enter_context(beside)
        result = lab.load.run(program, mode, "-c", AT_ONCE, "-t", ms)
        time.sleep(SETTLE_S)
    return {**result, "calls": strace.calls, "others": beside.calls}


def less(long, short):
    return {name: n - short.get(name, 0) for name, n in long.items()}


def steady(lab, program, mode, profile):
    busy, others = warm_up(lab, program, mode, profile)
    short, long = (traced(lab, program, mode, ms, busy, others)
                   for ms in (profile.syscall_ms // SHORT_RUN, profile.syscall_ms))
    return {**long, "calls": less(long["calls"], short["calls"]),
            "others": less(long["others"], short["others"]),
            "done": long["done"] - short["done"],
            "wall_ns": long["wall_ns"] - short["wall_ns"]}


def run(lab, contenders, profile, records, tell):
    for contender in contenders:
        if contender.role not in ROLES:
            continue
        tell(f"system calls: {contender.name}")
        program, _ = lab.start(contender, 1000)
        for key, mode in ((SHORT, "short"), (RR, "rr")):
            records.add(key, contender.name, 1, steady(lab, program, mode, profile))
        lab.stop(program)


def each(result):
    return sum(result["calls"].values()) / result["done"] if result["done"] > 0 else None


def others_a_second(result):
    return max(0, sum(result["others"].values())) / result["wall_ns"] * 1e9
