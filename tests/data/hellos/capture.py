#!/usr/bin/env python3
"""Record the first flights of real clients into the .hex files beside this script.

    capture.py            those that are not here yet
    capture.py NAME...    these, also where they are here; "all" is every one

Each client is pointed at a listener on loopback, which reads the first flight and hangs up.  Where
a client must have been there before (tickets, 0-RTT), its earlier connections are passed on to a
real server.  A .hex file is the bytes behind a comment that says where they come from; its name
carries the client's version, so that another version adds a file.  What is not installed is
skipped; `tests/support/deps.sh stacks browsers` installs what Debian has.
"""

import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent.parent / "stacks"))

from recorder import Failed, Studio  # noqa: E402
from recordings import RECORDINGS  # noqa: E402


def write_hex(path, raw, source):
    rows = [", ".join(f"0x{b:02x}" for b in raw[i:i + 16]) for i in range(0, len(raw), 16)]
    path.write_text(f"/* {source} */\n" + ",\n".join(rows) + "\n")


def banner(studio, recording):
    """What the client says of itself, and the version in it."""
    said = subprocess.run(studio.fill(recording.version), capture_output=True, text=True,
                          check=True)
    line = (said.stdout.strip() or said.stderr.strip()).splitlines()[0]
    line = line.split(" (")[0].strip()
    return line, re.search(r"\d+\.\d+|\d+", line.split(":")[-1]).group()


def record(studio, recording, wanted):
    line, version = banner(studio, recording)
    name = recording.name.format(version)
    path = HERE / f"{name}.hex"
    if wanted and "all" not in wanted and name not in wanted or not wanted and path.exists():
        return
    raw = studio.record(recording)
    write_hex(path, raw, f"{line}: {recording.described()}")
    print(f"{path.name}: {len(raw)} bytes")


def main():
    wanted = sys.argv[1:]
    with Studio() as studio:
        for recording in RECORDINGS:
            why = studio.missing(recording)
            if why:
                print(f"{recording.name}: {why}, skipped", file=sys.stderr)
                continue
            try:
                record(studio, recording, wanted)
            except (Failed, OSError, subprocess.SubprocessError) as why:
                print(f"{recording.name}: {why}", file=sys.stderr)


if __name__ == "__main__":
    main()
