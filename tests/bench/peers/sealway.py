"""Sealway itself, its table as manifests: one Ingress for each host."""

import http.client
import os
import re
import time

from conductor import names
from peers.program import Program

PER_FILE = 1000

BACKEND = """---
apiVersion: v1
kind: Service
metadata: {{name: b{i}, namespace: bench}}
spec: {{ports: [{{name: tls, port: 443, protocol: TCP}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: b{i}-1, namespace: bench, labels: {{kubernetes.io/service-name: b{i}}}}}
addressType: IPv4
ports: [{{name: tls, port: {port}, protocol: TCP}}]
endpoints: [{{addresses: ["{ip}"], conditions: {{ready: true}}}}]
"""

INGRESS = """---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: i{i:06}, namespace: bench}}
spec:
  ingressClassName: sealway
  rules:
  - host: {host}
    http: {{paths: [{{path: /, pathType: Prefix,
      backend: {{service: {{name: b{b}, port: {{number: 443}}}}}}}}]}}
"""


def ingresses(hosts):
    return "".join(INGRESS.format(i=i, host=names.host(i), b=i % names.BACKENDS) for i in hosts)


class Sealway(Program):
    ours = True
    half_close = "on"

    def __init__(self, lab, name, hosts, workers=1, path=None):
        super().__init__(lab, name, hosts, workers)
        self.path = path or lab.sealway
        self.admin = lab.next_port()
        self.manifests = self.dir / "manifests"

    def write(self):
        self.manifests.mkdir(exist_ok=True)
        (self.manifests / "backends.yaml").write_text("".join(
            BACKEND.format(i=i, port=names.PORT, ip=names.backend_ip(i))
            for i in range(names.BACKENDS)))
        for first in range(0, len(self.hosts), PER_FILE):
            (self.manifests / f"hosts-{first:06}.yaml").write_text(
                ingresses(self.hosts[first:first + PER_FILE]))

    def tell(self, added):
        """A file of its own for what is new: it is told by the file, in place at once."""
        new = self.dir / "new.yaml"
        new.write_text(ingresses(added))
        now = time.monotonic_ns()
        os.rename(new, self.manifests / f"added-{added[0]:06}.yaml")
        return now

    def argv(self):
        return [self.path, "serve", "--manifests", str(self.manifests),
                "--workers", str(self.workers), "--listen", f"{names.PROXY_IP}:{self.port}",
                "--admin", f"{names.PROXY_IP}:{self.admin}", "--access-log", "off",
                "--half-close", self.half_close, "--drain-delay", "0s", "--drain-timeout", "100ms"]

    def table_bytes(self):
        admin = http.client.HTTPConnection(names.PROXY_IP, self.admin, timeout=10)
        admin.request("GET", "/metrics")
        page = admin.getresponse().read().decode()
        admin.close()
        found = re.search(r"^sealway_config_table_bytes (\S+)$", page, re.M)
        return int(float(found[1])) if found else None


class SealwayFirstEof(Sealway):
    """Closes both ends at the first end of stream, as nginx and the Go program do."""

    half_close = "off"
