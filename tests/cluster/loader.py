"""What the dynamic loader takes from this machine for a program, so that an image can have it."""

import pathlib
import re
import subprocess


def libraries_of(program):
    """(path, path in the image) of each library, but for those that come with the program."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    if "not found" in said:
        raise RuntimeError(f"{program} lacks libraries:\n{said}")
    paths = re.findall(r"(?:=> |^\s+)(/\S+)", said, re.M)
    own = str(pathlib.Path(program).parent.parent)
    return [(pathlib.Path(path).resolve(), path) for path in paths
            if own == "/usr" or not path.startswith(own)]
