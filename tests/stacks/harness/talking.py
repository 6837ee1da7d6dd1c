"""Clients that are commands to talk to: they shake hands, report, then carry stdin and stdout."""

import hashlib
import os

from harness import process
from harness.clients import Client
from harness.process import Conversation, Failed
from harness.servers import BULK


class TalkingClient(Client):
    """A command that shakes hands, reports, and then carries stdin and stdout."""

    features = ("tls1.3", "tls1.2", "resume1.3", "resume1.2", "0-rtt", "mtls", "nocert", "reneg",
                "10MB")
    methods = {"tls1.3": "ping", "tls1.2": "ping", "mtls": "mtls", "nocert": "ping",
               "resume1.3": "resume", "resume1.2": "resume", "0-rtt": "early",
               "reneg": "renegotiate", "10MB": "bulk"}
    done = b""  # what it prints after a verified handshake
    bulk_size = BULK
    bulk_said = "both ways"
    over = b"(no such mark)"  # at the end of the connection, if it goes on by itself then

    def command(self, target, *more):
        raise NotImplementedError

    def talk(self, target, *more, **how):
        return Conversation(self.world.children, self.command(target, *more),
                            cwd=self.world.directory, **how)

    def run(self, feature, target):
        method = getattr(self, self.methods[feature])
        version = feature.removeprefix("tls").removeprefix("resume")
        try:
            return method(target, *self.only(version))
        except Failed as why:
            return f"error {why}"

    def only(self, version):
        """The options for nothing but this version of TLS."""
        raise NotImplementedError

    def ping(self, target, *more):
        with self.talk(target, *more) as talk:
            if not talk.until(self.done):
                return "refused no handshake"
            return self.echoed(talk) or "ok"

    def echoed(self, talk):
        """Say something, and wait for it to come back; what went wrong."""
        talk.say(b"ping\n")
        return None if talk.until(b"ping\n", self.over) == b"ping\n" else "refused no echo"

    def pour(self, target, *more):
        """Much into stdin while stdout is written, where something may stand before it.  It is text
        in lines: some echo servers know no other data."""
        data = os.urandom(self.bulk_size // 2).hex().encode()
        data = b"\n".join(data[at:at + 1000] for at in range(0, len(data), 1000)) + b"\n"
        file = self.world.directory / f"{self.name}.bulk"
        process.pour(self.world.children, self.command(target, *more), data, file,
                     cwd=self.world.directory)
        output = file.read_bytes()
        at = max(0, output.find(data[:64]))
        back = output[at:at + len(data)]
        if hashlib.sha256(back).digest() == hashlib.sha256(data).digest():
            return f"ok {self.bulk_said}"
        return f"refused {len(output)} bytes came back of {len(data)}"
