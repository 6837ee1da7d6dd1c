"""The backends: addresses in a network namespace of our own, certificates, a server on all of them,
and the client that asks through Sealway."""

import pathlib
import socket
import ssl
import subprocess
import sys

DOMAIN = "e2e.test"
PORT, OTHER_PORT = 8443, 9443  # the backends answer on both
CLOSED_PORT = 7443             # and on this one never

ADDRESSES_V4 = [f"10.77.0.{i}" for i in range(1, 41)]
ADDRESSES_V6 = [f"fd00:77::{i:x}" for i in range(1, 9)]


def name_of(address, port=PORT):
    """What a backend calls itself."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def set_up_addresses():
    """Only ever in a network namespace that has nothing but its loopback interface."""
    links = [name for _, name in socket.if_nameindex()]
    if links != ["lo"]:
        raise RuntimeError(f"not in a network namespace of its own: it has {', '.join(links)}")
    commands = ["link set lo up"]
    commands += [f"addr add {a}/32 dev lo" for a in ADDRESSES_V4]
    commands += [f"addr add {a}/128 dev lo nodad" for a in ADDRESSES_V6]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_certificates(directory):
    """A CA, and a certificate by it for every name that the tests use."""
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    names = ",".join(f"DNS:{name}" for name in
                     (DOMAIN, f"*.{DOMAIN}", f"*.wild.{DOMAIN}"))
    openssl("req", "-x509", *new_key, "-subj", "/CN=backends' CA",
            "-keyout", directory / "ca.key", "-out", directory / "ca.crt")
    openssl("req", "-x509", *new_key, "-subj", "/CN=backend",
            "-CA", directory / "ca.crt", "-CAkey", directory / "ca.key",
            "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE",
            "-keyout", directory / "leaf.key", "-out", directory / "leaf.crt")


class Backends:
    """One process that is every backend."""

    def __init__(self, directory):
        self.directory = directory
        self.child = None

    def start(self):
        make_certificates(self.directory)
        here = pathlib.Path(__file__).parent
        self.child = subprocess.Popen(
            [sys.executable, here / "backend.py", self.directory / "leaf.crt",
             self.directory / "leaf.key", str(PORT), str(OTHER_PORT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError("the backends did not start")

    def stop(self):
        if self.child is not None:
            self.child.stdin.close()
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Client:
    """Connects to Sealway as any TLS client does: server name sent, certificate verified."""

    def __init__(self, port, ca_file, timeout=10, address="127.0.0.1"):
        self.address = address
        self.port = port
        self.timeout = timeout
        self.context = ssl.create_default_context(cafile=ca_file)

    def connect(self, host):
        plain = socket.create_connection((self.address, self.port), timeout=self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self.context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def ask(self, host):
        """Which backend answers under that name."""
        with self.connect(host) as connection:
            return ask_on(connection)

    def reached(self, host):
        """The same; None where Sealway refuses the name."""
        try:
            return self.ask(host)
        except OSError:
            return None


def ask_on(connection):
    connection.sendall(b"who?\n")
    answer = b""
    while not answer.endswith(b"\n"):
        piece = connection.recv(64)
        if not piece:
            raise ConnectionError("ended before the answer")
        answer += piece
    return answer.decode().strip()
