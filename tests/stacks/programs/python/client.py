"""The Python client of the stacks: one job per line, "FEATURE key=value ...", on the command line
or on stdin; each is answered with one line, "ok ...", "refused ..." or "error ..."."""

import base64
import hashlib
import os
import socket
import ssl
import sys

from duplex import LIMIT_S, Connection, Refused

BULK = 10 << 20
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(job):
    c = ssl.create_default_context(cafile=job.get("ca"))
    if "tls" in job:
        c.minimum_version = c.maximum_version = VERSIONS[job["tls"]]
    if "cert" in job:
        c.load_cert_chain(job["cert"])
    if "alpn" in job:
        c.set_alpn_protocols(job["alpn"].split(","))
    if "name" not in job:
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
    return c


def connect(job, ctx, session=None):
    host, port = job["addr"].rsplit(":", 1)
    wire = socket.create_connection((host, int(port)), timeout=LIMIT_S)
    return Connection(wire, ctx, server_hostname=job.get("name"), session=session)


def ping(connection):
    connection.write(b"ping\n")
    if connection.read_exactly(5) != b"ping\n":
        raise ValueError("the echo is not what was sent")


def do_hello(job):
    with connect(job, context(job)) as c:
        return c.tls.version()


def do_ping(job):
    with connect(job, context(job)) as c:
        ping(c)
        return c.tls.version()


def do_resume(job):
    ctx, session, said = context(job), None, []
    for _ in range(2):
        with connect(job, ctx, session) as c:
            ping(c)
            session = c.tls.session
            said.append("resumed" if c.tls.session_reused else "full")
            c.finish()
    return " then ".join(said)


def lines(length):
    """Random text in lines: some echo servers know no other data."""
    return b"".join(os.urandom(24).hex().encode() + b"\n" for _ in range(length // 49))


def do_bulk(job):
    data = lines(BULK)
    with connect(job, context(job)) as c:
        back = c.exchange(data, len(data))
    if hashlib.sha256(back).digest() != hashlib.sha256(data).digest():
        raise ValueError(f"{len(back)} bytes came back, and not those sent")
    return "both ways"


def do_client_first(job):
    data = os.urandom(200000)  # what fits into the buffers on the way: it is sent before we read
    with connect(job, context(job)) as c:
        c.write(data)
        c.finish()
        back = c.read_all()
    if back != data + f"end of {len(data)}\n".encode():
        raise Refused(f"{len(back)} bytes came back")
    return "answered"


def do_server_first(job):
    data = job["token"].encode() * 100000
    with connect(job, context(job)) as c:
        farewell = c.read_all()
        if farewell != b"closing first\n":
            raise Refused(f"the farewell was {farewell}")
        c.write(data)
        c.finish()
    return f"sent {hashlib.sha256(data).hexdigest()}"


def do_websocket(job):
    key = base64.b64encode(os.urandom(16)).decode()
    proof = base64.b64encode(hashlib.sha1(
        (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
    text = b"hello " * 20
    masked = bytes(byte ^ (1, 2, 3, 4)[i % 4] for i, byte in enumerate(text))
    with connect(job, context(dict(job, alpn="http/1.1"))) as c:
        c.write((f"GET /ws HTTP/1.1\r\nHost: {job['name']}\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 f"Sec-WebSocket-Key: {key}\r\n\r\n").encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += c.read_exactly(1)
        if not head.startswith(b"HTTP/1.1 101 ") or proof not in head:
            raise Refused(f"no upgrade: {head}")
        c.write(bytes([0x81, 0x80 | len(text), 1, 2, 3, 4]) + masked)
        if c.read_exactly(2 + len(text)) != bytes([0x81, len(text)]) + text:
            raise ValueError("the echo is not what was sent")
    return "echoed"


FEATURES = {"hello": do_hello, "ping": do_ping, "resume": do_resume, "bulk": do_bulk,
            "fin-client": do_client_first, "fin-server": do_server_first, "ws": do_websocket}


def run(words):
    job = dict(word.split("=", 1) for word in words[1:])
    try:
        return "ok " + FEATURES[words[0]](job)
    except (Refused, ConnectionError) as why:
        return f"refused {why}"
    except ssl.SSLCertVerificationError as why:
        return f"error {why}"
    except ssl.SSLError as why:
        return f"{'refused' if 'ALERT' in str(why) or 'EOF' in str(why) else 'error'} {why}"
    except Exception as why:  # whatever it was, it is this job's answer, and the next job comes
        return f"error {type(why).__name__} {why}"


def main():
    if len(sys.argv) > 1:
        print(run(sys.argv[1:]))
        return
    for line in sys.stdin:
        print(" ".join(run(line.split()).split()), flush=True)


if __name__ == "__main__":
    main()
