"""Commands that take long, of which nothing is left when we are interrupted."""

import os
import signal
import subprocess

from process import end_with_parent


def call(argv):
    """What it wrote.  It has a session of its own, all of which ends if we may not wait for it."""
    argv = list(map(str, argv))
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          start_new_session=True, preexec_fn=end_with_parent) as child:
        try:
            said, _ = child.communicate()
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    if child.returncode != 0:
        raise subprocess.CalledProcessError(child.returncode, argv)
    return said
