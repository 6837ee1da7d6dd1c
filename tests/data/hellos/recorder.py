"""The listener that records, and the servers and certificates that some clients want before."""

import base64
import shlex
import socket
import struct
import subprocess
import threading
import time

from harness import browsers, openssl
from harness.clients import CLIENT_NAME
from harness.process import Failed, which
from harness.world import World

__all__ = ["Failed", "Studio"]

NAME = "www.example.com"
COVER = "cover.example.net"  # the name that a real ECH hello shows
QUIET_S = 0.5  # nothing more for so long: that was the first flight
LIMIT_S = 20


class Site(openssl.OpensslServer):
    """Every role of it is the one site that is recorded."""

    def host(self, role):
        return NAME


class Studio:
    """A context: certificates, a server, and record()."""

    def __enter__(self):
        self.world = World([Site])
        try:
            self.site = self.world.servers[0]
            self.site.start()
            certs = self.world.certs
            certs.issue("big.client", [f"name-{i:04}.client.example.com" for i in range(200)])
            certs.issue("huge.client", [f"name-{i:04}.client.example.com" for i in range(700)])
            self.directory = self.world.directory
            (self.directory / "request").write_text(f"GET /who HTTP/1.0\r\nHost: {NAME}\r\n\r\n")
        except BaseException:
            self.world.stop()
            raise
        return self

    def __exit__(self, *_):
        self.world.stop()

    def missing(self, recording):
        """Why it cannot be made here; None when it can."""
        tools = self.world.tools
        checks = {"go": tools.go_missing, "java": tools.java_missing, "rust": tools.rust_missing,
                  "mbedtls": lambda: tools.reason(self.mbedtls)}
        if recording.client in checks:
            return checks[recording.client]()
        if recording.client in ("chromium", "firefox-esr", "tstclnt") and not self.world.nss:
            return "certutil is not installed"
        return None if which(recording.client) else f"{recording.client} is not installed"

    def mbedtls(self):
        return self.world.tools.c("mbedtls_client", "-lmbedtls", "-lmbedx509", "-lmbedcrypto")

    def programs(self):
        """What stands for a program of ours in a command."""
        tools = self.world.tools
        return {"go": lambda: [tools.go("client")], "java": lambda: tools.java("Client"),
                "rust": lambda: [tools.rust()], "mbedtls": lambda: [self.mbedtls()],
                "node": lambda: ["node", tools.source("node/client.js")],
                "node24": lambda: ["npx", "--yes", "--package=node@24", "--", "node",
                                   tools.source("node/client.js")],
                "python": lambda: ["python3", tools.source("python/client.py")]}

    def fill(self, command, port=0):
        """A command's words with the programs, files and addresses of this run."""
        argv = []
        for word in shlex.split(command):
            program = self.programs().get(word.strip("{}")) if word.startswith("{") else None
            argv += program() if program else [word.format(
                port=port, addr=f"127.0.0.1:{port}", dir=self.directory, nss=self.world.nss,
                cargo=self.world.tools.source("rust/Cargo.toml"),
                ca=self.world.certs.ca, client=self.world.certs.path(CLIENT_NAME),
                big=self.world.certs.path("big.client"), huge=self.world.certs.path("huge.client"),
                ech=base64.b64encode(ech_config_list()).decode(), ech_hex=ech_config_list().hex())]
        return [str(word) for word in argv]

    def record(self, recording):
        """The bytes of the last of its connections; those before it reach the site."""
        with Recorder(self.site.port(recording.role), recording.nth) as recorder:
            if recording.client in ("chromium", "firefox-esr"):
                self.browse(recording, recorder)
            else:
                for command in recording.commands:
                    self.run(self.fill(command, recorder.port), recorder)
            return recorder.result()

    def run(self, argv, recorder):
        """Until it ends, has been recorded, or has left a session behind."""
        session = self.directory / "session"
        if "-sess_out" in argv:
            session.unlink(missing_ok=True)
        until = time.monotonic() + LIMIT_S
        child = self.world.children.start("client", argv, stdin=subprocess.PIPE, cwd=self.directory)
        try:
            child.stdin.write(b"GET /who HTTP/1.0\r\n\r\n")
            child.stdin.flush()
            while child.poll() is None and not recorder.done.wait(0.1):
                if time.monotonic() > until:
                    raise Failed(f"{argv[0]} does not end")
                if "-sess_out" in argv and session.exists() and session.stat().st_size:
                    return
        except BrokenPipeError:
            pass
        finally:
            self.world.children.end(child, grace_s=0.2)

    def browse(self, recording, recorder):
        kind = browsers.Chromium if recording.client == "chromium" else browsers.Firefox
        browser = kind(self.world)
        browser.names = NAME
        try:
            browser.home = self.directory / recording.name.format("new")
            browser.start()
            for _ in range(recording.nth):
                try:
                    browser.visit(f"https://{NAME}:{recorder.port}/who")
                except Failed:
                    pass  # the recorder hangs up
        finally:
            browser.end()


class Recorder:
    """A listener: passes on the first connections to a port, and records the `nth`."""

    def __init__(self, port, nth):
        self.server_port, self.nth = port, nth
        self.raw = None
        self.done = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def result(self):
        if not self.done.wait(LIMIT_S) or not self.raw:
            raise Failed("no first flight came")
        return self.raw

    def serve(self):
        try:
            for number in range(1, 100):
                client, _ = self.listener.accept()
                if number < self.nth:
                    threading.Thread(target=relay, args=(client, self.server_port),
                                     daemon=True).start()
                    continue
                with client:
                    client.settimeout(LIMIT_S)
                    self.raw = read_first_flight(client)
                self.done.set()
                return
        except (OSError, EOFError):
            self.done.set()


def relay(client, port):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=copy, args=(server, client), daemon=True)
        back.start()
        copy(client, server)
        back.join(LIMIT_S)


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_first_flight(connection):
    """Records until the first handshake message is whole, and what comes right behind it."""
    raw = message = b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        header = read_exactly(connection, 5)
        payload = read_exactly(connection, struct.unpack(">H", header[3:])[0])
        raw += header + payload
        message += payload
    connection.settimeout(QUIET_S)
    try:
        while more := connection.recv(65536):
            raw += more
    except TimeoutError:
        pass
    return raw


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise EOFError("the client hung up inside its hello")
        data += more
    return data


def ech_config_list():
    """RFC 9849 4: one ECHConfig for X25519, HKDF-SHA256 and AES-128-GCM.  Any 32 bytes are a public
    key of X25519; nobody has to read what is sent."""
    key = bytes(range(1, 33))
    contents = struct.pack(">BHH", 7, 0x0020, len(key)) + key
    contents += struct.pack(">HHH", 4, 0x0001, 0x0001)
    contents += struct.pack(">BB", 64, len(COVER)) + COVER.encode() + struct.pack(">H", 0)
    config = struct.pack(">HH", 0xfe0d, len(contents)) + contents
    return struct.pack(">H", len(config)) + config
