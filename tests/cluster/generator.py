"""The traffic generator in the clients' namespace, and what it says: see traffic/load.go."""

import contextlib
import json
import os
import pathlib
import subprocess
import threading

import paths
from commands import call
from process import end_with_parent

ANSWER_S = 120


def build():
    """The path of the program, which is generator and backend."""
    return call([paths.HERE / "traffic" / "build.sh"]).strip()


def _comes_first():
    """Who measures is not to be measured: it has the processor before what it measures, where the
    kernel shares it among sessions, too."""
    end_with_parent()
    with contextlib.suppress(OSError):
        os.nice(-10)
        pathlib.Path("/proc/self/autogroup").write_text("-10")


class Traffic:
    """Fresh connections all the while, and kept ones, until it is stopped or this process ends."""

    def __init__(self, node, target, ca, hosts, rate=200):
        self.child = subprocess.Popen(
            node.in_client([build(), "load", f"-target={target}", f"-ca={ca}", f"-rate={rate}",
                            "-hosts=" + ",".join(hosts)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=_comes_first)
        self.heard = threading.Condition()
        self.failures = []   # all of them, as they came
        self.slow = []       # fresh ones that were answered, but late
        self.summaries = {}  # by phase
        self.answers = []    # to what was asked and is not taken yet
        self.over = False
        self.log = open(node.dir / "log" / "traffic.jsonl", "w", encoding="utf-8", buffering=1)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.child.stdout:
            self.log.write(line)
            said = json.loads(line)
            with self.heard:
                if said["event"] == "failure":
                    self.failures.append(said)
                elif said["event"] == "slow":
                    self.slow.append(said)
                elif said["event"] == "phase":
                    self.summaries[said["phase"]] = said
                else:
                    self.answers.append(said)
                self.heard.notify_all()
        self.log.close()
        with self.heard:
            self.over = True
            self.heard.notify_all()

    def _tell(self, *words):
        print(*words, file=self.child.stdin, flush=True)

    def _wait(self, found, what):
        with self.heard:
            if not self.heard.wait_for(lambda: self.over or found(), ANSWER_S) or not found():
                raise RuntimeError(f"the traffic generator gave no {what}")
            return found()

    def _ask(self, event, *words):
        self._tell(*words)
        self._wait(lambda: self.answers, event)
        answer = self.answers.pop(0)
        if answer["event"] != event:
            raise RuntimeError(f"{' '.join(words)}: {answer}")
        return answer

    def hold(self, count, addresses):
        """Have so many kept connections, evenly over Sealway pods of these addresses."""
        return self._ask("held", "hold", str(count), *addresses)

    def start(self):
        """Fresh connections, from now on."""
        self._tell("start")

    def kept(self):
        """The kept connections that are open: how many, and by pod and Sealway pod; `heard`: the
        time since when each has had an answer.  One that was cut is open until that is noticed."""
        return self._ask("count", "count")

    def enter(self, phase):
        """What happens from now on is of that phase.  A name counts once."""
        self._ask("entered", "phase", phase)

    def summary(self, phase):
        """Of one that is over."""
        return self._wait(lambda: self.summaries.get(phase), f"summary of {phase}")

    def failures_since(self, began):
        """Those that were seen since then, of connections that may have begun before."""
        with self.heard:
            return [each for each in self.failures if each["at"] >= began]

    def stop(self):
        """End all connections in order; what was open until then."""
        last = self._ask("end", "stop")
        self.child.wait(ANSWER_S)
        return last

    def kill(self):
        """It ends, whatever it is at."""
        self.child.kill()
        self.child.wait()
