"""Releases of the chart on a node, with the image of this tree."""

import json
import socket

import images
import paths

TIMEOUT = "300s"


def namespace(node, name, level="restricted"):
    """Have a namespace that enforces a level of Pod Security."""
    node.kubectl("apply", "-f", "-", input=json.dumps({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": name, "labels": {
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/enforce-version": "latest",
            "pod-security.kubernetes.io/warn": level}}}))


def merged(base, over):
    """Values laid over others, as helm does it."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        out[key] = merged(base[key], value) if both else value
    return out


def image_values():
    _, reference = images.sealway_archive()
    repository, tag = reference.rsplit(":", 1)
    return {"repository": repository, "tag": tag, "pullPolicy": "Never"}


class Release:
    """One release; `values` are those beside the image, and the Service's type, a port of nodes."""

    def __init__(self, node, name="sealway", namespace="sealway", values=None):
        self.node, self.name, self.namespace = node, name, namespace
        self.values = merged({"controller": {"image": image_values(),
                                             "service": {"type": "NodePort"}}}, values or {})

    def helm(self, command, *args, values=None):
        """`helm COMMAND` about it; with the chart and all values where that takes them."""
        argv = [*command.split(), self.name]
        text = None
        if command in ("install", "upgrade", "template"):
            argv += [str(paths.CHART), "--values=-"]
            text = json.dumps(merged(self.values, values or {}))
        return self.node.helm(*argv, "--namespace", self.namespace, *args, input=text)

    def install(self):
        """One that is there already is upgraded to these values."""
        namespace(self.node, self.namespace)
        self.helm("upgrade", "--install", "--wait", "--timeout", TIMEOUT)
        self.wait_reachable()
        return self

    def upgrade(self, values=None):
        """The values stay for what comes after."""
        self.values = merged(self.values, values or {})
        return self.helm("upgrade", "--wait", "--timeout", TIMEOUT)

    def test(self):
        return self.helm("test", "--timeout", TIMEOUT)

    # ---- what it has

    def items(self, kind):
        """Its objects of a kind, such as "pods" or "replicasets.apps"."""
        text = self.node.kubectl("get", kind, "--namespace", self.namespace, "--output=json",
                                 f"--selector=app.kubernetes.io/instance={self.name}")
        return json.loads(text)["items"]

    def pods(self):
        """Those that serve, and are not about to end."""
        return [pod for pod in self.items("pods")
                if "deletionTimestamp" not in pod["metadata"]
                and pod["metadata"]["labels"].get("app.kubernetes.io/component") != "test"]

    @property
    def port(self):
        """The port of the node that takes TLS; None where there is none."""
        ports = [port["nodePort"] for service in self.items("services")
                 for port in service["spec"].get("ports", ()) if "nodePort" in port]
        return ports[0] if ports else None

    def wait_reachable(self):
        """Until kube-proxy lets clients through: pods are ready before that."""
        port = self.port
        if port is not None:
            self.node.wait(lambda: reachable(self.node, port), 60, f"port {port} of the node")


def reachable(node, port):
    try:
        with node.as_client(), socket.create_connection((node.ip, port), timeout=5):
            return True
    except OSError:
        return False


def install(node, release="sealway", namespace="sealway", values=None):
    """Import our image, and install the chart with its defaults, but for that and the Service."""
    path, _ = images.sealway_archive()
    node.load_image(path)
    return Release(node, release, namespace, values).install()
