"""sealway - the real program: started on files, scraped, stopped.  $SEALWAY_BIN names it."""
import ctypes
import http.client
import json
import os
import signal
import subprocess
import tempfile
import time

import page

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
TEXT = "text/plain"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def die_with_us():
    """For subprocess: the child is killed when this program ends, however it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(what, condition, seconds=60):
    """Poll until a condition holds and return what it returned; patient with a busy machine."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.005)


class Sealway:
    """A context manager.  `manifests` is a directory, usually under self.dir of a Scene; None: the
    options name another source."""

    def __init__(self, manifests, *options):
        self.dir = tempfile.TemporaryDirectory(prefix="sealway-metrics-")
        self.command = [os.environ.get("SEALWAY_BIN", "build/sealway"), "serve",
                        *(["--manifests", manifests] if manifests else []),
                        "--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--workers", "2",
                        "--drain-delay", "0s", "--drain-timeout", "1s",
                        "--ports-file", self._path("ports"), *options]
        if os.environ.get("VARIANT") == "tsan":  # knows no randomised address layouts
            self.command[:0] = ["setarch", "-R"]
        self.process = self.listen = self.admin = self.connection = None

    def _path(self, name):
        return os.path.join(self.dir.name, name)

    def __enter__(self):
        with open(self._path("out"), "wb") as out, open(self._path("err"), "wb") as err:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=err,
                                            preexec_fn=die_with_us)
        try:
            wait_until("ready", self._is_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_ready(self):
        assert self.process.poll() is None, f"ended at once: {self.stderr()}"
        if not os.path.exists(self._path("ports")):
            return False
        with open(self._path("ports"), encoding="utf-8") as ports:
            addresses = json.load(ports)
        self.listen = _address(addresses["listen"][0])
        self.admin = _address(addresses["admin"])
        return True

    def __exit__(self, *_):
        if self.connection is not None:
            self.connection.close()
        status = self._stop()
        errors = self.stderr()
        self.dir.cleanup()
        assert status == 0, f"ended with {status}: {errors}"

    def _stop(self):
        """Its exit status.  A second signal ends the waiting for connections."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self.process.terminate()
            try:
                return self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                pass
        self.process.kill()
        return self.process.wait()

    def stderr(self):
        with open(self._path("err"), encoding="utf-8") as err:
            return err.read()

    def get(self, path, accept=TEXT):
        """The body of a page, over one connection that is kept."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.admin, timeout=20)
        self.connection.request("GET", path, headers={"Accept": accept})
        answer = self.connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 200, f"{path}: {answer.status} {body}"
        return body

    def scrape(self):
        return page.Page(self.get("/metrics"))

    def scrape_idle(self):
        """A page once nothing is under way any more."""
        return page.Page(wait_until("idle", lambda: _if_idle(self.get("/metrics"))))

    def wait_for(self, name, value, **labels):
        """A page in which the sum of that metric is this."""
        def there():
            p = self.scrape()
            return p if p.sum(name, **labels) == value else None
        return wait_until(f"{name} {labels or ''} {value}", there)


def _address(text):
    ip, _, port = text.rpartition(":")
    return ip, int(port)


def _if_idle(text):
    """The page, if every connection had ended before it was begun: it is no snapshot."""
    accepted, ended, active = (page.total(text, f"sealway_connections_{name}")
                               for name in ("accepted_total", "closed_total", "active"))
    return text if active == 0 and accepted == ended else None
