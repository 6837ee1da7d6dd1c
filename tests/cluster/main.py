"""Runs the tests: main.py [WORD...], or one of the COMMANDS.  See run.sh."""

import dataclasses
import importlib
import inspect
import os
import signal
import sys
import time
import traceback

import paths
import generator
import helm
import images
import postgres
import prometheus
import workloads
from machine import NoNode, check_privileges
from node import Node, NotOurs, built
from once import FULL

NAME = os.environ.get("NODE", "sealway")
KEEP = bool(os.environ.get("KEEP"))
REQUIRED = bool(os.environ.get("SEALWAY_NODE_REQUIRED"))
TOO_LONG = 10  # times the budget: then it is not the machine any more, but something hangs
MERCY_S = 180  # what a single test may take all the same


@dataclasses.dataclass
class Stage:
    """Modules whose public functions are the tests; seconds for all of them, and with FULL=1; and
    what has to be built or fetched before, which no budget counts."""
    name: str
    budget_s: int
    full_s: int
    modules: tuple
    takes: tuple = ()


# One after the other on one node: what a test leaves behind, it has said.
STAGES = (
    Stage("node", 45, 60, ("test_node",)),
    Stage("install", 60, 90, ("test_install",)),
    Stage("workloads", 60, 240, ("test_workloads", "test_readme"),
          takes=("backend", "postgresql")),
    Stage("faults", 140, 900, ("test_faults",), takes=("traffic",)),
    Stage("chart", 90, 600, ("test_readiness", "test_releases", "test_hostnetwork",
                             "test_prometheus", "test_uninstall"), takes=("discovery",)),
)
BUILT = {"kubernetes": lambda: built("kube"), "helm": lambda: built("helm"),
         "image": images.sealway_archive, "backend": workloads.build_backend,
         "traffic": generator.build, "postgresql": postgres.fetch,
         "discovery": prometheus.build}
ALWAYS = ("kubernetes", "helm", "image")
BUILD_S = 2400  # ten times of what the longest takes, where nothing is built yet
START_S = 30


def tests_of(name):
    """A module's public functions, in their order; each is a test."""
    if not (paths.HERE / f"{name}.py").exists():
        return []
    module = importlib.import_module(name)
    functions = [f for key, f in vars(module).items()
                 if inspect.isfunction(f) and f.__module__ == name and not key.startswith("_")]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)


def chosen(name, words):
    """Those of a module that are asked for, by their names or its own."""
    return [test for test in tests_of(name)
            if not words or any(word in test.__name__ or word in name for word in words)]


def is_chosen(stage, words):
    return any(chosen(name, words) for name in stage.modules)


def on_alarm(*_):
    raise TimeoutError("it hangs: still running, far over the budget of its stage")


class Runner:
    """Whether each test did what its name says, and how long each stage took."""

    def __init__(self, node):
        self.node = node
        self.done = []

    def run(self, name, function, *args, limit_s):
        began, result = time.monotonic(), "ok"
        signal.alarm(int(limit_s))
        try:
            function(*args)
        except NoNode:
            raise
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            result = "FAIL"
        finally:
            signal.alarm(0)
        print(f"{result} {name} ({time.monotonic() - began:.1f} s)", flush=True)
        self.done.append(result == "ok")
        return self.done[-1]

    def close_stage(self, name, budget_s, began):
        """A line for each; one over its budget says so, for a machine may have much else to do; one
        that is so far over it that something must have hung has failed."""
        took = time.monotonic() - began
        over = f", over its budget of {budget_s} s" if took > budget_s else ""
        print(f"stage {name}: {took:.0f} s{over}", flush=True)
        if took > TOO_LONG * budget_s:
            print(f"FAIL the_stage_{name}_ends_within_{TOO_LONG * budget_s}_s")
            self.done.append(False)

    def prepare(self, stages):
        """What is built or fetched once, then the node: whether it is up."""
        for name in (*ALWAYS, *(name for stage in stages for name in stage.takes)):
            began = time.monotonic()
            if not self.run(f"{name}_is_there", BUILT[name], limit_s=BUILD_S) and name in ALWAYS:
                return False
            print(f"stage {name}: {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        if not self.run("the_node_starts", lambda: self.node.start(stays=KEEP),
                        limit_s=TOO_LONG * START_S):
            return False
        self.close_stage("start", START_S, began)
        return True

    def run_stage(self, stage, words):
        began = time.monotonic()
        budget_s = stage.full_s if FULL else stage.budget_s

        def run(name, function):
            left_s = began + TOO_LONG * budget_s - time.monotonic()
            self.run(name, function, self.node, limit_s=max(MERCY_S, left_s))
        for name in stage.modules:
            functions = chosen(name, words)
            for function in functions:
                run(function.__name__, function)
            # A module that leaves something behind takes it away by its function _end.
            end = getattr(importlib.import_module(name), "_end", None) if functions else None
            if end is not None and not KEEP:
                run(f"what_{name}_made_is_taken_away", end)
        self.close_stage(stage.name, budget_s, began)


def test(node, words):
    stages = [stage for stage in STAGES if is_chosen(stage, words)]
    if not stages:
        print(f"run.sh: no name of a test, or of a file of tests, has: {' '.join(words)}")
        return 2
    check_privileges()
    if node.is_up() and not KEEP:
        raise NotOurs(f"the node {node.name} is up, in {node.dir}; KEEP=1 takes it and leaves it "
                      "up, `run.sh down` ends it, NODE=name starts another one beside it")
    if not node.is_up():
        node.stop()  # what is left of one that a run before was killed beside
    runner = Runner(node)
    began = time.monotonic()
    try:
        if runner.prepare(stages):
            for stage in stages:
                runner.run_stage(stage, words)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not KEEP:
            node.stop()
    if KEEP:
        tell(node)
    failed = runner.done.count(False)
    print(f"{time.monotonic() - began:.0f} s")
    print(f"{len(runner.done) - failed} passed, {failed} failed")
    return 1 if failed else 0


# ---- for people

def tell(node):
    run = "tests/cluster/run.sh"
    if "NODE" in os.environ:
        run = f"NODE={node.name} {run}"
    print(f"""the node {node.name} is up at {node.ip}; its files are in {node.dir}
  {run} kubectl get pods -A
  {run} client curl -v https://{node.ip}:PORT/
  {run} down""")


def up(node):
    with node.locked():
        node.start(stays=True)
    tell(node)


def down(node):
    with node.locked():
        node.stop()


def become(node, argv):
    """Run a command in place of this program, with the terminal."""
    argv = list(map(str, argv))
    os.execvpe(argv[0], argv, node.environment())


COMMANDS = {
    "up": up,
    "down": down,
    "release": lambda node, *words: print(helm.install(node, *words).port),
    "kubectl": lambda node, *argv: become(node, node.in_node([node.kube, "kubectl", *argv])),
    "helm": lambda node, *argv: become(node, node.in_node([built("helm"), *argv])),
    "client": lambda node, *argv: become(node, node.in_client(argv)),
}


def main():
    # As an exception, so that everything is stopped.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    signal.signal(signal.SIGALRM, on_alarm)
    words, node = sys.argv[1:], Node(NAME)
    try:
        if words and words[0] in COMMANDS:
            COMMANDS[words[0]](node, *words[1:])
            return 0
        with node.locked():
            return test(node, words)
    except NoNode as error:
        if REQUIRED:
            print(f"FAIL everything: {error}\n0 passed, 1 failed")
            return 1
        print(f"skip everything: {error}")
        return 0
    except NotOurs as error:
        print(f"run.sh: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
