#!/usr/bin/env python3
"""Capture the ClientHellos of real clients into the .hex files beside this script.

Each client is pointed at a throw-away listener on loopback, which reads the first flight and hangs
up.  A .hex file is a C initialiser list behind a comment that says where it comes from, so that a
test can #include it; its name carries the client's version, so that another version adds a file.
Needs openssl, curl, gnutls-cli and go; a client that is missing is skipped.
"""

import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

GO_CLIENT = """
package main

import (
\t"crypto/tls"
\t"os"
)

func main() {
\tconfig := tls.Config{ServerName: "www.example.com", NextProtos: []string{"h2"}}
\ttls.Dial("tcp", os.Args[1], &config)
}
"""

OPENSSL = "openssl s_client -connect {addr}"
GNUTLS = "gnutls-cli --insecure --port {port} 127.0.0.1"
CLIENTS = {
    "openssl-{}-tls13": OPENSSL + " -servername www.example.com -alpn h2,http/1.1",
    "openssl-{}-tls12": OPENSSL + " -tls1_2 -servername www.example.com",
    "openssl-{}-no-name": OPENSSL + " -noservername",
    "curl-{}": "curl -sk --noproxy * --resolve www.example.com:{port}:127.0.0.1"
            " https://www.example.com:{port}/",
    "gnutls-{}-tls13": GNUTLS + " --sni-hostname www.example.com --alpn h2",
    "gnutls-{}-tls12": GNUTLS + " --sni-hostname www.example.com"
                    " --priority NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2",
    "go-{}": "{go_client} {addr}",
}
VERSIONS = {"openssl": "openssl version", "curl": "curl --version",
            "gnutls-cli": "gnutls-cli --version", "go": "go version"}


def read_exactly(conn, n):
    data = b""
    while len(data) < n:
        more = conn.recv(n - len(data))
        if not more:
            raise EOFError("client hung up inside its hello")
        data += more
    return data


def read_hello(conn):
    """Records until the first handshake message is whole."""
    raw = message = b""
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4], "big"):
        header = read_exactly(conn, 5)
        payload = read_exactly(conn, struct.unpack(">H", header[3:])[0])
        raw += header + payload
        message += payload
    return raw


def capture(command):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                 "stderr": subprocess.DEVNULL}
        port = listener.getsockname()[1]
        argv = [a.format(port=port, addr=f"127.0.0.1:{port}", go_client=command[1])
                for a in command[0].split()]
        with subprocess.Popen(argv, **quiet) as client:
            conn, _ = listener.accept()
            with conn:
                conn.settimeout(20)
                raw = read_hello(conn)
            client.wait(timeout=20)
    return raw


def write_hex(path, raw, source):
    rows = [", ".join(f"0x{b:02x}" for b in raw[i:i + 16]) for i in range(0, len(raw), 16)]
    path.write_text(f"/* {source} */\n" + ",\n".join(rows) + "\n")


def build_go_client(directory):
    source = pathlib.Path(directory) / "client.go"
    source.write_text(GO_CLIENT)
    target = pathlib.Path(directory) / "client"
    subprocess.run(["go", "build", "-o", target, source], check=True)
    return target


def main():
    with tempfile.TemporaryDirectory() as directory:
        for name, command in CLIENTS.items():
            tool = "go" if name.startswith("go-") else command.split()[0]
            if not shutil.which(tool):
                print(f"{name}: {tool} is not installed, skipped", file=sys.stderr)
                continue
            go_client = build_go_client(directory) if tool == "go" else ""
            banner = subprocess.run(VERSIONS[tool].split(), capture_output=True, text=True,
                                     check=True).stdout.splitlines()[0]
            short = command.format(port="PORT", addr="127.0.0.1:PORT",
                                   go_client="crypto/tls, h2, to")
            version = re.search(r"\d+\.\d+", banner).group()
            raw = capture((command, go_client))
            path = HERE / f"{name.format(version)}.hex"
            write_hex(path, raw, f"{banner.split(' (')[0]}: {short}")
            print(f"{path.name}: {len(raw)} bytes")


if __name__ == "__main__":
    main()
