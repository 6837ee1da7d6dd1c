"""The node itself: what the other tests take for granted."""

import json
import os
import pathlib
import re
import socket
import subprocess

import paths
import helm
import images
from node import Node, NodeError
from once import Once

NS = "node-test"
PEER_PORT = 8080
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
              "capabilities": {"drop": ["ALL"]}}


def _objects(reference):
    """Two pods that say who asked them, and a Service that keeps it and one that does not."""
    labels = {"app": "peer"}
    pod = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
           "terminationGracePeriodSeconds": 0,
           "containers": [{"name": "peer", "image": reference, "imagePullPolicy": "Never",
                           "securityContext": RESTRICTED,
                           "readinessProbe": {"tcpSocket": {"port": PEER_PORT},
                                              "periodSeconds": 1}}]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment",
                  "metadata": {"name": "peer", "namespace": NS},
                  "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                           "template": {"metadata": {"labels": labels}, "spec": pod}}}
    services = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": NS},
                 "spec": {"type": "NodePort", "externalTrafficPolicy": policy, "selector": labels,
                          "ports": [{"port": PEER_PORT}]}}
                for name, policy in (("local", "Local"), ("cluster", "Cluster"))]
    return {"apiVersion": "v1", "kind": "List", "items": [deployment, *services]}


class _Peers(Once):
    def __init__(self, node):
        path, reference = images.app_archive("peer", images.compiled("peer"))
        node.load_image(path)
        helm.namespace(node, NS)
        node.kubectl("apply", "-f", "-", input=json.dumps(_objects(reference)))
        node.kubectl("rollout", "status", "-n", NS, "deployment/peer", "--timeout=120s")


def _ask(node, name):
    """(who the pod says has asked, which pod) by a Service's port of the node."""
    port = node.get(f"/api/v1/namespaces/{NS}/services/{name}")["spec"]["ports"][0]["nodePort"]
    node.wait(lambda: helm.reachable(node, port), 60, f"port {port} of the node")
    with node.as_client(), socket.create_connection((node.ip, port), timeout=30) as connection:
        with connection.makefile() as answer:
            return answer.readline().split()


def _pods(node):
    return json.loads(node.kubectl("get", "pods", "-n", NS, "--output=json"))["items"]


def the_node_is_ready_and_is_of_the_version_that_was_built(node):
    assert node.is_ready()
    version = re.search(r"^\tk8s.io/kubernetes (v\S+)$", (paths.E2E / "kube/go.mod").read_text(),
                        re.M)[1]
    info = node.get("/api/v1/nodes/node")["status"]["nodeInfo"]
    assert info["kubeletVersion"] == version, info
    print(f"{'':13}Kubernetes {version}, {info['containerRuntimeVersion']}, {info['osImage']}")


def starting_it_again_is_nothing(node):
    before = node.api.request("GET", "/api/v1/nodes/node")["metadata"]["uid"]
    assert Node(node.name, node.dir.parent).start().is_up()
    assert node.get("/api/v1/nodes/node")["metadata"]["uid"] == before


def pods_run_in_a_namespace_that_is_restricted(node):
    _Peers.at(node)


def a_pod_that_asks_for_more_is_refused_there(node):
    _Peers.at(node)
    greedy = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "greedy", "namespace": NS},
              "spec": {"hostNetwork": True,
                       "containers": [{"name": "peer", "image": "sealway.test/peer:1"}]}}
    try:
        node.kubectl("create", "-f", "-", input=json.dumps(greedy))
        raise AssertionError("it was taken")
    except NodeError as error:
        assert "violates PodSecurity" in str(error), error
    assert node.get(f"/api/v1/namespaces/{NS}/pods/greedy") is None


def a_port_of_the_node_keeps_the_clients_address_if_its_policy_is_local(node):
    _Peers.at(node)
    assert _ask(node, "local")[0] == node.client_ip
    assert _ask(node, "cluster")[0] != node.client_ip


def pods_reach_each_other_and_themselves_by_a_service(node):
    _Peers.at(node)
    address = node.get(f"/api/v1/namespaces/{NS}/services/local")["spec"]["clusterIP"]
    pod = _pods(node)[0]["metadata"]["name"]
    wanted = {each["metadata"]["name"] for each in _pods(node)}
    reached = set()

    def are_all_reached():
        answer = node.kubectl("exec", "-n", NS, pod, "--", "/peer", address)
        reached.add(answer.split()[1])
        return reached == wanted
    node.wait(are_all_reached, 60, f"each of {wanted}")


def the_api_server_and_the_kubelet_can_be_restarted_while_pods_run(node):
    _Peers.at(node)
    before = {pod["metadata"]["uid"] for pod in _pods(node)}
    node.restart_apiserver()
    node.restart_kubelet()
    assert _ask(node, "local")[0] == node.client_ip
    pods = _pods(node)
    assert {pod["metadata"]["uid"] for pod in pods} == before
    assert all(status["restartCount"] == 0 for pod in pods
               for status in pod["status"]["containerStatuses"])


def _traces(name):
    """What a node of that name has on this machine, beside its processes."""
    netns = pathlib.Path("/run/netns")
    groups = pathlib.Path("/sys/fs/cgroup")
    return [str(path) for path in (*netns.glob(f"{name}-*"), *groups.glob(f"sealway-node-{name}"),
                                   *groups.glob(f"*/sealway-node-{name}"))]


def _processes(directory):
    """Those that have the node's directory in their command line, anywhere on this machine."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(directory).encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass
    return found


def _mounts():
    """Where something is mounted, but for namespaces' names and users who log in: those come and
    go."""
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines
            if "/run/netns" not in line and "/run/user" not in line]


def _of_the_machine():
    """What a node must not touch: mounts, rules, and paths that containers usually have."""
    rules = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    used = [path for path in ("/var/lib/kubelet", "/var/lib/cni", "/var/log/pods",
                              "/run/containerd", "/opt/cni", "/usr/libexec/kubernetes")
            if os.path.exists(path)]
    return rules.stdout, used, _mounts()


def one_beside_it_leaves_nothing_when_it_is_stopped(node):
    other = Node(node.name + "-b", node.dir.parent)
    before = _of_the_machine()
    other.start()
    assert _traces(other.name) and _processes(other.dir)
    other.stop()
    assert not _traces(other.name), _traces(other.name)
    assert not _processes(other.dir), _processes(other.dir)
    assert not other.dir.exists()
    assert _of_the_machine() == before
    assert node.is_up() and node.is_ready()
    other.stop()


def _end(node):
    if _Peers.current is not None:
        _Peers.forget()
        node.kubectl("delete", "namespace", NS, "--wait=false")
