"""Runs bench_load and reads its line."""

import json
import signal
import subprocess
import time

from conductor import names, proc
from process import end_with_parent

LEFT_OVER_S = 5  # so long may connections of the proxy outlive those of the load


def before_exec():
    """SIGTERM waits until the load is ready to end by it."""
    end_with_parent()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


class Load:
    def __init__(self, lab):
        self.lab = lab
        self.children = []

    def argv(self, program, mode, *options, pids=()):
        pids = [word for pid in pids for word in ("-P", str(pid))]
        cpus = ",".join(map(str, self.lab.cpus.load))
        return ["taskset", "-c", cpus, self.lab.built("bench_load"), "-m", mode,
                "-a", names.PROXY_IP, "-p", str(program.port), *map(str, options), *pids]

    def begin(self, program, mode, *options, pids=()):
        child = subprocess.Popen(
            self.argv(program, mode, *options, pids=pids), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=before_exec)
        self.children.append(child)
        return child

    def end(self, child, now=False):
        """What it measured, when its time is over or now.  Failures of connections are in it, any
        other is raised."""
        if now:
            child.terminate()
        out, err = child.communicate()
        self.children.remove(child)
        if child.returncode not in (0, 1) or not out:
            raise RuntimeError(f"bench_load: {err.strip() or child.returncode}")
        return json.loads(out)

    def kill_all(self):
        for child in self.children:
            child.kill()
            child.communicate()
        self.children.clear()

    def run(self, program, mode, *options):
        """A whole run, with what the proxy used meanwhile; connections that it still has afterwards
        are told as left over."""
        before = proc.sockets_in_use()
        result = self.end(self.begin(program, mode, *options, pids=program.pids()))
        result["left"] = self.left_over(before)
        return result

    def left_over(self, before, patience_s=LEFT_OVER_S):
        end = time.monotonic() + patience_s
        while True:
            left = proc.sockets_in_use() - before
            if left <= 0:
                return 0
            if time.monotonic() > end:
                return left
            time.sleep(0.001)

    def probe(self, program, host, ms):
        return self.end(self.begin(program, "probe", "-n", host, "-t", ms))
