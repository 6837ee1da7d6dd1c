"""A network namespace of our own: no other traffic, and no pacing timers."""

import os
import pathlib
import resource
import subprocess
import sys

from conductor import names

SYSCTLS = {  # name: value, and whether the benchmark means nothing without it
    "net/ipv4/tcp_congestion_control": ("reno", True),
    "net/ipv4/ip_local_port_range": ("10240 65535", True),
    "net/ipv4/tcp_tw_reuse": ("1", True),
    "net/core/somaxconn": ("16384", False),
    "net/ipv4/tcp_max_syn_backlog": ("16384", False),
}
FILES_WANTED = 200000
INSIDE = "SEALWAY_BENCH_INSIDE"


def can_unshare(flags):
    return subprocess.run(["unshare", flags, "true"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def enter():
    """Become the same program in a namespace; a sentence if that cannot be."""
    if os.environ.get(INSIDE) == "1":
        return None
    for flags in ("-n", "-rn"):
        if can_unshare(flags):
            os.environ[INSIDE] = "1"
            os.execvp("unshare", ["unshare", flags, sys.executable, *sys.argv])
    return ("it needs a network namespace of its own, and may make none here: run it as root "
            "(in a container with CAP_SYS_ADMIN), or allow user namespaces "
            "(sysctl kernel.unprivileged_userns_clone=1)")


def set_up():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, (value, needed) in SYSCTLS.items():
        try:
            pathlib.Path("/proc/sys", name).write_text(value)
        except OSError as error:
            if needed:
                raise RuntimeError(f"{name.replace('/', '.')}={value}: {error.strerror}") from error


def raise_file_limit():
    """As many files as we may have; idle connections take them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (max(hard, FILES_WANTED), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            return most
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def backend_argv(lab):
    return ["taskset", "-c", ",".join(map(str, lab.cpus.load)), lab.built("bench_backend"),
            str(names.PORT)]
