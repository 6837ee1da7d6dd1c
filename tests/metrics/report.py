"""report - runs tests and tells about them as cmocka does, for tests/support/run_tests.sh."""
import os
import signal
import sys
import time
import traceback


class Skipped(Exception):
    """Raised by a test that cannot run here; says why."""


def figure(text):
    """A number worth reading; run_tests.sh shows lines that begin so."""
    print(f"{'':13}{text}", flush=True)


def _stop(_signal, _frame):
    sys.exit(1)  # unwinds, so that every context manager ends what it started


def run(*tests):
    """Run functions whose names are sentences; ends the program."""
    signal.signal(signal.SIGTERM, _stop)
    passed = failed = 0
    for test in tests:
        name = test.__name__
        print(f"[ RUN      ] {name}", flush=True)
        began = time.monotonic()
        try:
            test()
        except Skipped as why:
            figure(f"skip {name}: {why}")
            continue
        except Exception:  # whatever it is, the other tests go on
            traceback.print_exc(file=sys.stdout)
            print(f"[  FAILED  ] {name}", flush=True)
            failed += 1
            continue
        print(f"[       OK ] {name} ({time.monotonic() - began:.1f} s)", flush=True)
        passed += 1
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    sys.exit(1 if failed else 0)


def is_full():
    """Whether the long form was asked for."""
    return bool(os.environ.get("FULL"))


def is_slow_build():
    """Whether the program is instrumented, ten times slower than usual."""
    return bool(os.environ.get("VARIANT"))


def same(what, got, wanted):
    """Assert that two dicts are equal; says what differs."""
    wrong = {k: (got.get(k), wanted.get(k)) for k in got.keys() | wanted.keys()
             if got.get(k) != wanted.get(k)}
    lines = "\n".join(f"  {k}: {g} instead of {w}" for k, (g, w) in sorted(wrong.items(), key=str))
    assert not wrong, f"{what}:\n{lines}"
