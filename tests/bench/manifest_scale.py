#!/usr/bin/env python3
"""What a large directory of manifests costs the real program: 100,000 hosts, each with a Service
and an EndpointSlice of its own with two endpoints, in as many files as are asked for.  Time and
CPU time to the first table, memory, and the time from a changed file to the answer that shows it.
See README.md.

    manifest_scale.py [FILES]...     how many files the hosts are spread over; 1000 without

$SEALWAY_BIN (build/sealway), $HOSTS (100000) and $CHANGES (20) for others.
"""
import os
import socket
import statistics
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/metrics"))

import clients  # noqa: E402  the path is set above
import sealway  # noqa: E402
from conductor import proc  # noqa: E402

HOSTS = int(os.environ.get("HOSTS", "100000"))
CHANGES = int(os.environ.get("CHANGES", "20"))
UNRECOGNIZED_NAME = 112  # RFC 6066 3: no such host; a dead endpoint is answered otherwise

ROUTE = """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  namespace: bench
  name: app-{i:06}
spec:
  ingressClassName: sealway
  rules:
    - host: {host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: app-{i:06}
                port:
                  number: 443
---
apiVersion: v1
kind: Service
metadata:
  namespace: bench
  name: app-{i:06}
spec:
  ports:
    - name: tls
      port: 443
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  namespace: bench
  name: app-{i:06}-1
  labels:
    kubernetes.io/service-name: app-{i:06}
addressType: IPv4
ports:
  - name: tls
    port: {port}
endpoints:
  - addresses: ["127.{a}.{b}.{c}"]
  - addresses: ["127.{d}.{b}.{c}"]
"""


def route(i, host, port):
    a, b, c = 1 + (i >> 16), i >> 8 & 255, i & 255
    return ROUTE.format(i=i, host=host, port=port, a=a, b=b, c=c, d=a + 100)


class Tree:
    """The directory: host i is in file i % files."""

    def __init__(self, path, files):
        self.path, self.files = path, files
        self.hosts = [f"app-{i:06}.example.com" for i in range(HOSTS)]
        self.ports = [9] * HOSTS
        for k in range(files):
            self.write(k)

    def write(self, k):
        path = os.path.join(self.path, f"apps-{k:06}.yaml")
        with open(path + ".new", "w", encoding="ascii") as out:
            for i in range(k, HOSTS, self.files):
                out.write(route(i, self.hosts[i], self.ports[i]))
        return path + ".new", path

    def publish(self):
        for k in range(self.files):
            path = os.path.join(self.path, f"apps-{k:06}.yaml")
            os.rename(path + ".new", path)

    def size(self):
        return sum(entry.stat().st_size for entry in os.scandir(self.path))


def is_known(to, name):
    """Whether there is a route for this name, by the alert that ends the connection."""
    with socket.create_connection(to, timeout=60) as s:
        s.sendall(clients.hello(name))
        answer = s.recv(16)
    return answer[6] != UNRECOGNIZED_NAME


def cpu_ms(pid):
    """CPU time of all threads."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def generation(program):
    return program.scrape().sum("sealway_config_generation")


def print_spread(what, ms):
    print(f"{what:<44} p50 {statistics.median(ms):.1f} ms, {min(ms):.1f} to {max(ms):.1f} ms",
          flush=True)


def settle(pid):
    """Wait until it has had nothing to do for half a second."""
    before, now = -1.0, cpu_ms(pid)
    while now - before > 1:
        time.sleep(0.5)
        before, now = now, cpu_ms(pid)


def change_host(tree, n):
    """Give an Ingress another name; what it has afterwards."""
    i = n * 7919 % HOSTS
    tree.hosts[i] = f"new-{n:06}.example.com"
    return i, tree.hosts[i]


def measure_hosts(program, tree):
    """A file with another host in it takes the place of the old one: until the host is known."""
    took, cpu = [], []
    for n in range(CHANGES):
        i, host = change_host(tree, n)
        new, path = tree.write(i % tree.files)
        time.sleep(0.05)
        settle(program.process.pid)
        before = cpu_ms(program.process.pid)
        began = time.monotonic()
        os.rename(new, path)
        while not is_known(program.listen, host):
            pass
        took.append((time.monotonic() - began) * 1e3)
        settle(program.process.pid)
        cpu.append(cpu_ms(program.process.pid) - before)
    print_spread("file with a changed host to its answer", took)
    print_spread("CPU time of that, all threads", cpu)


def measure(files):
    print(f"{HOSTS} hosts in {files} files", flush=True)
    with tempfile.TemporaryDirectory(prefix="sealway-scale-") as directory:
        tree = Tree(directory, files)
        tree.publish()
        print(f"{'bytes of manifests':<44} {tree.size()}", flush=True)
        began = time.monotonic()
        with sealway.Sealway(directory, "--log-level", "error") as program:
            pid = program.process.pid
            ready = (time.monotonic() - began) * 1e3
            print(f"{'time to the first table':<44} {ready:.0f} ms, CPU {cpu_ms(pid):.0f} ms",
                  flush=True)
            settle(pid)
            print(f"{'PSS':<44} {proc.pss_kib(pid)} KiB", flush=True)
            measure_hosts(program, tree)
            print(f"{'PSS after these changes':<44} {proc.pss_kib(pid)} KiB", flush=True)


def main():
    for files in [int(n) for n in sys.argv[1:]] or [1000]:
        measure(files)


if __name__ == "__main__":
    main()
