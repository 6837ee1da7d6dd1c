"""Every client with every server, every feature directly and through the proxy."""

import dataclasses
import time

from harness.clients import ROLES, Target

# What a feature must say where it is not just "ok".  A pair may refuse to renegotiate.
WANTED = {"nocert": ("refused",), "reneg": ("ok", "refused"), "h2": ("ok HTTP/2", "ok h2"),
          "resume1.3": ("ok full then resumed",), "resume1.2": ("ok full then resumed",)}
# What takes long: 10 MB in four goes, and whether a renegotiation is refused by silence.
SLOW = ("reneg", "10MB")
# What a pair does otherwise by itself, and why.
PECULIAR = {
    ("java", "go", "resume1.2"): (
        "ok full then",
        "Go has tickets and no session IDs for TLS 1.2; Java keeps no session then"),
    ("mbedtls", "java", "fin-client"): (
        "refused",
        "in TLS 1.2 Java ends with its client's close_notify, as RFC 5246 7.2.1 has it"),
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One feature of one pair, and what became of it."""

    client: str
    server: str
    feature: str
    direct: str
    proxied: str
    seconds: float

    @property
    def equal(self):
        return normal(self.direct) == normal(self.proxied)

    @property
    def as_wanted(self):
        peculiar, _ = PECULIAR.get((self.client, self.server, self.feature), ((), ""))
        return self.direct.startswith(peculiar or WANTED.get(self.feature, ("ok",)))


def kind(said):
    return said.split(" ", 1)[0]


def normal(said):
    """What must be equal: of a refusal only that it is one, for whether an alert or the reset
    behind it is seen first is a race between the two ends."""
    return "refused" if kind(said) == "refused" else said


def targets(world, server, role):
    """The same server twice: directly, and behind the proxy."""
    name = server.host(role)
    return Target(name, server.port(role), server), Target(name, world.proxy.port, server)


def run_feature(client, feature, target, tries):
    """What it says, and how often it was tried for that: again where it is refused."""
    for tried in range(1, tries + 1):
        said = client.run(feature, target)
        if kind(said) != "refused":
            break
    return said, tried


def run_both(client, feature, direct, proxied):
    """0-RTT is tried a few times directly: a server may refuse it whenever the age of a ticket does
    not suit it (RFC 8446 4.2.10).  Through the proxy it has as many tries as that took."""
    said, needed = run_feature(client, feature, direct, 5 if feature == "0-rtt" else 1)
    return said, run_feature(client, feature, proxied, needed)[0]


def common(client, server):
    """The features that both of them have."""
    return [feature for feature in ROLES
            if feature in client.features and server.port(client.role(feature)) is not None]


def no_pairs(clients, servers):
    """The pairs without a feature in common, by reason."""
    by_reason = {}
    for server in servers:
        names = [f"{client.name}-{server.name}" for client in clients if not common(client, server)]
        if names:
            by_reason[server.lacks] = by_reason.get(server.lacks, []) + names
    return by_reason


def plan(clients, servers, options):
    """(client, server, features) of each pair.  The quick form has the slow features of a client
    with one server only, the next one with the next client; the first one is no pair of the short
    form, which has them all."""
    for turn, client in enumerate(clients, 2):
        partners = [server for server in servers if common(client, server)]
        for at, server in enumerate(partners):
            without = SLOW if options.quick and at != turn % len(partners) else ()
            features = [feature for feature in common(client, server) if feature not in without
                        and feature in (options.features or ROLES)]
            if features:
                yield client, server, features


def run_pair(world, client, server, features):
    """The cells of a pair."""
    cells = []
    for feature in features:
        began = time.monotonic()
        said = run_both(client, feature, *targets(world, server, client.role(feature)))
        cells.append(Cell(client.name, server.name, feature, *said, time.monotonic() - began))
    return cells
