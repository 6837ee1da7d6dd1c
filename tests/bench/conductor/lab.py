"""Where a run happens: its directory, ports, CPUs, backends, and the programs that it started."""

import itertools
import os
import pathlib
import shutil
import socket

from conductor import machine, names, network
from conductor.load import Load
from process import Process, wait_until

FIRST_PORT = names.PORT + 1


class Lab:
    def __init__(self, build, out, sealway, cpus=None):
        self.build, self.out, self.sealway = build, out, sealway
        self.cpus = machine.Cpus(cpus)
        self.files = network.raise_file_limit()
        self.ports = itertools.count(FIRST_PORT)
        self.load = Load(self)
        self.running = []
        self.backends, self.complaints_read = None, 0
        self.dir = pathlib.Path(out, "run")
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)

    def next_port(self):
        return next(self.ports)

    def new_directory(self, name):
        for n in itertools.count():
            directory = self.dir / f"{name}-{n}"
            if not directory.exists():
                directory.mkdir()
                return directory
        return None

    def built(self, program):
        return os.path.join(self.build, "bench", program)

    def start_backends(self):
        self.backends = Process("backends", network.backend_argv(self), self.dir)
        wait_until(lambda: listens(names.backend_ip(names.BACKENDS - 1)), "the backends")

    def take_complaints(self):
        """Lines that the backends have written since this was asked before."""
        if self.backends is None:
            return []
        with open(self.backends.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.complaints_read)
            lines = log.readlines()
            self.complaints_read = log.tell()
        return [line.rstrip() for line in lines]

    def start(self, contender, hosts, workers=1):
        """A contender with a table of so many hosts.  It and the seconds until it answered."""
        program = contender.make(self, contender.name, hosts, workers)
        self.running.append(program)
        try:
            return program, program.start()
        except BaseException:
            self.stop(program)
            raise

    def stop(self, program):
        self.running.remove(program)
        program.stop()
        shutil.rmtree(program.dir, ignore_errors=True)

    def stop_all(self):
        """Whatever a part that did not come to its end has left."""
        self.load.kill_all()
        for program in list(self.running):
            self.stop(program)

    def pids(self):
        """Of all that was started and runs on."""
        found = [self.backends.child.pid]
        for program in self.running:
            if program.process is not None:
                found += program.pids()
        return found

    def close(self):
        for program in reversed(self.running):
            program.stop()
        if self.backends is not None:
            self.backends.stop(1)


def listens(ip):
    with socket.socket() as s:
        return s.connect_ex((ip, names.PORT)) == 0
