"""clients - what clients do, in bytes that are counted.

An act opens one connection, does its part to the end and returns (bytes sent, bytes received).
"""
import functools
import socket
import ssl
import struct

_LINGER_0 = struct.pack("ii", 1, 0)
TIMEOUT = 30


def _context(newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if newest is not None:
        context.maximum_version = newest
    return context


@functools.lru_cache(maxsize=None)
def hello(name, newest=None):
    """A ClientHello as OpenSSL writes it, with this server name or without one."""
    out = ssl.MemoryBIO()
    tls = _context(newest).wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def in_two_records(record):
    """The same handshake message, broken over two records."""
    head, message = record[:3], record[5:]
    parts = message[:60], message[60:]
    return b"".join(head + struct.pack(">H", len(p)) + p for p in parts)


def connect(to):
    s = socket.create_connection(to, timeout=TIMEOUT)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive_some(s, length):
    """So many bytes, or fewer if the other ends before."""
    got = 0
    while got < length:
        chunk = s.recv(min(length - got, 1 << 16))
        if not chunk:
            break
        got += len(chunk)
    return got


def receive(s, length):
    """Exactly so many bytes."""
    got = receive_some(s, length)
    assert got == length, f"the end after {got} of {length} bytes"
    return got


def drain(s):
    """All up to the other's end; a reset is one."""
    got = 0
    try:
        while chunk := s.recv(1 << 16):
            got += len(chunk)
    except ConnectionResetError:
        pass
    return got


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
    s.close()


def send_and_drain(to, data):
    """Send, and take what comes until the other ends it."""
    with connect(to) as s:
        s.sendall(data)
        return len(data), drain(s)


def send_and_close(to, data):
    """Send, end, and take what comes."""
    with connect(to) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return len(data), drain(s)


def echo(to, first, body=b""):
    """Talk to an echoing backend: everything comes back."""
    with connect(to) as s:
        s.sendall(first)
        got = receive(s, len(first))
        s.sendall(body)
        got += receive(s, len(body))
        s.shutdown(socket.SHUT_WR)
        assert drain(s) == 0
        return len(first) + len(body), got


def echo_and_reset(to, first):
    s = connect(to)
    s.sendall(first)
    got = receive(s, len(first))
    reset(s)
    return len(first), got


def hold(to, first):
    """A connection to an echoing backend that stays; the caller closes it."""
    s = connect(to)
    s.sendall(first)
    receive(s, len(first))
    return s


def _unread_by_peer(s):
    """Bytes that wait in the receive queue of the other end of a loopback connection."""
    def hexed(address):
        return f"{int.from_bytes(socket.inet_aton(address[0]), 'little'):08X}:{address[1]:04X}"
    pair = f"{hexed(s.getpeername())} {hexed(s.getsockname())}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            if pair in line:
                return int(line.split()[4].partition(":")[2], 16)
    return None  # not accepted yet, or gone


def echo_in_two_segments(to, first, wait_until):
    """The second half leaves when the first has been read."""
    with connect(to) as s:
        s.sendall(first[:100])
        wait_until("the first half is read", lambda: _unread_by_peer(s) == 0)
        s.sendall(first[100:])
        got = receive(s, len(first))
        s.shutdown(socket.SHUT_WR)
        assert drain(s) == 0
        return len(first), got


class TlsClient:
    """A real TLS connection whose bytes on the wire are counted."""

    def __init__(self, to, name):
        self.sent = self.received = 0
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = _context().wrap_bio(self.into, self.out, server_hostname=name)
        self.socket = connect(to)
        self._pump(self.tls.do_handshake)

    def _flush(self):
        data = self.out.read()
        self.socket.sendall(data)
        self.sent += len(data)

    def _pump(self, step, *arguments):
        while True:
            try:
                result = step(*arguments)
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.socket.recv(1 << 16)
                assert data, "the end in the middle of TLS"
                self.received += len(data)
                self.into.write(data)

    def ask(self, request, length):
        """Send a request, read an answer of that length."""
        self._pump(self.tls.write, request)
        answer = b""
        while len(answer) < length:
            answer += self._pump(self.tls.read, length - len(answer))
        return answer

    def close(self):
        """End first, and take what still comes."""
        self.socket.shutdown(socket.SHUT_WR)
        self.received += drain(self.socket)
        self.socket.close()
        return self.sent, self.received


def tls(to, name, request):
    """Ask an echoing TLS backend over real TLS."""
    client = TlsClient(to, name)
    assert client.ask(request, len(request)) == request
    return client.close()
