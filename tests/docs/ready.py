"""How a block ends, and waiting until the program serves on its usual admin port."""

import time
import urllib.request

READY_S = 60
READY_URL = "http://localhost:10254/readyz"


class Failed(Exception):
    """A block that did not do what the document says."""


class Skipped(Exception):
    """A block that needs what is not here."""


class NoCluster(Skipped):
    """A block that needs an API server, which was not built."""


def is_ready():
    try:
        with urllib.request.urlopen(READY_URL, timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_ready(what):
    end = time.monotonic() + READY_S
    while not is_ready():
        if time.monotonic() > end:
            raise Failed(f"{what} is not ready after {READY_S} s")
        time.sleep(0.05)
