"""TLS in memory and not over the socket, so that one direction can end before the other."""

import selectors
import socket
import ssl
import time

LIMIT_S = 15  # for all of a connection


class Refused(Exception):
    """The other side ended it."""


class Connection:
    """A TLS connection whose directions are read, written and ended apart."""

    def __init__(self, wire, context, **how):
        """Shake hands over a connected socket; `how` is for SSLContext.wrap_bio()."""
        self.socket = wire
        self.socket.settimeout(LIMIT_S)
        self.deadline = time.monotonic() + LIMIT_S
        self.wire_in, self.wire_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.wire_in, self.wire_out, **how)
        self.retry(self.tls.do_handshake)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        if self.wire_out.pending:  # an empty write behind our FIN would fail
            self.socket.sendall(self.wire_out.read())

    def receive(self):
        if time.monotonic() > self.deadline:
            raise TimeoutError("no end")
        data = self.socket.recv(65536)
        if not data:
            # Not told to the TLS layer: an end without close_notify would forbid writing, too.
            raise Refused("ended early")
        self.wire_in.write(data)

    def retry(self, call, *args):
        """Call until the call has what it wants from the network."""
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.receive()

    def read(self):
        """What has come, or b"" after the end."""
        try:
            return self.retry(self.tls.read, 65536)
        except (ssl.SSLZeroReturnError, Refused):
            return b""

    def read_exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.read()
            if not more:
                raise Refused(f"ended after {len(data)} of {length} bytes")
            data += more
        return data

    def read_all(self):
        parts = []
        while part := self.read():
            parts.append(part)
        return b"".join(parts)

    def write(self, data):
        self.tls.write(data)
        self.flush()

    def finish(self):
        """End our direction: a close_notify, then the FIN."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            pass  # the other direction goes on, or has ended before
        self.flush()
        self.socket.shutdown(socket.SHUT_WR)

    def exchange(self, data, want):
        """Send and read at the same time; what came until `want` bytes or the end."""
        self.socket.setblocking(False)
        parts, have, at, out = [], 0, 0, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
            while have < want:
                ready = selector.select(max(0, self.deadline - time.monotonic()))
                if not ready:
                    raise TimeoutError("no end")
                if ready[0][1] & selectors.EVENT_WRITE:
                    if not out and at < len(data):
                        self.tls.write(data[at:at + 16384])
                        at, out = at + 16384, self.wire_out.read()
                    if out:
                        out = out[self.socket.send(out):]
                    if not out and at >= len(data):
                        selector.modify(self.socket, selectors.EVENT_READ)
                if ready[0][1] & selectors.EVENT_READ:
                    self.receive()
                    part = self.drain()
                    parts.append(part)
                    have += len(part)
        self.socket.settimeout(LIMIT_S)
        return b"".join(parts)

    def drain(self):
        """What can be read without more from the network."""
        parts = []
        try:
            while part := self.tls.read(65536):
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts)
        except ssl.SSLZeroReturnError:
            pass
        if not parts:
            raise Refused("ended early")
        return b"".join(parts)
