"""Which pods get connections, and what makes one go: probes, the API server away, evictions."""

import contextlib
import json
import subprocess
import sys

import paths
import objects
from api import ApiError
from atwork import Work, delete, put
from components import API_PORT, PODS
from node import run
from once import FULL

LOAD_S = 6
TABLE = "sealway-test"


@contextlib.contextmanager
def _api_server_out_of_reach_of_pods(node):
    """Of pods alone: the node has to go on telling what they say of themselves."""
    rules = (f"table inet {TABLE} {{ chain input {{ type filter hook input priority 0; "
             f"ip saddr {PODS} tcp dport {API_PORT} reject with tcp reset; }}; }}")
    run(node.in_node(["nft", "-f", "-"]), rules)
    try:
        yield
    finally:
        run(node.in_node(["nft", "delete", "table", "inet", TABLE]))


def _wait_another(release, known):
    """The pod beside those, once its process answers."""
    def answers():
        for pod in release.instances():
            if pod.name not in known and pod.ip:
                with contextlib.suppress(OSError):
                    pod.get("/healthz")
                    return pod
        return None
    return release.node.wait(answers, 120, f"another pod of {release.name}")


def a_pod_gets_connections_once_it_has_a_first_table_and_none_before(node):
    work = Work.at(node)
    release = work.release
    release.kubectl("scale", "deployment", release.name, "--replicas=1")
    first, = release.wait_ready(1)
    with _api_server_out_of_reach_of_pods(node):
        release.kubectl("scale", "deployment", release.name, "--replicas=2")
        second = _wait_another(release, {first.name})
        work.ask_often()
        unready = second.get("/readyz", status=503)
        assert "[-]objects" in unready, unready
        assert "ok" in second.get("/healthz"), second.get("/healthz")
        assert second.accepted() == 0, second.accepted()
    pods = release.wait_ready(2)

    def gets_some():
        work.ask_often()
        return second.accepted() > 0
    node.wait(gets_some, 60, f"connections to {second.name}")
    assert [pod.restarts for pod in pods] == [0, 0], [pod.restarts for pod in pods]


def _broken(release):
    """What an API server takes, and nobody can serve."""
    ns, by = release.namespace, release.name
    resource = objects.ingress("by-resource", "resource.e2e.test", ns=ns, class_name=by)
    resource["spec"]["rules"][0]["http"]["paths"][0]["backend"] = {
        "resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "b"}}
    return [objects.ingress("nothing-there", "nothing.e2e.test", ns=ns, class_name=by), resource,
            objects.slice_of("shop-odd", "shop", ["192.0.2.1"], ns, port_name="other")]


def _ready_since(pods):
    return {pod.name: condition["lastTransitionTime"] for pod in pods
            for condition in pod.item["status"]["conditions"] if condition["type"] == "Ready"}


def a_broken_object_makes_no_pod_unready_and_keeps_none_from_getting_ready(node):
    work = Work.at(node)
    release, before = work.release, _ready_since(work.release.wait_ready(2))
    put(node, *_broken(release))
    for pod in release.instances():
        node.wait(lambda p=pod: p.metric("sealway_config_rejected_objects") >= 2, 60,
                  f"two objects that {pod.name} rejects")
        assert pod.metric("sealway_ready") == 1
    work.ask_often()
    assert _ready_since(release.wait_ready(2)) == before
    gone, _ = before
    release.kubectl("delete", "pod", gone, "--wait=false")
    assert gone not in _ready_since(release.wait_ready(2))
    work.ask_often()
    delete(node, *_broken(release))


def _unhealthy(release):
    """How often kubelets told of probes that failed, without those of pods that have gone."""
    names = {pod.name for pod in release.instances()}
    said = json.loads(release.kubectl("get", "events", "--output=json",
                                      "--field-selector=reason=Unhealthy"))
    return sum(event.get("count") or 1 for event in said["items"]
               if event["involvedObject"]["name"] in names)


def pods_stay_ready_under_as_many_connections_as_this_machine_can_make(node):
    """All of its processors are at it, so that a probe may well be late; but not one after the
    other, which is what would cost a pod its connections, or its life."""
    work = Work.at(node)
    release = work.release
    pods = release.wait_ready(2)
    before, since = _unhealthy(release), _ready_since(pods)
    said = subprocess.run(
        node.in_client([sys.executable, "-B", paths.HERE / "load.py", node.ip, work.client.port,
                        LOAD_S]), capture_output=True, text=True, check=True)
    pods = release.wait_ready(2)
    accepted = [int(pod.accepted()) for pod in pods]
    print(f"             {int(said.stdout) / LOAD_S:.0f} connections a second, "
          f"{' and '.join(map(str, accepted))} in all, "
          f"{_unhealthy(release) - before} probes failed")
    assert sum(accepted) >= int(said.stdout) and min(accepted) > 0, accepted
    assert _ready_since(pods) == since
    assert [pod.restarts for pod in pods] == [0, 0]


def _evict(release, pod):
    """Whether a drain of its node may have it."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": pod.name, "namespace": release.namespace}}
    try:
        release.node.api.request(
            "POST", f"/api/v1/namespaces/{release.namespace}/pods/{pod.name}/eviction", eviction)
        return True
    except ApiError as error:
        assert error.status == 429 and "disruption budget" in str(error), error
        return False


def one_pod_can_be_evicted_and_the_other_only_once_there_is_a_new_one(node):
    work = Work.at(node)
    first, second = work.release.wait_ready(2)
    assert _evict(work.release, first)
    assert not _evict(work.release, second)
    work.ask_often()
    node.wait(lambda: _evict(work.release, second), 120, f"leave to evict {second.name}")
    work.ask_often()
    names = {pod.name for pod in work.release.wait_ready(2)}
    assert not names & {first.name, second.name}, names


def an_upgrade_to_an_option_that_is_refused_leaves_the_old_pods_at_work(node):
    work = Work.at(node)
    release = work.release
    before = {pod.name for pod in release.wait_ready(2)}
    release.helm("upgrade", values={"controller": {"extraArgs": {"no-such-option": ""}}})

    def says_why():
        return any("no-such-option" in release.logs(pod) for pod in release.instances()
                   if pod.name not in before and pod.restarts)
    node.wait(says_why, 120, "a pod that says what is wrong")
    work.ask_often()
    assert before <= {pod.name for pod in release.instances() if pod.is_ready}
    node.helm("rollback", release.name, "--namespace", release.namespace)
    release.wait_rolled_out()
    assert {pod.name for pod in release.wait_ready(2)} == before


if not FULL:
    del an_upgrade_to_an_option_that_is_refused_leaves_the_old_pods_at_work
