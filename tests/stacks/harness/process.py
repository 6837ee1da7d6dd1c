"""Child processes that end with us, and ports that are free."""

import contextlib
import os
import select
import selectors
import shutil
import signal
import socket
import subprocess
import time

LIMIT_S = 20  # what a single run of anything may take
START_S = 60  # what a server or a compiler's first answer may take, on a busy machine


class Failed(Exception):
    """A program did not do what the harness itself needs of it."""


def which(program):
    """The path of a program, also where an ordinary user's PATH does not look; None without it."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_open(port, child):
    """Wait until something accepts on the port, or its program has ended."""
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.02)
    raise Failed(f"nothing listens on port {port}")


class Children:
    """Every process started here; all are gone after stop()."""

    def __init__(self, directory):
        self.directory = directory
        self.running = []
        # Whoever kills us with SIGKILL leaves nothing behind either.
        setpriv = which("setpriv")
        self.prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []

    def start(self, name, argv, **how):
        """Start a program in a session of its own; stderr goes to NAME.err unless `how` says."""
        with open(self.directory / f"{name}.err", "ab") as err:
            how.setdefault("stdin", subprocess.DEVNULL)
            how.setdefault("stdout", err)
            how.setdefault("stderr", err)
            child = subprocess.Popen(self.prefix + [str(a) for a in argv],
                                     start_new_session=True, **how)
        self.running.append(child)
        return child

    def end(self, child, grace_s=0):
        """End a child and all it started; after `grace_s` of SIGTERM, not gently."""
        if child.poll() is None and grace_s:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(grace_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for stream in (child.stdin, child.stdout):
            with contextlib.suppress(OSError, AttributeError):
                stream.close()
        if child in self.running:
            self.running.remove(child)

    def stop(self):
        for child in list(reversed(self.running)):
            self.end(child)

    def run(self, argv, stdin=b"", limit_s=LIMIT_S, **how):
        """Run to the end; (status, output of both kinds), status None at the limit."""
        child = self.start("run", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, **how)
        try:
            output, _ = child.communicate(stdin, timeout=limit_s)
            return child.returncode, output
        except subprocess.TimeoutExpired:
            return None, b""
        finally:
            self.end(child)


class Lines:
    """Lines that a child writes, read with a limit."""

    def __init__(self, child):
        self.child = child
        self.have = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(child.stdout, selectors.EVENT_READ)

    def next(self, limit_s=LIMIT_S):
        """The next line without its end; Failed at the limit or when the child has ended."""
        until = time.monotonic() + limit_s
        while b"\n" not in self.have:
            if not self.selector.select(max(0, until - time.monotonic())):
                raise Failed(f"no answer within {limit_s} s")
            more = os.read(self.child.stdout.fileno(), 65536)
            if not more:
                raise Failed("the program has ended")
            self.have += more
        line, self.have = self.have.split(b"\n", 1)
        return line.decode(errors="replace")

    def wait_for(self, text, limit_s=LIMIT_S):
        """Skip lines until one is `text`; whether it came."""
        until = time.monotonic() + limit_s
        with contextlib.suppress(Failed):
            while self.next(max(0, until - time.monotonic())) != text:
                pass
            return True
        return False


class Conversation:
    """A program we write to and read from as a person would."""

    def __init__(self, children, argv, **how):
        self.children = children
        self.child = children.start("run", argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, bufsize=0, **how)
        self.said = b""
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.child.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        self.children.end(self.child)

    def say(self, data):
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.write(data)

    def until(self, *marks, limit_s=LIMIT_S):
        """Read until one of the marks has come: that mark; None at the end, Failed at the limit.
        What stands before and with the mark is forgotten: the next until() looks behind it."""
        deadline = time.monotonic() + limit_s
        while True:
            found = [(self.said.index(m), m) for m in marks if m in self.said]
            if found:
                at, mark = min(found)
                self.said = self.said[at + len(mark):]
                return mark
            if not self.selector.select(max(0, deadline - time.monotonic())):
                raise Failed(f"silence for {limit_s} s")
            more = os.read(self.child.stdout.fileno(), 65536)
            if not more:
                return None
            self.said += more


def pour(children, argv, data, output, limit_s=LIMIT_S, **how):
    """Write data to a program that writes to the file `output`, until its last bytes stand there
    too, the program has ended, or the limit.  (Some write a few bytes at a time: a pipe would have
    us read as often.)"""
    until, at = time.monotonic() + limit_s, 0
    with open(output, "wb") as out:
        child = children.start("run", argv, stdin=subprocess.PIPE, stdout=out, bufsize=0, **how)
    try:
        os.set_blocking(child.stdin.fileno(), False)
        while time.monotonic() < until and child.poll() is None:
            if at < len(data) and select.select([], [child.stdin], [], 0.1)[1]:
                at += os.write(child.stdin.fileno(), data[at:at + 65536])
            elif at == len(data) and ends_with(output, data[-64:]):
                break
            elif at == len(data):
                time.sleep(0.01)
    except BrokenPipeError:
        pass  # what it wrote tells
    finally:
        children.end(child)


def ends_with(path, tail):
    """Whether the last bytes of a file have `tail` among them."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 4096))
        return tail in file.read()
