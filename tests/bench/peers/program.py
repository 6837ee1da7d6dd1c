"""A program under measurement: started pinned, asked for its processes and memory, stopped."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

from conductor import names, proc
from process import Process, wait_until

SBIN = ["/usr/sbin", "/sbin", "/usr/local/sbin"]


def find(command):
    """Where it is, also for who has no sbin in PATH; None: nowhere."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *SBIN])
    return shutil.which(command, path=path)


def first_line(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


class Program:
    """One contender with its table.  Subclasses say how it is configured, started and told of a
    change of its table."""

    ours = False

    def __init__(self, lab, name, hosts, workers=1):
        self.lab, self.name, self.workers = lab, name, workers
        self.hosts = list(range(hosts))
        self.port = lab.next_port()
        self.dir = pathlib.Path(lab.new_directory(name))
        self.process = None

    # ---- for subclasses

    def write(self):
        """Everything that it reads when it starts."""
        raise NotImplementedError

    def argv(self):
        raise NotImplementedError

    def tell(self, added):
        """Make it serve the table as it is now; `added` are the new hosts.  When it was told, by
        the monotonic clock in nanoseconds: after its files were written."""
        self.write()
        now = time.monotonic_ns()
        self.process.signal(self.reload_signal)
        return now

    reload_signal = signal.SIGHUP

    def route_lines(self, form):
        """A line for each host."""
        return "".join(form.format(name=names.host(i), to=f"{names.backend_ip(i)}:{names.PORT}")
                       + "\n" for i in self.hosts)

    # ---- for the scenarios

    def start(self):
        """Until it answers for its first host.  How long that took, in seconds."""
        self.write()
        began = time.monotonic()
        cpus = ",".join(map(str, self.lab.cpus.proxy(self.workers)))
        self.process = Process(self.name, ["taskset", "-c", cpus, *self.argv()], self.dir)
        wait_until(self.answers, f"{self.name} answers", step=0.005)
        return time.monotonic() - began

    def answers(self):
        if not self.process.is_alive():
            raise RuntimeError(f"{self.name} ended: {self.process.tail(5) or 'without a word'}")
        return self.lab.load.probe(self, 0, 1000)["units"] == 1

    def add(self, host):
        self.hosts.append(host)
        return self.tell([host])

    def pids(self):
        return proc.tree(self.process.child.pid)

    def pss_kib(self):
        return sum(proc.pss_kib(pid) for pid in self.pids())

    def own_kib(self):
        return sum(proc.own_kib(pid) for pid in self.pids())

    def table_bytes(self):
        """Of its table alone; None: it does not tell."""
        return None

    def stop(self):
        if self.process is None:
            return
        family = self.pids() if self.process.is_alive() else []
        self.process.stop(3)
        proc.kill_left(family)
        self.process = None
