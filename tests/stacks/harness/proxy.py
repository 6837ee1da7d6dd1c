"""The proxy under test: the real program, routing by manifests."""

import json
import os
import pathlib
import time

from harness.process import START_S, Failed

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLASS = """apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: sealway}
spec: {controller: sealway.io/ingress-controller}
"""
ROUTE = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: stacks}}
spec:
  ingressClassName: sealway
  rules:
    - host: {host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {{service: {{name: {name}, port: {{number: 443}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: stacks}}
spec:
  ports: [{{port: 443, protocol: TCP}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}
  namespace: stacks
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports: [{{port: {port}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"""


class Proxy:
    def __init__(self, world, routes):
        """Start `serve` with a route for each of (host, port)."""
        program = os.environ.get("SEALWAY_BIN", ROOT / "build" / "sealway")
        manifests = world.directory / "manifests"
        manifests.mkdir()
        (manifests / "class.yaml").write_text(CLASS)
        for host, port in routes:
            text = ROUTE.format(name=host.replace(".", "-"), host=host, port=port)
            (manifests / f"{host}.yaml").write_text(text)
        ports = world.directory / "ports.json"
        self.children = world.children
        self.log = world.directory / "access.log"
        with open(self.log, "wb") as out:
            self.child = self.children.start(
                "sealway", [program, "serve", "--manifests", manifests, "--listen", "127.0.0.1:0",
                            "--workers", "2", "--drain-delay", "0s", "--drain-timeout", "5s",
                            "--ports-file", ports],
                stdout=out, env=dict(os.environ, SEALWAY_ADMIN="127.0.0.1:0"))
        until = time.monotonic() + START_S
        while not (ports.exists() and ports.stat().st_size):
            if self.child.poll() is not None or time.monotonic() > until:
                said = (world.directory / "sealway.err").read_text()
                raise Failed(f"sealway does not start: {said}")
            time.sleep(0.01)
        listeners = json.loads(ports.read_text())["listen"]
        self.port = int(listeners[0].rsplit(":", 1)[1])

    def stop(self):
        """Drain; (exit status, number of connections in the access log)."""
        self.child.terminate()
        try:
            status = self.child.wait(15)
        finally:
            self.children.end(self.child)
        return status, len(self.log.read_text().splitlines())
