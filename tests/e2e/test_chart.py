"""The chart and a real API server: it takes what is rendered, and Helm installs and removes it."""

import json
import os
import pathlib
import subprocess

import yaml

from api import ApiError
from chart import CHART, NS

VALUES = pathlib.Path("../chart/values")
OF_OTHERS = ("monitoring.coreos.com/v1",)  # kinds that an operator brings along
ON_NODES = {"daemonset-hostport": "hostPort", "daemonset-hostnetwork": "host namespaces"}
ADDED = ("everything",)  # has containers that users add, which say nothing of their security
RESTRICTED, OPEN = "chart-restricted", "chart-open"


def _rendered(scene, name, ns):
    """All objects of one of the chart tests' values."""
    argv = [os.environ["E2E_HELM"], "template", "sealway", CHART, "-n", ns, "--kube-version",
            scene.lab.version(), "-f", VALUES / f"{name}.yaml"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(done.stdout)
            if one and one["apiVersion"] not in OF_OTHERS]


def _names():
    found = sorted(path.stem for path in VALUES.glob("*.yaml"))
    assert set(ON_NODES) < set(found), found
    return found


def _ensure_namespace(scene, name, level="privileged"):
    scene.lab.api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"pod-security.kubernetes.io/enforce": level}}})


def the_api_server_takes_all_that_the_chart_renders(scene):
    for name in _names():
        # Pods are tried below, where the accounts that they name are there.
        found = [one for one in _rendered(scene, name, NS) if one["kind"] != "Pod"]
        for ns in {one["metadata"].get("namespace", NS) for one in found}:
            _ensure_namespace(scene, ns)
        done = scene.lab.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict",
                                 "-f", "-", stdin=yaml.safe_dump_all(found), check=False)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert len(done.stdout.splitlines()) == len(found), f"{name}: {done.stdout}"


def _pods(scene, name, ns):
    """The pod of the workload and that of `helm test`, as the cluster would make them."""
    found = _rendered(scene, name, ns)
    template = next(one for one in found if one["kind"] in ("Deployment", "DaemonSet"))
    pods = [{"metadata": {**template["spec"]["template"]["metadata"], "name": "workload"},
             "spec": template["spec"]["template"]["spec"]}]
    pods += [one for one in found if one["kind"] == "Pod"]
    return [{"apiVersion": "v1", "kind": "Pod", **pod,
             "metadata": {**pod["metadata"], "namespace": ns}} for pod in pods]


def _try_pods(scene, name, ns):
    for pod in _pods(scene, name, ns):
        account = pod["spec"]["serviceAccountName"]
        scene.lab.api.put({"apiVersion": "v1", "kind": "ServiceAccount",
                           "metadata": {"name": account, "namespace": ns}})
        scene.lab.request("POST", f"/api/v1/namespaces/{ns}/pods?dryRun=All", pod)


def a_namespace_that_enforces_restricted_takes_the_pods(scene):
    _ensure_namespace(scene, RESTRICTED, "restricted")
    for name in _names():
        if name not in ON_NODES and name not in ADDED:
            _try_pods(scene, name, RESTRICTED)


def it_refuses_pods_that_hold_ports_of_nodes_and_one_without_rules_takes_them(scene):
    _ensure_namespace(scene, RESTRICTED, "restricted")
    _ensure_namespace(scene, OPEN)
    for name, why in ON_NODES.items():
        try:
            _try_pods(scene, name, RESTRICTED)
            raise AssertionError(f"{name}: it was taken")
        except ApiError as error:
            assert error.status == 403 and why in str(error), f"{name}: {error}"
        _try_pods(scene, name, OPEN)


def _helm(scene, *args):
    argv = [os.environ["E2E_HELM"], "--kubeconfig", scene.lab.key("admin.kubeconfig"), *args]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"helm {args}: {done.stderr}"
    return done.stdout


def _objects_of(scene, release):
    """{kind and name: version} of all that has the release's label."""
    kinds = ("deployments,services,serviceaccounts,leases,poddisruptionbudgets,ingressclasses,"
             "roles,rolebindings,clusterroles,clusterrolebindings,configmaps,networkpolicies,pods")
    said = scene.lab.kubectl("get", kinds, "-A", "-o", "json", "-l",
                             f"app.kubernetes.io/instance={release}").stdout
    return {(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]):
            one["metadata"]["resourceVersion"] for one in json.loads(said)["items"]}


def the_plain_manifests_are_taken_and_taken_again_without_a_change(scene):
    file = "../../deploy/kubernetes.yaml"
    done = scene.lab.kubectl("apply", "-f", file, check=False)
    assert done.returncode == 0, done.stderr
    first = _objects_of(scene, "sealway")
    assert len(first) == 10, first
    scene.lab.kubectl("apply", "-f", file)
    assert _objects_of(scene, "sealway") == first
    scene.lab.kubectl("delete", "--wait=false", "-f", file)


def helm_installs_two_releases_upgrades_to_the_same_and_leaves_nothing(scene):
    second = ["-f", str(VALUES / "second.yaml")]
    said = _helm(scene, "install", "front", CHART, "-n", OPEN, "--create-namespace", "--set",
                 "controller.ingressClassResource.name=front", "--set",
                 "controller.ingressClassResource.controllerValue=sealway.io/front")
    assert "rollout status deployment/front-sealway" in said, said
    _helm(scene, "install", "inside", CHART, "-n", OPEN, *second)
    front, inside = _objects_of(scene, "front"), _objects_of(scene, "inside")
    assert len(front) == len(inside) == 10 and not front.keys() & inside.keys(), (front, inside)
    _helm(scene, "upgrade", "inside", CHART, "-n", OPEN, *second)
    assert _objects_of(scene, "inside") == inside and _objects_of(scene, "front") == front
    for release in ("front", "inside"):
        _helm(scene, "uninstall", release, "-n", OPEN)
        assert not _objects_of(scene, release), _objects_of(scene, release)
