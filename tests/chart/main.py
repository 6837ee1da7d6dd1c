"""Runs the tests, in their order: main.py [NAME...].  See run.sh."""

import inspect
import sys
import time
import traceback

import test_derived
import test_monitoring
import test_neighbours
import test_options
import test_reasons
import test_refusals
import test_rendering
import test_rights
import test_security
from skipped import Skipped

MODULES = (test_rendering, test_refusals, test_options, test_rights, test_security, test_reasons,
           test_neighbours, test_monitoring, test_derived)


def tests_of(module):
    """Its public functions, in their order; each is a test."""
    functions = [f for name, f in vars(module).items()
                 if inspect.isfunction(f) and f.__module__ == module.__name__
                 and not name.startswith("_")]
    return sorted(functions, key=lambda f: f.__code__.co_firstlineno)


def run(test):
    """Whether it held; None: it could not be tried here."""
    began = time.monotonic()
    try:
        test()
    except Skipped as why:
        print(f"skip {test.__name__}: {why}", flush=True)
        return None
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc(file=sys.stdout)
        print(f"FAIL {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        return False
    print(f"ok {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main():
    words = sys.argv[1:]
    done = [run(test) for module in MODULES for test in tests_of(module)
            if not words or any(word in test.__name__ for word in words)]
    print(f"{done.count(True)} passed, {done.count(False)} failed")
    return 0 if done and False not in done else 1


sys.exit(main())
