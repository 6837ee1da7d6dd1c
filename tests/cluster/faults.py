"""The scene of the faults: backends that are well-behaved, Sealway with two pods, traffic through
it; and each fault, as something that is done to them."""

import json
import os
import pathlib
import select
import signal
import time

import paths
import generator
import helm
import images
import losses
import objects
import pods
from accesslog import AccessLogs
from certificates import Authority
from losses import Losses, Toll
from once import FULL, Once

QUIET_S = 5 if FULL else 1
AWAY_S = 20 if FULL else 2       # of the API server, and of the kubelet
ENOUGH_S = 180
KEPT, BACKENDS = 500, 3
NS, BACKENDS_NS, APP = "sealway-faults", "fault-backends", "echo"
HOSTS = [f"{name}.faults.test" for name in ("one", "two", "three")]
# What is the chart's default is not said; a drain has to end while somebody looks.
VALUES = {"controller": {
    "config": {"drain-timeout": f"{losses.DRAIN_TIMEOUT_S}s"},
    "ingressClassResource": {"name": NS, "controllerValue": f"sealway.io/{NS}"}}}
PRESTOP_S = 2  # a backend serves on, until everybody knows that it goes


def backend(image):
    """Pods that take their time to go: they serve while they are taken out of the EndpointSlices,
    then say bye and serve on until nobody is left."""
    runs = pods.container(image, {"tls": 8443}, ["serve"])
    runs["env"] = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}
                   for name, field in (("POD_NAME", "name"), ("POD_UID", "uid"))]
    runs["resources"] = {"requests": {"cpu": "200m"}}  # or nearly everything comes before it
    runs["lifecycle"] = {"preStop": {"sleep": {"seconds": PRESTOP_S}}}
    item = pods.deployment(APP, runs, {"/keys": pods.from_secret("keys")}, BACKENDS)
    item["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30
    return item


class Scene(Once):
    """All tests go on with the same traffic."""

    def __init__(self, node):
        self.node = node
        self.judged = []  # failures, as those of a fault
        self.rows = []
        self.logs = self.traffic = None
        self.authority = Authority(node.dir / "faults", "CA of the faults")
        try:
            self._begin()
        except BaseException:
            self._end_traffic()
            raise

    def _begin(self):
        self._clear()
        self._deploy_backends()
        self.logs = AccessLogs(self.node, NS)
        self.release = helm.install(self.node, NS, NS, VALUES)
        self.wait_whole(BACKENDS)
        self.traffic = generator.Traffic(self.node, f"{self.node.ip}:{self.release.port}",
                                         self.authority.cert, HOSTS)
        self._balance()
        self.traffic.start()

    def _clear(self):
        """What a run before has left on a node that was kept."""
        self.node.helm("uninstall", NS, "--namespace", NS, "--ignore-not-found")
        self.node.kubectl("delete", "namespace", NS, BACKENDS_NS, "--ignore-not-found")

    def _deploy_backends(self):
        program = generator.build()
        path, image = images.app_archive("traffic", program)
        self.node.load_image(path)
        helm.namespace(self.node, BACKENDS_NS)
        cert, key = self.authority.issue("backend", *HOSTS)
        items = [pods.secret("keys", {"tls.crt": cert.read_text(), "tls.key": key.read_text()}),
                 backend(image), objects.service(APP),
                 *(objects.ingress(host.partition(".")[0], host, APP, class_name=NS)
                   for host in HOSTS)]
        for item in items:
            item["metadata"]["namespace"] = BACKENDS_NS
        self.kubectl("apply", "-f", "-", stdin=json.dumps(
            {"apiVersion": "v1", "kind": "List", "items": items}))

    def failures_beside_faults(self):
        judged = {id(each) for each in self.judged}
        return [each for each in self.traffic.failures_since(0) if id(each) not in judged]

    def stop(self):
        """What was open until now; nothing runs on."""
        Scene.forget()
        try:
            last = self.traffic.stop()
        finally:
            self._end_traffic()
        self.node.helm("uninstall", NS, "--namespace", NS)
        for name in (NS, BACKENDS_NS):
            self.node.kubectl("delete", "namespace", name, "--wait=false")
        return last

    def _end_traffic(self):
        """Of what was begun of it."""
        if self.traffic is not None:
            self.traffic.kill()
        if self.logs is not None:
            self.logs.stop()

    # ---- what is there

    def kubectl(self, *args, stdin=None):
        return self.node.kubectl("--namespace", BACKENDS_NS, *args, input=stdin)

    def pods_of(self, ns):
        """All, by name, those that end too; None while there is nobody to ask."""
        found = self.node.get(f"/api/v1/namespaces/{ns}/pods")
        return None if found is None else {pod["metadata"]["name"]: pod for pod in found["items"]}

    def wait_pods_of(self, ns):
        """Once there is somebody to ask; there are always some."""
        return self.node.wait(lambda: self.pods_of(ns), ENOUGH_S, f"an answer about pods of {ns}")

    def sealways(self):
        """{name: address} of the Sealway pods that are to stay."""
        return {name: pod["status"]["podIP"] for name, pod in self.wait_pods_of(NS).items()
                if "deletionTimestamp" not in pod["metadata"]}

    def wait_whole(self, backends=BACKENDS):
        """Until so many backends and two Sealway pods are ready, and no other pod is left."""
        for ns, count in ((BACKENDS_NS, backends), (NS, 2)):
            self.node.wait(lambda n=ns, c=count: is_whole(self.pods_of(n), c), ENOUGH_S,
                           f"{count} ready pods in {ns}, and no other")

    def wait_kept(self):
        """Until each has had an answer since now: then it is known which were cut before."""
        now = time.time()

        def are_kept():
            kept = self.traffic.kept()
            return kept["open"] == KEPT and kept["heard"] > now
        self.node.wait(are_kept, ENOUGH_S, f"{KEPT} kept connections")

    def some_backend(self):
        """(name, pod) of one that has kept connections."""
        kept = self.traffic.kept()["pods"]
        name = max(kept, key=kept.get)
        return name, self.wait_pods_of(BACKENDS_NS)[name]

    def _is_balanced(self):
        kept = self.traffic.kept()
        return set(kept["vias"].values()) == {KEPT // 2} and len(kept["pods"]) > 1

    def _balance(self):
        """Half of the kept connections on each Sealway pod, and some on each backend: those that
        came later have none until then."""
        held = self.traffic.hold(KEPT, self.sealways().values())
        assert held["open"] == KEPT and set(held["vias"].values()) == {KEPT // 2}, held
        time.sleep(QUIET_S)

    # ---- what is done

    def undergo(self, name, fault):
        """A fault with some quiet behind it, which is held against what it may cost.  `fault`
        returns once all is well again but for the kept connections."""
        phase = f"{name.replace(' ', '-')}-{len(self.rows) + 1}"
        self.wait_whole()  # one that failed before is not its fault
        if not self._is_balanced():
            self._balance()
        self.traffic.enter(phase)
        began = time.time()
        toll = fault(self) or Toll()
        self.wait_kept()
        recovered = time.time() - began
        time.sleep(QUIET_S)
        self.traffic.enter(f"{phase}-after")
        result = Losses(name, recovered, self.traffic.summary(phase))
        self.rows.append(result)
        failures = self.traffic.failures_since(began)
        self.judged += failures
        losses.count(result, failures, self.logs, toll)
        losses.show([result])
        result.check(toll)
        for pod, (address, held) in toll.drained.items():
            losses.check_drain(pod, address, held, failures, self.logs)


def is_whole(found, count):
    return found is not None and len(found) == count and all(
        "deletionTimestamp" not in pod["metadata"] and pods.is_ready(pod) for pod in found.values())


# ---- the faults

def restart_backends(scene):
    scene.kubectl("rollout", "restart", f"deployment/{APP}")
    scene.kubectl("rollout", "status", f"deployment/{APP}", f"--timeout={ENOUGH_S}s")
    scene.wait_whole()
    return Toll(moves=True)


def scale_backends(scene):
    """1 is where it begins and ends; the rest of the tests has more."""
    for count in (1, 5, 1, BACKENDS):
        scene.kubectl("scale", f"deployment/{APP}", f"--replicas={count}")
        scene.wait_whole(count)
    return Toll(moves=True)


def delete_backend(scene):
    """Without grace: the kubelet takes it away at once."""
    name, pod = scene.some_backend()
    process = process_of(pod)
    scene.kubectl("delete", "pod", name, "--grace-period=0", "--force")
    gone = end_of(process)
    scene.wait_whole()
    return Toll(killed={name: (pod["status"]["podIP"], gone)}, moves=True)


def kill_backend(scene):
    """Its process alone, as the kernel does it to one that takes too much memory."""
    name, pod = scene.some_backend()
    before = pod["status"]["containerStatuses"][0]["restartCount"]
    process = process_of(pod)
    signal.pidfd_send_signal(process, signal.SIGKILL)
    gone = end_of(process)

    def is_restarted():
        now = (scene.pods_of(BACKENDS_NS) or {}).get(name, {"status": {}})
        return any(each["restartCount"] > before and each["ready"]
                   for each in now["status"].get("containerStatuses", ()))
    scene.node.wait(is_restarted, ENOUGH_S, f"the restart of {name}")
    scene.wait_whole()
    return Toll(killed={name: (pod["status"]["podIP"], gone)}, moves=True)


def process_of(pod):
    """The backend's process on this machine, by what is in its environment; end_of closes it."""
    wanted = f"POD_UID={pod['metadata']['uid']}".encode()
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                return os.pidfd_open(int(path.parent.name))
        except OSError:
            continue  # it ended, or the kernel's own
    raise AssertionError(f"no process of {pod['metadata']['name']}")


def end_of(process):
    """When it was gone, with all that it had open, in seconds since 1970."""
    try:
        ended, _, _ = select.select([process], [], [], ENOUGH_S)
        assert ended, f"a process that was killed lives {ENOUGH_S} s later"
        return time.time()
    finally:
        os.close(process)


def drain_of(scene, names):
    """A toll of these Sealway pods, with the kept connections that they have now."""
    kept, addresses = scene.traffic.kept()["vias"], scene.sealways()
    return Toll(drained={name: (addresses[name], kept.get(addresses[name], 0)) for name in names})


def delete_sealway(scene):
    name = next(iter(scene.sealways()))
    toll = drain_of(scene, [name])
    scene.node.kubectl("--namespace", NS, "delete", "pod", name, "--wait=false")
    scene.wait_whole()
    return toll


def upgrade_sealway(scene):
    """Both pods are replaced, which have the drain delay of the chart.  Those that come have a
    shorter one, to save the time of the tests that follow."""
    toll = drain_of(scene, scene.sealways())
    config = {} if FULL else {"drain-delay": "8s"}
    scene.release.upgrade({"controller": {
        "config": config, "podAnnotations": {"sealway.test/round": str(len(scene.rows))}}})
    scene.wait_whole()
    return toll


def restart_apiserver(scene):
    scene.node.restart_apiserver(AWAY_S)


def restart_kubelet(scene):
    scene.node.restart_kubelet(AWAY_S)
