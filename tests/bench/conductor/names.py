"""The names, addresses and ports that wire.h has, too."""

BACKENDS = 8
PORT = 7000  # of the backends
PROXY_IP = "127.0.0.1"


def host(i):
    return f"h{i:06}.bench.test"


def backend_ip(i):
    return f"127.0.0.{10 + i % BACKENDS}"
