"""A real API server for the commands of the documents, and what a node would do of its own.

There is no node: nothing runs the pods that a chart or a reader asks for.  What a kubelet and the
controllers would do is played: the program runs with the arguments, variables and service account
of the release's Deployment, and each Service gets an EndpointSlice with a TLS server behind it.
"""

import json
import os
import pathlib
import signal
import time

from backend import Backend
from lab import Lab
from process import Process
from ready import Failed, wait_ready

STOP_TRIES = 200  # 0.1 s apart; killed after them, it leaves its Lease to run for 15 s more
POD_PORT = 18443  # 8443 of every address is the program's

KUBECONFIG = """apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u, namespace: "{ns}"}}}}]
clusters: [{{name: c, cluster: {{server: "{url}", certificate-authority: "{ca}"}}}}]
users: [{{name: u, user: {user}}}]
"""


class Cluster:
    """Started when the first block asks for it; shared by all documents."""

    def __init__(self, program, directory):
        self.dir = pathlib.Path(directory)
        self.lab = Lab(program, self.dir)
        self.kubeconfig = str(self.dir / "admin.kubeconfig")
        self.is_started = False
        self.backends = {}  # by (namespace, name) of the Service
        self.instance = None

    def ensure_started(self):
        if not self.is_started:
            self.lab.start()
            self.is_started = True
            user = {"client-certificate": self.lab.key("admin.crt"),
                    "client-key": self.lab.key("admin.key")}
            self._write_kubeconfig(self.kubeconfig, "default", user)

    def _write_kubeconfig(self, path, ns, user):
        pathlib.Path(path).write_text(KUBECONFIG.format(
            ns=ns, url=self.lab.url, ca=self.lab.ca, user=json.dumps(user)))

    def stop(self):
        self.stop_instance()
        for one in self.backends.values():
            one.stop()
        if self.is_started:
            self.lab.stop()

    def stop_instance(self):
        """In good order, which gives the Lease back; the second signal skips the drain."""
        if self.instance is not None:
            for _ in range(STOP_TRIES):
                self.instance.signal(signal.SIGTERM)
                time.sleep(0.1)
                if not self.instance.is_alive():
                    break
            self.instance.kill()
            self.instance = None

    def _get(self, *what):
        return json.loads(self.lab.kubectl("get", "-o", "json", *what).stdout)["items"]

    def play_node(self, directory):
        """Endpoints and servers for every Service that selects pods, then the release's pod."""
        for service in self._get("services", "-A", "--field-selector=metadata.namespace=shop"):
            self._give_endpoints(service, directory)
        self._run_pod()

    def _give_endpoints(self, service, directory):
        meta = service["metadata"]
        key = (meta["namespace"], meta["name"])
        if key in self.backends:
            return
        number = len(self.backends) + 10
        address = f"192.0.2.{number}"
        port = service["spec"]["ports"][0]
        self.backends[key] = Backend(address, POD_PORT, directory, f"hello from {key[0]}")
        self.lab.request("POST", f"/apis/discovery.k8s.io/v1/namespaces/{meta['namespace']}"
                         "/endpointslices", {
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": f"{meta['name']}-1", "namespace": meta["namespace"],
                         "labels": {"kubernetes.io/service-name": meta["name"]}},
            "ports": [{"name": port.get("name", ""), "port": POD_PORT}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}]})

    def _run_pod(self):
        """As the first container of the release would be started; its token as the kubelet's."""
        pod = self._get("deployments", "-A", "-l", "app.kubernetes.io/instance=sealway")[0]
        ns = pod["metadata"]["namespace"]
        spec = pod["spec"]["template"]["spec"]
        container = spec["containers"][0]
        kubeconfig = self.dir / "pod.kubeconfig"
        self._write_kubeconfig(kubeconfig, ns,
                               {"token": self.lab.token(ns, spec["serviceAccountName"])})
        env = dict(os.environ, **{one["name"]: one["value"] for one in container.get("env", ())
                                  if "value" in one})
        args = [arg.replace("$(POD_NAMESPACE)", ns) for arg in container["args"]]
        self.instance = Process("sealway", [
            os.environ["SEALWAY_BIN"], *args, "--kubeconfig", kubeconfig, "--write", "on"],
            self.dir, env)
        try:
            wait_ready("the release's pod")
        except Failed as error:
            raise Failed(f"{error}\n{self.instance.tail()}") from None


def cluster_or_none(directory):
    program = os.environ.get("DOCS_KUBE")
    return Cluster(program, directory) if program else None

