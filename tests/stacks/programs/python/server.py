"""The Python server of the stacks: `server.py CERT_DIR DOMAIN` listens on a free port of loopback
for each role and prints "listening ROLE PORT".  A role's certificate is
CERT_DIR/ROLE.DOMAIN.pem."""

import hashlib
import pathlib
import socket
import ssl
import sys
import threading

from duplex import Connection, Refused


def echo(connection):
    """Gives everything back and, once the client has ended its direction, says how much it was."""
    count = 0
    while part := connection.read():
        count += len(part)
        connection.write(part)
    connection.write(f"end of {count}\n".encode())
    connection.finish()


def close_first(connection):
    """Ends its own direction at once, takes all the client sends, and tells our driver."""
    connection.write(b"closing first\n")
    connection.finish()
    print(f"received {hashlib.sha256(connection.read_all()).hexdigest()}", flush=True)


def context(certs, domain, role):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(certs / f"{role}.{domain}.pem")
    if role == "mtls":
        c.verify_mode = ssl.CERT_REQUIRED
        c.load_verify_locations(certs / "ca.pem")
    return c


def serve_one(wire, ctx, serve):
    with wire:
        try:
            serve(Connection(wire, ctx, server_side=True))
        except (OSError, Refused):
            pass  # clients that fail are what some of the features are about


def accept_all(listener, ctx, serve):
    while True:
        wire, _ = listener.accept()
        threading.Thread(target=serve_one, args=(wire, ctx, serve), daemon=True).start()


def main():
    certs, domain = pathlib.Path(sys.argv[1]), sys.argv[2]
    threads = []
    for role, serve in (("echo", echo), ("mtls", echo), ("first", close_first)):
        listener = socket.create_server(("127.0.0.1", 0))
        print(f"listening {role} {listener.getsockname()[1]}", flush=True)
        threads.append(threading.Thread(target=accept_all, daemon=True,
                                        args=(listener, context(certs, domain, role), serve)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
