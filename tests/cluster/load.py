"""load.py ADDRESS PORT SECONDS - connect as often as this machine can, and print how often it was.

Each connection sends a hello with a name that nobody has, and reads what it gets: that costs the
other side most, for the least of our own.  A process for each processor.
"""

import contextlib
import multiprocessing
import os
import socket
import ssl
import sys
import time

TOGETHER = 64  # connections of a process


def make_hello():
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="no.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def ask(address, hello):
    """Some connections at once; how many were answered."""
    answered = 0
    with contextlib.ExitStack() as all_of_them:
        asked = []
        for _ in range(TOGETHER):
            one = all_of_them.enter_context(socket.create_connection(address, timeout=30))
            one.sendall(hello)
            asked.append(one)
        for one in asked:
            answered += bool(one.recv(64))
    return answered


def run(address, seconds):
    hello, answered = make_hello(), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answered += ask(address, hello)
    return answered


def main():
    address, seconds = (sys.argv[1], int(sys.argv[2])), float(sys.argv[3])
    count = os.cpu_count()
    with multiprocessing.Pool(count) as pool:
        print(sum(pool.starmap(run, [(address, seconds)] * count)))


if __name__ == "__main__":
    main()
