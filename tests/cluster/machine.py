"""What a node takes of this machine, tried before anything is started."""

import contextlib
import os
import pathlib
import subprocess
import tempfile

CGROUPS = pathlib.Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "memory", "pids")  # without which no kubelet starts
UNSHARE = ("unshare", "--mount", "--propagation=private", "--uts", "--ipc", "--pid", "--fork",
           "--kill-child=KILL", "--mount-proc")

# A wire between two namespaces, and the rules that Services are made of.
NETWORK = """set -e
ip link add one type veth peer name other
nft add table ip probe
nft 'add chain ip probe out { type nat hook postrouting priority 100; }'
nft add rule ip probe out ct state new masquerade"""


class NoNode(RuntimeError):
    """This machine lets no node run; the text says why."""


def check_privileges():
    """In words that say more than what would fail first."""
    _try([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"],
         "a node needs namespaces and mounts of its own, which takes root with CAP_SYS_ADMIN")
    _try(["unshare", "--net", "sh", "-c", NETWORK],
         "a node needs a network of its own, with veth and NAT by nftables (the kernel's modules "
         "veth, nf_tables, nft_chain_nat and nft_masq)")
    _check_control_groups()


def _try(argv, why_not):
    tried = subprocess.run(argv, check=False, capture_output=True, text=True)
    if tried.returncode != 0:
        raise NoNode(f"{why_not}: {tried.stderr.strip()}")


def _check_control_groups():
    """By one that is made and removed, of version 2 with what the kubelet asks of it."""
    is_v2 = (CGROUPS / "cgroup.controllers").exists()
    groups = [CGROUPS] if is_v2 else [path.parent for path in CGROUPS.glob("*/cgroup.procs")]
    try:
        group = pathlib.Path(tempfile.mkdtemp(dir=groups[0] if groups else CGROUPS))
    except OSError as error:
        raise NoNode("containers need control groups, and none can be made here: "
                     f"{error}") from None
    try:
        lacking = _lacking(group) if is_v2 else []
    finally:
        group.rmdir()
    if lacking:
        raise NoNode(f"containers need the control group's controllers {', '.join(CONTROLLERS)}, "
                     f"and here a new group has no {', '.join(lacking)}")


def _lacking(group):
    """Controllers that a group has not, once it was given what there is, as init.sh does it."""
    for name in CONTROLLERS:
        with contextlib.suppress(OSError):
            (CGROUPS / "cgroup.subtree_control").write_text(f"+{name}")
    found = (group / "cgroup.controllers").read_text().split()
    return [name for name in CONTROLLERS if name not in found]


def without_proxies():
    """Our environment for who talks to the node: no proxy leads there."""
    proxies = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    return {key: value for key, value in os.environ.items() if key.lower() not in proxies}
