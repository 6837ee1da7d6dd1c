"""What the tests of the chart at work share: releases, a backend on the node, and its clients.

Their releases and namespaces are their own, so that each says the same alone and among others.
"""

import contextlib
import functools
import http.client
import json
import subprocess
import sys

import paths
import helm
import images
import namespaces
import network
import objects
from once import Once
from pods import is_ready
from sealway import Sealway

PORT, OTHER_PORT = 9443, 9444  # of the node, where the backend answers
ADMIN_PORT = 10254
PATIENCE_S = 180

# How a drain goes is the business of other tests.  The delay is there for kube-proxy to hear of it.
SHORT_DRAIN = {"controller": {"config": {"drain-delay": "6s", "drain-timeout": "5s"}}}

# Asked more often than by default, probes have more to fail by.
PROBES = {"controller": {"livenessProbe": {"periodSeconds": 1},
                         "readinessProbe": {"periodSeconds": 1}}}


def put(node, *items):
    node.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-",
                 input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def delete(node, *items):
    node.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-",
                 input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def host_of(name):
    return f"{name}.{network.DOMAIN}"


def site(node, name, ns, class_name, port=PORT):
    """What it takes to have the host NAME.e2e.test routed to a port of the node."""
    return [objects.service(name, ns, selector=None),
            objects.slice_of(name, name, [node.ip], ns, port=port),
            objects.ingress(name, host_of(name), ns=ns, class_name=class_name)]


class Pod:
    """One pod of a release, and what it says of itself on its admin port."""

    metric = Sealway.metric  # it asks get()

    def __init__(self, node, item):
        self.node = node
        self.item = item
        self.name = item["metadata"]["name"]
        self.ip = item["status"].get("podIP")

    def get(self, path, status=200):
        """What it answers, with that status."""
        with namespaces.within(self.node.node_ns):
            connection = http.client.HTTPConnection(self.ip, ADMIN_PORT, timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode()
        assert answer.status == status, f"{path}: {answer.status} {text}"
        return text

    @property
    def is_ready(self):
        return is_ready(self.item)

    @property
    def restarts(self):
        return sum(c["restartCount"] for c in self.item["status"].get("containerStatuses", ()))

    def accepted(self):
        return self.metric("sealway_connections_accepted_total")


class Release(helm.Release):
    """A release in a namespace of its name, with a class of its name.

    The name has that of the chart in it, and so is the name of what is created, too.
    """

    def __init__(self, node, name, *values, level="restricted"):
        own = {"controller": {"ingressClassResource": {
            "name": name, "controllerValue": f"sealway.io/{name}"}}}
        super().__init__(node, name, name,
                         functools.reduce(helm.merged, values, helm.merged(SHORT_DRAIN, own)))
        self.level = level
        self.workload = f"{self.values['controller'].get('kind', 'deployment').lower()}/{name}"

    def __enter__(self):
        self.apply()
        self.wait_rolled_out()
        return self

    def __exit__(self, *_):
        self.remove()

    def apply(self, values=None):
        """Installed or upgraded, whatever becomes of its pods."""
        self.node.load_image(images.sealway_archive()[0])
        helm.namespace(self.node, self.namespace, self.level)
        self.values = helm.merged(self.values, values or {})
        self.helm("upgrade", "--install")

    def wait_rolled_out(self):
        self.kubectl("rollout", "status", self.workload, f"--timeout={PATIENCE_S}s")

    def remove(self):
        """The namespace stays, and pods have their time to end."""
        self.helm("uninstall", "--ignore-not-found")

    def kubectl(self, *args, **how):
        return self.node.kubectl("--namespace", self.namespace, *args, **how)

    def pods(self):
        """Asked often, so by a connection that is there."""
        path = (f"/api/v1/namespaces/{self.namespace}/pods?labelSelector="
                f"app.kubernetes.io/instance={self.name}")
        return [pod for pod in (self.node.get(path) or {"items": []})["items"]
                if "deletionTimestamp" not in pod["metadata"]]

    def instances(self):
        return [Pod(self.node, item) for item in self.pods()]

    def wait_ready(self, count):
        """So many pods, and each of them ready."""
        def are_ready():
            found = self.instances()
            return len(found) == count and all(pod.is_ready for pod in found) and found
        return self.node.wait(are_ready, PATIENCE_S, f"{count} ready pods of {self.name}")

    def logs(self, pod):
        return self.kubectl("logs", pod.name, "--container=controller")

    def route(self, name, port=PORT):
        """Have a host served by it, at the backend's port."""
        put(self.node, *site(self.node, name, self.namespace, self.name, port))


class Client(network.Client):
    """Connects from outside of the cluster to a port of the node."""

    def __init__(self, node, port, backend):
        super().__init__(port, backend.ca, address=node.ip)
        self.node = node

    def connect(self, host):
        with self.node.as_client():
            return super().connect(host)

    def wait_reached(self, name, wanted):
        """Until that port of the backend answers to the host; None: nobody."""
        answer = network.name_of(self.node.ip, wanted) if wanted else None
        self.node.wait(lambda: self.reached(host_of(name)) == answer, PATIENCE_S,
                       f"{host_of(name)} at {answer} by port {self.port}")


class Backend:
    """TLS on two ports of the node, until it is stopped or this process ends."""

    def __init__(self, node):
        directory = node.dir / "backend"
        self.ca = directory / "ca.crt"
        if not self.ca.exists():
            directory.mkdir(exist_ok=True)
            network.make_certificates(directory)
        self.child = subprocess.Popen(
            node.in_node([sys.executable, "-B", paths.E2E / "backend.py", directory / "leaf.crt",
                          directory / "leaf.key", PORT, OTHER_PORT]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.child.stdout.readline() != "ready\n":
            raise RuntimeError("the backend did not start")


@functools.lru_cache(maxsize=None)
def backend(node):
    """The one that all tests use, from the first that asks to the end."""
    return Backend(node)


class Work(Once):
    """What most tests are about: a release with two pods, a host that is routed, and a client."""

    def __init__(self, node):
        self.release = Release(node, "sealway-work", PROBES)
        self.release.apply()
        self.release.route("shop")
        self.release.wait_rolled_out()
        self.client = Client(node, self.release.port, backend(node))
        self.client.wait_reached("shop", PORT)

    @classmethod
    def end(cls):
        if cls.current is not None:
            cls.current.release.remove()
        cls.forget()

    def ask_often(self, times=60):
        """Where a pod refuses a connection, or gets one and cannot serve it, this fails."""
        for _ in range(times):
            self.client.ask(host_of("shop"))
