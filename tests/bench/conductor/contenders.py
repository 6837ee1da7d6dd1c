"""Who is measured.  A role says which scenarios somebody is in; another binary of ours has the role
of ours."""

import dataclasses
import functools
import subprocess

from peers.gopeer import GoPeer
from peers.haproxy import Haproxy64k, HaproxyForce1m
from peers.nginx import Nginx, Nginx64k
from peers.sealway import Sealway, SealwayFirstEof
from peers.sniproxy import Sniproxy

PEERS = {
    "nginx": (Nginx, "16 KB buffers, reuseport, no access log"),
    "nginx-64k": (Nginx64k, "64 KB buffers, multi_accept on"),
    "haproxy-64k": (Haproxy64k, "64 KB buffers, copies"),
    "haproxy-force-1m": (HaproxyForce1m, "splice-request, splice-response, pipes of 1 MB"),
    "sniproxy": (Sniproxy, "as Debian has it"),
    "go": (GoPeer, "peek, dial, two io.Copy, a list of hosts: as ingress-nginx passes TLS through"),
}
OURS = {
    "sealway": (Sealway, "as it is by default: a half-close is passed on"),
    "sealway-first-eof": (SealwayFirstEof, "--half-close off, which is what nginx and go do"),
}
TWIN = "twin"  # sealway once more: by how much it differs is what cannot be told apart here


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    role: str
    make: object   # (lab, name, hosts, workers) -> Program
    settings: str
    version: str

    @property
    def ours(self):
        return self.role in OURS or self.role == TWIN


def present(sealway_path, also, gopeer, only=None):
    """Who can be measured here, and a sentence for each who cannot; `gopeer`: where it is built."""
    found, missing = [], []
    for role, (kind, settings) in PEERS.items():
        if only and role not in only:
            continue
        why = kind.build(gopeer) if kind is GoPeer else kind.missing()
        if why:
            missing.append(f"{role}: {why}")
        else:
            found.append(Contender(role, role, kind, settings, kind.version()))
    for name, path in (("sealway", sealway_path), *also):
        for role, (kind, settings) in OURS.items():
            made = functools.partial(kind, path=path)
            found.append(Contender(role.replace("sealway", name), role, made, settings,
                                   version_of(path)))
    found.append(Contender(TWIN, TWIN, functools.partial(Sealway, path=sealway_path),
                           "sealway once more: what it differs by cannot be told apart here",
                           version_of(sealway_path)))
    return found, missing


def version_of(path):
    """Such as "0.1.0 (commit 0123456789ab)"."""
    said = subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
    name, commit = said.splitlines()[:2]
    return f"{name.split()[1]} ({commit})"
