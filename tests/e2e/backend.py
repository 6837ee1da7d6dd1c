"""A TLS server on every address of this network namespace: backend.py CERT KEY PORT...

It answers each line with the address and port that the client has reached, so that one process is
every backend.  It ends when its standard input does.
"""

import contextlib
import socket
import ssl
import sys
import threading


def listen(port):
    server = socket.socket(socket.AF_INET6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", port))
    server.listen(1024)
    return server


def own_address(plain):
    """IPv4 addresses without the prefix that a socket for both families gives them."""
    address, port = plain.getsockname()[:2]
    is_mapped = address.startswith("::ffff:")
    return f"{address[7:]}:{port}" if is_mapped else f"[{address}]:{port}"


def answer(plain, context):
    with contextlib.suppress(OSError), plain:
        name = own_address(plain)
        with context.wrap_socket(plain, server_side=True) as tls:
            while tls.recv(64):
                tls.sendall(name.encode() + b"\n")


def serve(server, context):
    while True:
        plain, _ = server.accept()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=(plain, context), daemon=True).start()


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    context.num_tickets = 0
    for port in sys.argv[3:]:
        threading.Thread(target=serve, args=(listen(int(port)), context), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


main()
