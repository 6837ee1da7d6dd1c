"""mix - a cluster with a backend of each kind, and a client act for each way to end."""
import contextlib
import ssl
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

import backends
import clients
import manifests
import sealway

NS = "mix"
ECHO, TLS, BYE, RESET, GONE, EMPTY, HALF, WILD = (
    "echo", "tls", "bye", "reset", "gone", "empty", "half", "wild")


def host(route):
    return f"{route}.mix.test"


@dataclass
class Act:
    """What a client does, and how it should be counted."""
    do: Callable  # gets the address, returns bytes sent and received
    reason: str
    route: str = ""
    hello: str = "ok"
    match: str = "exact"
    features: tuple = ("tls12", "tls13")


def _complete(name):
    """The features of hello(name)."""
    return ("tls12", "tls13") + (() if name else ("no_sni",))


def _strays():
    name, malformed = clients.hello("nobody.example"), bytearray(clients.hello("nobody.example"))
    malformed[5] = 2  # a ServerHello
    huge = b"\x16\x03\x01\x40\x00" + b"\x01\x0f\xff\xff" + b"\x03\x03" + bytes(16378)
    return {
        "unknown name": Act(lambda to: clients.send_and_drain(to, name), "no_route", match="none"),
        "no name": Act(lambda to: clients.send_and_drain(to, clients.hello(None)), "hello_no_name",
                       hello="no_name", match="none", features=_complete(None)),
        "http": Act(lambda to: clients.send_and_drain(to, b"GET / HTTP/1.1\r\n\r\n"),
                    "hello_not_tls", hello="not_tls", match="", features=()),
        "malformed": Act(lambda to: clients.send_and_drain(to, bytes(malformed)),
                         "hello_malformed", hello="malformed", match="", features=()),
        "too large": Act(lambda to: clients.send_and_drain(to, huge), "hello_too_large",
                         hello="too_large", match="", features=()),
        "cut short": Act(lambda to: clients.send_and_close(to, name[:50]), "hello_eof",
                         hello="eof", match="", features=()),
    }


def _routed():
    first = {route: clients.hello(host(route)) for route in (ECHO, BYE, RESET, GONE, EMPTY, HALF)}
    wild = clients.hello("any.wild.mix.test")
    old = clients.hello(host(ECHO), ssl.TLSVersion.TLSv1_2)
    split = clients.in_two_records(first[ECHO])
    plain = ("tls12", "tls13")
    return {
        "echo": Act(lambda to: clients.echo(to, first[ECHO], b"y" * 9000), "client_eof", ECHO),
        "wildcard": Act(lambda to: clients.echo(to, wild), "client_eof", WILD, match="wildcard"),
        "tls": Act(lambda to: clients.tls(to, host(TLS), b"z" * 20000), "client_eof", TLS),
        "tls 1.2": Act(lambda to: clients.echo(to, old), "client_eof", ECHO, features=("tls12",)),
        "two records": Act(lambda to: clients.echo(to, split), "client_eof", ECHO,
                           features=plain + ("multi_record",)),
        "two segments": Act(
            lambda to: clients.echo_in_two_segments(to, first[ECHO], sealway.wait_until),
            "client_eof", ECHO, features=plain + ("multi_segment",)),
        "server ends": Act(lambda to: clients.send_and_drain(to, first[BYE]), "server_eof", BYE),
        "client resets": Act(lambda to: clients.echo_and_reset(to, first[ECHO]), "client_reset",
                             ECHO),
        "server resets": Act(lambda to: clients.send_and_drain(to, first[RESET]), "server_reset",
                             RESET),
        "refused": Act(lambda to: clients.send_and_drain(to, first[GONE]), "connect_failed", GONE),
        "no endpoint": Act(lambda to: clients.send_and_drain(to, first[EMPTY]), "no_endpoint",
                           EMPTY),
        "one refuses": Act(lambda to: clients.echo(to, first[HALF]), "client_eof", HALF),
    }


def acts():
    return {**_strays(), **_routed()}


@dataclass
class Tally:
    """What should have been counted."""
    n: int = 0
    closed: Counter = field(default_factory=Counter)  # (route, reason)
    hellos: Counter = field(default_factory=Counter)
    matches: Counter = field(default_factory=Counter)
    features: Counter = field(default_factory=Counter)
    sent: Counter = field(default_factory=Counter)  # route: bytes that clients sent
    received: Counter = field(default_factory=Counter)

    def run(self, to, act):
        sent, received = act.do(to)
        self.n += 1
        self.closed[act.route, act.reason] += 1
        self.hellos[act.hello] += 1
        self.matches[act.match] += bool(act.match)
        self.features.update(act.features)
        self.sent[act.route] += sent
        self.received[act.route] += received


class Mix:
    """A context manager: backends and the manifests of their routes, below self.manifests."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.addresses = {}

    def __enter__(self):
        directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="sealway-mix-"))
        self.manifests = self.stack.enter_context(
            tempfile.TemporaryDirectory(prefix="sealway-mix-"))
        kinds = {ECHO: backends.echo, BYE: backends.answer_and_end,
                 RESET: backends.take_and_reset,
                 TLS: backends.echo_tls(backends.make_cert(directory))}
        for route, behave in kinds.items():
            backend = self.stack.enter_context(backends.Backend(behave))
            self.addresses[route] = [backend.address]
        self.addresses[EMPTY] = []
        self.addresses[GONE] = [self._refusing()]
        self.addresses[HALF] = [self._refusing(), *self.addresses[ECHO]]
        self._write()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _refusing(self):
        return self.stack.enter_context(backends.refusing_socket()).getsockname()

    def _write(self):
        objects = []
        for route, addresses in self.addresses.items():
            objects += manifests.route(NS, route, host(route), *addresses)
        objects.append(manifests.ingress(NS, WILD, "*.wild.mix.test", ECHO))
        manifests.write(self.manifests, "mix", objects)
