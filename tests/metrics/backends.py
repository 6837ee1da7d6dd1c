"""backends - what endpoints do; each on a free port of its own, a thread for each connection."""
import os
import socket
import ssl
import subprocess
import threading

import clients


def echo(s):
    """Send back what comes; end after the other."""
    while data := s.recv(1 << 16):
        s.sendall(data)


def answer_and_end(s):
    """Read a little, answer, end first."""
    s.recv(1 << 16)
    s.sendall(b"x" * 3000)


def take_and_reset(s):
    s.recv(1 << 16)
    clients.reset(s)


def never_end(s):
    """Take all, and do not end when the other has."""
    clients.drain(s)
    threading.Event().wait(clients.TIMEOUT)


def echo_tls(cert):
    """Behaviour of a TLS server with this file of key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert)

    def behave(s):
        with context.wrap_socket(s, server_side=True, suppress_ragged_eofs=True) as tls:
            echo(tls)
    return behave


def make_cert(directory):
    """A file with a key and a certificate of its own."""
    path = os.path.join(directory, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=backend",
                    "-keyout", path + ".key", "-out", path], check=True, capture_output=True)
    with open(path, "ab") as cert, open(path + ".key", "rb") as key:
        cert.write(key.read())
    return path


class Backend:
    """A context manager; `address` is where it listens."""

    def __init__(self, behave, ip="127.0.0.1"):
        self.behave = behave
        self.listener = socket.create_server((ip, 0), backlog=1024)
        self.address = self.listener.getsockname()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        try:
            with s:
                s.settimeout(clients.TIMEOUT)
                self.behave(s)
        except OSError:
            pass  # the client went; the counts say what it saw


def refusing_socket(ip="127.0.0.1"):
    """A bound socket that does not listen: dials to its address are refused."""
    s = socket.socket()
    s.bind((ip, 0))
    return s
