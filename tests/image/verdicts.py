"""Says of each check whether it holds: lines "ok NAME" and "FAIL NAME: why"."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/image"))


class Verdicts:
    def __init__(self):
        self._failed = 0

    def none(self, name, bad):
        """Holds while there is nothing bad."""
        if bad:
            self._failed += 1
            more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
            print(f"FAIL {name}: {', '.join(map(str, bad[:5]))}{more}")
        else:
            print(f"ok {name}")

    def equal(self, name, got, wanted):
        self.none(name, [] if got == wanted else [f"{got!r}, not {wanted!r}"])

    def status(self):
        return 1 if self._failed else 0
