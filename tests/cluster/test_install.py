"""The chart with its defaults, but for where the image is and for the Service, which takes a port
of the node: installed where Pod Security is restricted, tried, upgraded, restarted."""

import threading
import time

import paths
import helm
from atwork import PORT, Client, backend, delete, host_of, put, site
from once import Once
from pods import is_ready

RELEASE, NS, CLASS = "sealway", "sealway", "sealway"
ROLLED_OUT_S = 120


class _Installed(Once):
    """The release and a host that it routes."""

    def __init__(self, node):
        self.node = node
        self.release = helm.install(node, RELEASE, NS)
        self.site = site(node, "installed", "default", CLASS)
        put(node, *self.site)
        self.client = Client(node, self.release.port, backend(node))

    @classmethod
    def at(cls, node):
        installed = super().at(node)
        installed.client.wait_reached("installed", PORT)
        return installed


def _end(node):
    """Its pods drain for a while yet, which is nobody's concern."""
    if _Installed.current is not None:
        delete(node, *_Installed.current.site)
    node.helm("uninstall", RELEASE, "--namespace", NS, "--ignore-not-found")


def _uids(release, kind):
    return {item["metadata"]["uid"] for item in release.items(kind)}


def two_replicas_are_ready_where_pod_security_is_restricted(node):
    began = time.monotonic()
    release = _Installed.at(node).release
    print(f"{'':13}installed and routing after {time.monotonic() - began:.1f} s")
    pods = release.pods()
    assert len(pods) == 2 and all(map(is_ready, pods)), pods
    labels = node.get(f"/api/v1/namespaces/{NS}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def nothing_that_helm_creates_is_warned_about(node):
    """Pod Security warns of what it would refuse in pods; the API server, of what is deprecated."""
    text = _Installed.at(node).release.helm("get manifest")
    node.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server",
                 "--warnings-as-errors", "--namespace", NS, "-f", "-", input=text)


def a_client_reaches_the_backend_by_name_and_the_access_log_has_its_address(node):
    installed = _Installed.at(node)
    for _ in range(8):
        installed.client.ask(host_of("installed"))

    def logged():
        text = node.kubectl("logs", "--namespace", NS, "--container=controller",
                            "--selector=app.kubernetes.io/component=controller", "--tail=-1")
        return [line for line in text.splitlines() if host_of("installed") in line]
    lines = node.wait(logged, 30, "lines of the access log")
    assert all(node.client_ip in line for line in lines), lines


def its_own_test_succeeds(node):
    assert "Succeeded" in _Installed.at(node).release.test()


def upgrading_it_twice_changes_nothing(node):
    release = _Installed.at(node).release
    kinds = ("replicasets.apps", "pods", "services", "leases.coordination.k8s.io")
    before = {kind: _uids(release, kind) for kind in kinds}
    generation = release.items("deployments.apps")[0]["metadata"]["generation"]
    for _ in range(2):
        release.upgrade()
    assert {kind: _uids(release, kind) for kind in kinds} == before
    assert release.items("deployments.apps")[0]["metadata"]["generation"] == generation


def a_rollout_restart_loses_no_new_connection(node):
    """Until the pods from before have gone, by which time they have drained."""
    installed = _Installed.at(node)
    release, before = installed.release, _uids(installed.release, "pods")
    ended, failed, answered = threading.Event(), [], 0

    def restart():
        try:
            node.kubectl("rollout", "restart", "-n", NS, f"deployment/{RELEASE}")
            node.kubectl("rollout", "status", "-n", NS, f"deployment/{RELEASE}",
                         f"--timeout={ROLLED_OUT_S}s")
            node.wait(lambda: not before & _uids(release, "pods"), ROLLED_OUT_S, "new pods only")
        finally:
            ended.set()
    thread = threading.Thread(target=restart)
    thread.start()
    while not ended.is_set():
        try:
            installed.client.ask(host_of("installed"))
            answered += 1
        except OSError as error:
            failed.append(f"{time.strftime('%T')} {error!r}")
    thread.join()
    assert not before & _uids(release, "pods")
    print(f"{'':13}{answered} new connections during a rollout restart, {len(failed)} failed")
    assert not failed and answered > 20, failed[:3]
