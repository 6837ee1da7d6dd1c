"""wire - what clients and backends of the soak say to each other, behind a genuine ClientHello.

A client sends its hello and a Command; the streams both ways are the same long random pattern from
a place of the connection's own on, so that a byte lost, doubled, moved or of another connection
shows.
"""
import random
import socket
import struct
from typing import NamedTuple

_PERIOD = 1048573  # a prime, so that no buffer's size divides it
_PATTERN = random.Random(20).randbytes(_PERIOD) * 2
_CHUNK = 1 << 18
_LINGER_0 = struct.pack("ii", 1, 0)
_COMMAND = struct.Struct(">4sc3xIIQQ")
PATIENCE_S = 60

EXCHANGE = b"e"  # `up` bytes, then `down` bytes, `rounds` times
BOTH = b"b"  # both at once
CLIENT_FIN = b"c"  # `up` bytes and a FIN, then `down` bytes and a FIN
SERVER_FIN = b"s"  # the other way round
SERVER_RESET = b"r"  # `down` bytes and a reset
CLIENT_RESET = b"R"  # the client sends that when it has got them


class Corrupt(Exception):
    """Bytes that are not those of the stream; `got` are the first of them."""

    def __init__(self, what, got=b""):
        super().__init__(f"{what} {got[:16]!r}")
        self.got = got


class Command(NamedTuple):
    mode: bytes
    seed: int
    rounds: int
    up: int
    down: int

    def packed(self):
        return _COMMAND.pack(b"SOAK", self.mode, self.seed, self.rounds, self.up, self.down)


def any_seed():
    return random.randrange(_PERIOD)


def _piece(at, length):
    start = at % _PERIOD
    return memoryview(_PATTERN)[start:start + min(length, _CHUNK, _PERIOD)]


def receive_exactly(s, length):
    parts = b""
    while len(parts) < length:
        part = s.recv(length - len(parts))
        if not part:
            raise ConnectionError(f"ended after {len(parts)} bytes of {length}")
        parts += part
    return parts


def read_command(s):
    """The hello and the Command behind it."""
    head = receive_exactly(s, 5)
    hello = head + receive_exactly(s, struct.unpack(">H", head[3:])[0])
    magic, *fields = _COMMAND.unpack(receive_exactly(s, _COMMAND.size))
    if magic != b"SOAK":
        raise Corrupt("a command that begins with", magic)
    return hello, Command(*fields)


class Stream:
    """The connection's bytes one way, in order, with how many there were."""

    def __init__(self, s, seed):
        self.s = s
        self.seed = seed
        self.at = 0

    def send(self, length):
        while length > 0:
            n = self.s.send(_piece(self.seed + self.at, length))
            self.at += n
            length -= n

    def check(self, length, pause=None):
        """Receive so many; `pause` is called between two reads."""
        while length > 0:
            got = self.s.recv(min(length, _CHUNK))
            if not got:
                raise ConnectionError(f"ended after {self.at} bytes, {length} before its time")
            if got != _piece(self.seed + self.at, len(got)):
                raise Corrupt(f"wrong bytes within {len(got)} behind {self.at}:", got)
            self.at += len(got)
            length -= len(got)
            if pause is not None:
                pause()

    def check_end(self):
        rest = self.s.recv(1)
        if rest:
            raise Corrupt(f"more than {self.at} bytes:", rest)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    s.close()
