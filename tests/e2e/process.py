"""Child processes that end with us, and waiting without guessing."""

import contextlib
import ctypes
import signal
import subprocess
import time

PATIENCE_S = 180
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)
_longest_s = [float("inf")]


@contextlib.contextmanager
def patience(seconds):
    """Meanwhile nothing is waited for longer: for tests that are expected to fail."""
    _longest_s.append(seconds)
    try:
        yield
    finally:
        _longest_s.pop()


def wait_until(condition, what, seconds=PATIENCE_S, step=0.02):
    """Ask until the answer is true, and return it; the time over is a failure that says what."""
    seconds = min(seconds, _longest_s[-1])
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(step)


def end_with_parent(number=signal.SIGKILL):
    _libc.prctl(PR_SET_PDEATHSIG, number)


class Process:
    """A child with its log, and nothing of it left behind."""

    def __init__(self, name, argv, directory, env=None):
        self.name = name
        self.log = directory / f"{name}.log"
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                preexec_fn=end_with_parent)

    def is_alive(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self, seconds):
        """Ask it to end; after so many seconds make it.  Its exit status."""
        if self.is_alive():
            self.signal(signal.SIGCONT)
            self.child.terminate()
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.child.returncode

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        self.child.wait()

    def tail(self, lines=20):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
