"""Runs the tests: main.py [NAME...].  See run.sh.

They run in lanes beside each other, because most of their time is waiting.  A lane is a process with
an API server of its own, and runs its tests in their order.
"""

import contextlib
import inspect
import io
import multiprocessing
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback

import figures
import network
import test_audit
import test_changes
import test_chart
import test_credentials
import test_gone
import test_rights
import test_routing
import test_scope
import test_services
import test_traffic
import test_writing
from process import end_with_parent
from scene import Scene

FULL = bool(os.environ.get("FULL"))
LIMIT_S = 900 if FULL else 300

LANES = {
    "quiet": (test_routing, test_changes, test_services, test_scope, test_writing, test_audit),
    "outages": (test_traffic, test_audit),
    "trust": (test_gone, test_credentials, test_audit),
    **({"rights": (test_rights,)} if FULL else {}),
    "figures": (test_chart, figures, test_audit.every_request_was_allowed),
}
LAST = "figures"  # it measures when no other lane is left

processes = multiprocessing.get_context("fork")


def tests_of(entry):
    """Of a module its public functions, in their order, each a test; a function is one itself."""
    if inspect.isfunction(entry):
        return [entry]
    functions = [f for name, f in vars(entry).items()
                 if inspect.isfunction(f) and f.__module__ == entry.__name__
                 and not name.startswith("_")]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)


def chosen(entries, words):
    tests = [test for entry in entries for test in tests_of(entry)]
    return [test for test in tests if not words or any(word in test.__name__ for word in words)]


def on_alarm(*_):
    raise TimeoutError(f"still running after {LIMIT_S} s")


def run(name, function, *args):
    """Whether it did what its name says."""
    began = time.monotonic()
    said, result = io.StringIO(), "ok"
    signal.alarm(LIMIT_S)
    try:
        with contextlib.redirect_stdout(said):
            function(*args)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=said)
        result = "FAIL"
    finally:
        signal.alarm(0)
    # At once, for the lanes share an output.
    text = f"{said.getvalue()}{result} {name} ({time.monotonic() - began:.1f} s)\n"
    print(text, end="", flush=True)
    return result == "ok"


class Lane(processes.Process):
    """Some tests one after the other; afterwards `done` has whether each of them held."""

    def __init__(self, name, tests, directory, alone):
        super().__init__(name=name)
        self.tests = tests
        (directory / name).mkdir()
        self.scene = Scene(directory / name, directory / "ca.crt", alone)
        self.receiver, self.sender = processes.Pipe(duplex=False)
        self.done = []

    def run(self):
        end_with_parent(signal.SIGTERM)
        try:
            done = [run(f"the_api_server_of_the_lane_{self.name}_starts", self.scene.start)]
            if done[0]:
                done += [run(test.__name__, test, self.scene) for test in self.tests]
            self.sender.send(done)
        finally:
            self.scene.stop()

    def finish(self):
        self.join()
        self.done = self.receiver.recv() if self.receiver.poll() else [False]

    def end(self):
        if self.is_alive():
            self.terminate()
            self.join()


def run_lanes(directory, words):
    """Whether each test of all lanes held."""
    alone = processes.Event()
    tests = {name: chosen(entries, words) for name, entries in LANES.items()}
    lanes = [Lane(name, some, directory, alone) for name, some in tests.items() if some]
    try:
        for lane in lanes:
            lane.start()
        for lane in lanes:
            if lane.name == LAST:
                alone.set()
            lane.finish()
    finally:
        for lane in lanes:
            lane.end()
    return [held for lane in lanes for held in lane.done]


def main():
    # As an exception, so that everything is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, on_alarm)
    began = time.monotonic()
    network.set_up_addresses()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="sealway-e2e."))
    backends = network.Backends(directory)
    done = []
    try:
        backends.start()
        done = run_lanes(directory, sys.argv[1:])
    finally:
        backends.stop()
        if os.environ.get("KEEP"):
            print(f"logs: {directory}")
        else:
            shutil.rmtree(directory)
    failed = done.count(False)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{len(done) - failed} passed, {failed} failed")
    return 1 if failed or not done else 0


if __name__ == "__main__":
    sys.exit(main())
