"""What the chart does to a cluster: what is taken, what stays the same, and what is left."""

import json

import yaml

import paths
import helm
from atwork import PORT, Client, Release, Work, backend, put, site
from node import NodeError
from once import FULL

VALUES = paths.TREE / "tests" / "chart" / "values"
OF_AN_OPERATOR = "monitoring.coreos.com/v1"
KINDS = "deployments,replicasets,services,serviceaccounts,leases,poddisruptionbudgets,roles," \
        "rolebindings,pods,configmaps,networkpolicies"
ELSEWHERE = "uninstall-apps"

# As much as a cluster without an operator can have; an autoscaler takes its time to look.
MUCH = {"controller": {
    "autoscaling": {"enabled": FULL, "minReplicas": 2, "maxReplicas": 3},
    "service": {"internal": {"enabled": True}},
    "metrics": {"service": {"enabled": True}, "dashboard": {"enabled": True}},
    "networkPolicy": {"enabled": True},
    "publishAddresses": ["192.0.2.9"]}}


def _versions(release):
    """{kind and name: what it was last written as}, without what its holder renews."""
    return {(one["kind"], one["metadata"]["name"]): one["metadata"].get("generation") or (
        one["kind"] != "Lease" and one["metadata"]["resourceVersion"])
            for one in release.items(KINDS)}


def two_upgrades_to_the_same_change_no_object_and_no_pod(node):
    release = Work.at(node).release
    release.wait_ready(2)
    before = _versions(release)
    for _ in range(2):
        release.helm("upgrade")
    assert _versions(release) == before, before.items() ^ _versions(release).items()


def _rendered(node, name, ns):
    text = node.helm("template", "sealway", paths.CHART, "--namespace", ns,
                     "--kube-version", "1.36", "--values", VALUES / f"{name}.yaml")
    return [_as_this_cluster_has_it(one) for one in yaml.safe_load_all(text)
            if one and one["apiVersion"] != OF_AN_OPERATOR and one["kind"] != "Pod"]


def _as_this_cluster_has_it(item):
    """It has no IPv6; the API server of tests/e2e takes what has."""
    if item["kind"] == "Service":
        for field in ("ipFamilies", "ipFamilyPolicy"):
            item["spec"].pop(field, None)
    return item


def the_api_server_takes_all_that_the_values_of_the_chart_tests_render(node):
    kinds = set()
    for path in sorted(VALUES.glob("*.yaml")):
        found = _rendered(node, path.stem, "values")
        for ns in {one["metadata"].get("namespace", "values") for one in found}:
            helm.namespace(node, ns, "privileged")
        node.kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-",
                     input=yaml.safe_dump_all(found))
        kinds |= {one["kind"] for one in found}
    assert {"NetworkPolicy", "HorizontalPodAutoscaler", "DaemonSet"} <= kinds, kinds


def what_needs_an_operator_is_refused_without_it_before_anything_is_made(node):
    release = Release(node, "sealway-operator", {"controller": {"metrics": {
        "podMonitor": {"enabled": True}}}})
    try:
        release.apply()
        raise AssertionError("it was taken")
    except NodeError as error:
        assert 'no matches for kind "PodMonitor"' in str(error) and "CRDs" in str(error), error
    assert not release.items(KINDS), release.items(KINDS)


def _all_objects(node):
    """(kind, namespace, name) of all there are, but Events, which end by themselves."""
    names = node.kubectl("api-resources", "--verbs=list", "--output=name").split()
    kinds = ",".join(name for name in names if name.partition(".")[0] not in (
        "events", "componentstatuses"))
    said = json.loads(node.kubectl("get", kinds, "--all-namespaces", "--output=json"))
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"])
            for one in said["items"]}


def an_uninstall_leaves_nothing_of_it(node):
    release = Release(node, "sealway-leaver", MUCH)
    for ns in (ELSEWHERE, release.namespace):
        helm.namespace(node, ns)
    put(node, *site(node, "left", ELSEWHERE, release.name))
    # The controller-manager puts it into new namespaces a little later.
    certificate = f"/api/v1/namespaces/{release.namespace}/configmaps/kube-root-ca.crt"
    node.wait(lambda: node.get(certificate), 60, "what every namespace has")
    before = _all_objects(node)
    release.apply()
    release.wait_ready(2)
    Client(node, release.port, backend(node)).wait_reached("left", PORT)
    had = _all_objects(node) - before
    assert {"NetworkPolicy", "ConfigMap", "ClusterRole", "IngressClass", "PodDisruptionBudget",
            "Lease", "ReplicaSet"} <= {kind for kind, _, _ in had}, had
    assert ("HorizontalPodAutoscaler" in {kind for kind, _, _ in had}) == FULL, had
    release.remove()
    of_pods = f"/api/v1/namespaces/{release.namespace}/pods"
    node.wait(lambda: not node.get(of_pods)["items"], 180, "the end of its pods")
    left = set()

    def is_nothing_left():
        left.clear()
        left.update(_all_objects(node) & had)
        return not left
    try:
        node.wait(is_nothing_left, 180, "nothing that is left")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {left}") from None
    print(f"{'':13}{len(had)} objects had come, of {len({kind for kind, _, _ in had})} kinds")


def _end(_node):
    Work.end()


if not FULL:  # the short form asks that of tests/e2e
    del the_api_server_takes_all_that_the_values_of_the_chart_tests_render
