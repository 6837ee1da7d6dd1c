"""Where things are; and what the end-to-end tests have can be imported after this."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
E2E = HERE.parent / "e2e"
CHART = TREE / "charts" / "sealway"

# Behind our own, which may be called the same.
sys.path.append(str(E2E))
