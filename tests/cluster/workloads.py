"""What runs behind Sealway: services in pods that end TLS by themselves, and clients outside of the
cluster that reach them by name."""

import json
import subprocess
import sys
import time

import paths
import helm
import images
import postgres
from certificates import Authority
from commands import call
from machine import without_proxies
from node import NodeError, run
from once import Once
from pods import NS, config_map, container, deployment, from_secret, ingress, secret, service

DOMAIN = "apps.test"
PASSWORD = "of the tests"
DEPLOYED_S = 180
RELEASE = "sealway-workloads"
VALUES = {"controller": {
    "config": {"log-format": "json"},
    "ingressClassResource": {"name": RELEASE, "controllerValue": f"sealway.io/{RELEASE}"}}}


def host(name):
    return f"{name}.{DOMAIN}"


def build_backend():
    """Its path; built once."""
    return call([paths.HERE / "apps" / "build.sh"]).strip()


class Workloads(Once):
    """All of them, and a release of Sealway."""

    def __init__(self, node):
        self.node = node
        self.authority = Authority(node.dir / "workloads", "CA of the workloads")
        self.clients = Authority(node.dir / "workloads-clients", "CA of their clients")
        self.no_postgres = postgres.missing()
        self.release = self.port = None
        self._deploy()

    # ---- what is deployed

    def _deploy(self):
        began = time.monotonic()
        image = self._load(images.app_archive("backend", build_backend()))
        items = self._web(image) + self._mtls(image) + self._grpc(image) + self._postgres()
        helm.namespace(self.node, NS)
        self.apply(*items)
        self._install()
        for item in items:
            if item["kind"] == "Deployment":
                self.node.kubectl("rollout", "status", "--namespace", NS, "deployment/"
                                  + item["metadata"]["name"], f"--timeout={DEPLOYED_S}s")
        self.node.wait(lambda: self.reaches(host("web")), DEPLOYED_S, "an answer of web")
        print(f"             deployed in {time.monotonic() - began:.1f} s")

    def _install(self):
        """Anew, should a run before have left one."""
        self.node.helm("uninstall", RELEASE, "--namespace", RELEASE, "--ignore-not-found", "--wait")
        self.release = helm.install(self.node, RELEASE, RELEASE, VALUES)
        self.port = self.release.port

    @classmethod
    def end(cls, node):
        """All of it goes while others go on."""
        node.helm("uninstall", RELEASE, "--namespace", RELEASE, "--ignore-not-found")
        node.kubectl("delete", "namespace", NS, RELEASE, "--ignore-not-found", "--wait=false")
        cls.forget()

    def apply(self, *items):
        self._kubectl_of(items, "apply", "--server-side", "--force-conflicts")

    def delete(self, *items):
        self._kubectl_of(items, "delete", "--ignore-not-found", "--wait=false")

    def _kubectl_of(self, items, *command):
        self.node.kubectl(*command, "-f", "-", input=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": items}))

    def _load(self, archive):
        path, reference = archive
        self.node.load_image(path)
        return reference

    def _certificate(self, name, *hosts):
        cert, key = self.authority.issue(name, *hosts)
        return secret(f"{name}-tls", {"tls.crt": cert.read_text(), "tls.key": key.read_text()})

    def ingress(self, name, service_name, port, of_host=None):
        return ingress(name, of_host or host(name), service_name, port, RELEASE)

    def _web(self, image):
        """Two ports; a Service of both, and one without an address."""
        hosts = [host(name) for name in ("web", "other", "headless", "twice", "*.wild")]
        ports = {"https": 8443, "other": 9443}
        runs = container(image, ports, [f"-https=:{port}" for port in ports.values()],
                         {"httpGet": {"scheme": "HTTPS", "port": "https", "path": "/"}})
        return [
            self._certificate("web", *hosts),
            deployment("web", runs, {"/tls": from_secret("web-tls")}),
            service("web", {"https": (443, "https"), "other": (8443, "other")}),
            service("headless", {"named": (443, "https")}, selects="web", clusterIP="None"),
            self.ingress("web", "web", "https"),
            self.ingress("other", "web", 8443),
            self.ingress("headless", "headless", 443),
            self.ingress("wild", "web", "https", host("*.wild")),
            self.ingress("twice", "web", "https"),
        ]

    def _mtls(self, image):
        runs = container(image, {"https": 8443},
                         ["-https=:8443", "-client-ca=/clients/ca.crt"])
        return [
            self._certificate("mtls", host("mtls"), host("twice")),
            config_map("clients", {"ca.crt": self.clients.cert.read_text()}),
            deployment("mtls", runs, {"/tls": from_secret("mtls-tls"),
                                      "/clients": {"configMap": {"name": "clients"}}}),
            service("mtls", {"https": (443, "https")}),
            self.ingress("mtls", "mtls", "https"),
        ]

    def _grpc(self, image):
        runs = container(image, {"grpc": 8443}, ["-grpc=:8443"])
        return [
            self._certificate("grpc", host("grpc")),
            deployment("grpc", runs, {"/tls": from_secret("grpc-tls")}),
            service("grpc", {"grpc": (443, "grpc")}),
            self.ingress("grpc", "grpc", "grpc"),
        ]

    def _postgres(self):
        if self.no_postgres:
            return []
        runs = container(self._load(postgres.archive()), {"postgres": 5432})
        return [
            self._certificate("postgres", host("postgres")),
            secret("postgres", {"password": PASSWORD}),
            config_map("postgres", {"pg_hba.conf": "hostssl all all all scram-sha-256\n"}),
            deployment("postgres", runs, {
                "/tls": from_secret("postgres-tls"), "/secret": from_secret("postgres"),
                "/settings": {"configMap": {"name": "postgres"}}, "/data": {"emptyDir": {}}}, 1),
            service("postgres", {"postgres": (5432, "postgres")}),
            self.ingress("postgres", "postgres", 5432),
        ]

    # ---- clients

    def curl(self, to_host, *args, path=""):
        """curl outside of the cluster, which verifies the name."""
        return subprocess.run(self.node.in_client([
            "curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", 60,
            "--cacert", self.authority.cert, "--resolve", f"{to_host}:{self.port}:{self.node.ip}",
            *args, f"https://{to_host}:{self.port}/{path}"]),
            capture_output=True, text=True, check=False)

    def ask(self, to_host, *args, path=""):
        """What was answered: objects, one in a line."""
        done = self.curl(to_host, *args, path=path)
        if done.returncode != 0:
            raise NodeError(f"curl {to_host}: status {done.returncode}\n{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def reaches(self, to_host):
        return self.curl(to_host).returncode == 0

    def client(self, program, *args, modules=None):
        """A client of ours outside of the cluster; the object that it prints."""
        env = {"PYTHONPATH": str(modules)} if modules else {}
        said = run(self.node.in_client([sys.executable, "-B", paths.HERE / program, *args]),
                   env={**without_proxies(), **env})
        return json.loads(said)

    # ---- what Sealway says

    def logged(self, to_host):
        """Lines of the access log about a name, of all pods."""
        pods = [pod["metadata"]["name"] for pod in self.release.pods()]
        lines = [line for pod in pods
                 for line in self.node.kubectl("logs", "--namespace", RELEASE, pod).splitlines()
                 if f'"{to_host}"' in line]
        found = (json.loads(line) for line in lines)
        return [one for one in found if one.get("sni") == to_host]

    def wait_logged(self, to_host, is_it):
        """A line about that name of which `is_it` is true; lines are written a moment later."""
        return self.node.wait(lambda: next(filter(is_it, self.logged(to_host)), None), 60,
                              f"a line of the access log about {to_host}")
