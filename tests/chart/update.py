"""Writes what is made from the chart; says which files changed."""

from derived import all_files
from paths import GOLDEN, ROOT

GOLDEN.mkdir(exist_ok=True)
files = all_files()
for path, make in files.items():
    text = make()
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
for path in GOLDEN.glob("*.yaml"):
    if path not in files:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")
