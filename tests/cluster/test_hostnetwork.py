"""Port 443 of the node itself, by each of the means there are; and what the process may do then."""

import json
import re

import helm
import images
from atwork import PORT, Client, Release, backend
from filecaps import with_file_capability
from components import SOCKET
from node import NodeError, run
from once import FULL

NET_BIND_SERVICE = 1 << 10
UID = 64646

DAEMONSET = {"controller": {"kind": "DaemonSet", "service": {"enabled": False},
                            "publishService": {"enabled": False},
                            "config": {"drain-delay": "0s", "drain-timeout": "1s"}}}
HOST_PORT = {"controller": {"hostPort": {"enabled": True}}}


def _host_network(low_ports):
    return {"controller": {"hostNetwork": True, "containerPort": {"https": 443},
                           "lowPorts": low_ports}}


def _release(node, *values):
    """They follow each other on the port: one takes it once the one before has ended."""
    def is_free():
        pods = node.get("/api/v1/namespaces/sealway-ports/pods")
        return pods is not None and not pods["items"]
    node.wait(is_free, 120, "a free port")
    return Release(node, "sealway-ports", DAEMONSET, *values, level="privileged")


def _process(release):
    """Uid and capabilities of the program, as the kernel has them."""
    pod, = release.instances()
    status, = pod.item["status"]["containerStatuses"]
    tasks = run(release.node.inside("ctr", f"--address={SOCKET}", "--namespace=k8s.io",
                                    "tasks", "ls"))
    pid = re.search(rf"^{status['containerID'].rpartition('/')[2]}\s+(\d+)", tasks, re.M)[1]
    fields = dict(line.split(":", 1) for line in
                  run(release.node.inside("cat", f"/proc/{pid}/status")).splitlines())
    return {"uid": int(fields["Uid"].split()[0]), "no_new_privs": int(fields["NoNewPrivs"]),
            "capabilities": int(fields["CapEff"], 16), "bounding": int(fields["CapBnd"], 16)}


def _is_served(release):
    """By clients that are seen as who they are."""
    release.route("edge")
    Client(release.node, 443, backend(release.node)).wait_reached("edge", PORT)
    pod, = release.instances()
    release.node.wait(lambda: f"client={release.node.client_ip}:" in release.logs(pod), 30,
                      "the client's address in the access log")


def a_port_of_the_node_by_hostport_takes_no_right_in_the_pod(node):
    with _release(node, HOST_PORT) as release:
        _is_served(release)
        assert _process(release) == {"uid": UID, "no_new_privs": 1, "capabilities": 0,
                                     "bounding": 0}


def in_the_nodes_network_it_binds_443_as_root_with_one_capability(node):
    with _release(node, _host_network("root")) as release:
        _is_served(release)
        assert _process(release) == {"uid": 0, "no_new_privs": 1, "bounding": NET_BIND_SERVICE,
                                     "capabilities": NET_BIND_SERVICE}


def in_the_nodes_network_it_binds_443_without_a_right_once_the_node_lets_everybody(node):
    release = _release(node, _host_network("node"))
    low = "net.ipv4.ip_unprivileged_port_start"
    try:
        release.apply()

        node.wait(lambda: "cannot bind" in release.kubectl(
            "logs", release.workload, check=False), 120, "a reason why it cannot bind")
        run(node.in_node(["sysctl", "-q", f"{low}=443"]))
        release.kubectl("delete", "pods", "--all")  # which would wait longer and longer
        release.wait_rolled_out()
        _is_served(release)
        assert _process(release) == {"uid": UID, "no_new_privs": 1, "capabilities": 0,
                                     "bounding": 0}
    finally:
        run(node.in_node(["sysctl", "-q", f"{low}=1024"]))
        release.remove()


def in_the_nodes_network_it_binds_443_as_itself_if_its_file_has_the_capability(node):
    reference = _load_with_capability(node, "ep")
    image = {"controller": {"image": dict(zip(("repository", "tag"), reference.rsplit(":", 1)))}}
    with _release(node, _host_network("file"), image) as release:
        _is_served(release)
        assert _process(release) == {"uid": UID, "no_new_privs": 1, "bounding": NET_BIND_SERVICE,
                                     "capabilities": NET_BIND_SERVICE}
        release.test()


def _load_with_capability(node, flags):
    """Our image, but that its program has the file capability; its name."""
    archive, reference = images.sealway_archive()
    reference = f"{reference}-{flags}"
    changed = node.dir / f"{flags}.tar"
    with_file_capability(archive, changed, f"docker.io/library/{reference}", "e" in flags)
    node.load_image(changed)
    return reference


# (file capability, uid, privilege escalation, NET_BIND_SERVICE added): what comes of it.
CANNOT_BIND, CANNOT_START, BOUND = "cannot bind", "operation not permitted", "msg=ready"
TRIED = {
    ("", UID, False, False): CANNOT_BIND, ("", UID, False, True): CANNOT_BIND,
    ("", UID, True, False): CANNOT_BIND, ("", UID, True, True): CANNOT_BIND,
    ("ep", UID, False, False): CANNOT_START, ("ep", UID, False, True): BOUND,
    ("ep", UID, True, False): CANNOT_START, ("ep", UID, True, True): BOUND,
    ("p", UID, False, False): CANNOT_BIND, ("p", UID, False, True): CANNOT_BIND,
    ("", 0, False, False): CANNOT_BIND, ("", 0, False, True): BOUND,
}


def _try(number, case, reference):
    """A pod of the nodes' network, on a low port of its own."""
    _, uid, escalates, is_added = case
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"try-{number}"}, "spec": {
        "hostNetwork": True, "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
        "containers": [{
            "name": "try", "image": reference, "imagePullPolicy": "Never",
            "args": ["serve", "--manifests=/run", f"--listen=0.0.0.0:{500 + number}",
                     "--admin=127.0.0.1:0"],
            "securityContext": {
                "runAsUser": uid, "allowPrivilegeEscalation": escalates,
                "capabilities": {"drop": ["ALL"],
                                 "add": ["NET_BIND_SERVICE"] if is_added else []}}}]}}


def _check_that_it_may_not_set_its_sysctl(node, reference):
    pod = _try(len(TRIED), ("", UID, False, False), reference)
    pod["spec"]["securityContext"] = {
        "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "443"}]}
    try:
        node.kubectl("create", "--namespace=tries", "-f", "-", input=json.dumps(pod))
        raise AssertionError("it was taken")
    except NodeError as error:
        assert "may not be specified when 'hostNetwork' is true" in str(error), error


def of_all_ways_to_a_low_port_those_work_that_the_document_says(node):
    helm.namespace(node, "tries", "privileged")
    references = {"": images.sealway_archive()[1],
                  **{flags: _load_with_capability(node, flags) for flags in ("p", "ep")}}
    pods = {case: _try(i, case, references[case[0]]) for i, case in enumerate(TRIED)}
    node.kubectl("create", "--namespace=tries", "-f", "-", input=json.dumps(
        {"apiVersion": "v1", "kind": "List", "items": list(pods.values())}))
    _check_that_it_may_not_set_its_sysctl(node, references[""])
    try:
        for case, pod in pods.items():
            node.wait(lambda p=pod, c=case: TRIED[c] in node.kubectl(
                "logs", "--namespace=tries", p["metadata"]["name"], check=False), 60,
                      f"{TRIED[case]} with {case}")
    finally:
        node.kubectl("delete", "pods", "--all", "--namespace=tries", "--wait=false")


if not FULL:
    del in_the_nodes_network_it_binds_443_as_root_with_one_capability
    del in_the_nodes_network_it_binds_443_without_a_right_once_the_node_lets_everybody
    del in_the_nodes_network_it_binds_443_as_itself_if_its_file_has_the_capability
    del of_all_ways_to_a_low_port_those_work_that_the_document_says
