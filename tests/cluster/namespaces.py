"""Network namespaces: two with a wire between them, one for the node and one for its clients."""

import contextlib
import ctypes
import os
import signal
import subprocess

CLONE_NEWNET = 0x40000000

NODE_IP, CLIENT_IP = "192.168.77.2", "192.168.77.3"

_libc = ctypes.CDLL(None, use_errno=True)


def path_of(name):
    return f"/run/netns/{name}"


def exists(name):
    return os.path.exists(path_of(name))


def make_pair(node, client, pods):
    """The node sends what is not its own to the client's side, which has nothing else; but nothing
    that is for the address of a pod which has gone.  Names that are there are somebody else's."""
    for name in (node, client):
        try:
            subprocess.run(["ip", "netns", "add", name], check=True)
        except BaseException:
            if name == client:
                remove(node)
            raise
    commands = {
        node: ["link set lo up", f"link add eth0 type veth peer name eth0 netns {client}",
               f"addr add {NODE_IP}/24 dev eth0", "link set eth0 up"],
        client: ["link set lo up", f"addr add {CLIENT_IP}/24 dev eth0", "link set eth0 up"],
    }
    for name, lines in commands.items():
        _ip(name, lines)
    _ip(node, [f"route add default via {CLIENT_IP}", f"route add blackhole {pods}"])


def _ip(name, lines):
    subprocess.run(["ip", "-n", name, "-batch", "-"], input="\n".join(lines) + "\n", text=True,
                   check=True)


def end(name):
    """End what runs in it: nobody else would be there."""
    if not exists(name):
        return
    done = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=True)
    for pid in map(int, done.stdout.split()):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def remove(name):
    if exists(name):
        subprocess.run(["ip", "netns", "delete", name], check=True)


@contextlib.contextmanager
def within(name):
    """This thread, and what it opens meanwhile: a socket stays where it was made."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(path_of(name), os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(home)
    finally:
        os.close(home)


def _enter(namespace):
    if _libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))
