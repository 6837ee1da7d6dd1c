"""The chart renders, for every Kubernetes that it is for, and its objects fit together."""

import pathlib
import shutil
import tempfile

import yaml

import chart
from paths import CHART


def helm_has_nothing_to_complain_about():
    for args in ((), *(chart.case(name) for name in chart.cases())):
        done = chart.helm("lint", "--strict", "--quiet", "--kube-version", chart.NEWEST, CHART,
                          *args)
        assert done.returncode == 0, done.stdout + done.stderr


def every_case_renders_the_same_on_the_oldest_kubernetes_tried_and_the_newest():
    for name in chart.cases():
        assert chart.of_case(name, kube=chart.OLDEST_TRIED) == chart.of_case(name), name


def _known_to(minor, found):
    """What of a rendering Kubernetes 1.MINOR is to get."""
    for one in found:
        if one["kind"] == "Pod" and minor < 29:
            continue  # the test's, whose first container goes on beside the other
        if one["kind"] == "PodDisruptionBudget" and minor < 27:
            spec = {**one["spec"]}
            assert spec.pop("unhealthyPodEvictionPolicy") == "AlwaysAllow", spec
            one = {**one, "spec": spec}
        yield one


def older_versions_get_the_same_but_for_what_they_do_not_know():
    oldest, tried = (int(version.split(".")[1]) for version in (chart.OLDEST, chart.OLDEST_TRIED))
    assert oldest < 27 and tried > 29, "nothing to compare"
    for minor in range(oldest, tried):
        for name in chart.cases():
            wanted = list(_known_to(minor, chart.of_case(name)))
            assert chart.of_case(name, kube=f"1.{minor}") == wanted, (minor, name)


def _labels_of_service(found, suffix):
    return next(s["metadata"]["labels"] for s in chart.of_kind(found, "Service")
                if s["metadata"]["name"].endswith(suffix))


def _selectors(found):
    """(object, what it selects by) of all that is about pods."""
    for one in found:
        spec = one.get("spec", {})
        if one["kind"] == "Service":
            yield one, spec["selector"]
        elif one["kind"] in ("Deployment", "DaemonSet", "PodDisruptionBudget", "PodMonitor"):
            yield one, spec["selector"]["matchLabels"]
        elif one["kind"] == "NetworkPolicy":
            yield one, spec["podSelector"]["matchLabels"]


def selectors_find_the_pods_and_not_the_one_of_the_test():
    for name in chart.cases():
        found = chart.of_case(name)
        labels = chart.pod_template(found)["metadata"]["labels"].items()
        for one, selector in _selectors(found):
            assert selector.items() <= labels, (name, one["kind"])
            for pod in chart.test_pods(found):
                assert not selector.items() <= pod["metadata"]["labels"].items(), one["kind"]


def a_service_monitor_finds_the_service_for_metrics_alone():
    found = chart.of_case("monitoring")
    monitor = chart.one_of_kind(found, "ServiceMonitor")["spec"]
    selector = monitor["selector"]["matchLabels"].items()
    matching = [s["metadata"]["name"] for s in chart.of_kind(found, "Service")
                if selector <= s["metadata"]["labels"].items()]
    assert matching == ["sealway-metrics"], matching
    assert monitor["endpoints"][0]["honorLabels"] and monitor["endpoints"][0]["port"] == "admin"


def ports_that_are_named_are_there():
    for name in chart.cases():
        found = chart.of_case(name)
        container = chart.controller(found)
        named = {port["name"] for port in container["ports"]}
        used = {port["targetPort"] for s in chart.of_kind(found, "Service")
                for port in s["spec"]["ports"]}
        used |= {container[probe]["httpGet"]["port"] for probe in container if "Probe" in probe}
        used |= {port["port"] for p in chart.of_kind(found, "NetworkPolicy")
                 for rule in p["spec"]["ingress"] for port in rule["ports"]}
        assert used <= named == {"https", "admin"}, (name, used)


def names_are_short_enough_whatever_the_release_is_called():
    long = "r" * 53
    for one in chart.objects(*chart.case("monitoring"), release=long):
        if one["kind"] not in chart.CLUSTER_SCOPED:
            assert len(one["metadata"]["name"]) <= 63, one["metadata"]["name"]


def a_rollout_has_a_new_pod_before_an_old_one_goes_but_for_ports_of_nodes():
    def rolling(name):
        spec = chart.one_of_kind(chart.of_case(name), "Deployment", "DaemonSet")["spec"]
        return (spec.get("strategy") or spec["updateStrategy"])["rollingUpdate"]
    assert rolling("defaults") == {"maxUnavailable": 0, "maxSurge": 1}
    assert rolling("daemonset-hostport") == {"maxUnavailable": 1}
    for one_per_node in ("hostPort.enabled=true", "hostNetwork=true", "podAntiAffinity=hard"):
        found = chart.objects("--set", f"controller.{one_per_node}")
        assert chart.one_of_kind(found, "Deployment")["spec"]["strategy"]["rollingUpdate"] == {
            "maxUnavailable": 1, "maxSurge": 0}, one_per_node


def a_pod_that_stops_counts_as_ready_as_long_as_it_accepts():
    for delay, period in ((15, 5), (0, 5), (1, 1), (30, 10), (60, 7), (61, 60), (5, None)):
        wanted = period or "null"
        probe = chart.controller(chart.objects(
            "--set", f"controller.config.drain-delay={delay}s",
            "--set", f"controller.readinessProbe.periodSeconds={wanted}"))["readinessProbe"]
        first_to_last = (probe["failureThreshold"] - 1) * probe.get("periodSeconds", 10)
        assert delay < first_to_last <= delay + (period or 10), (delay, period, probe)
    lasting = chart.objects("--set", "controller.readinessProbe.failureThreshold=9")
    assert chart.controller(lasting)["readinessProbe"]["failureThreshold"] == 9
    assert "readinessProbe" not in chart.controller(
        chart.objects("--set", "controller.readinessProbe=null"))


class _NoRepeats(yaml.SafeLoader):
    """YAML that says where a map has a key twice, of which the last would count."""

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: twice in {keys}"
        return super().construct_mapping(node, deep)


def labels_that_are_given_twice_are_rendered_once():
    labels = [f"{where}.{name}={where}"
              for name in (r"app\.kubernetes\.io/part-of", r"app\.kubernetes\.io/version", "owner")
              for where in ("commonLabels", "controller.labels", "controller.podLabels",
                            "controller.service.labels", "controller.metrics.service.labels",
                            "controller.metrics.podMonitor.additionalLabels")]
    args = [word for label in labels for word in ("--set", label)]
    done = chart.text(*chart.case("monitoring"), *args)
    found = [one for one in yaml.load_all(done, _NoRepeats) if one]  # a SafeLoader
    metadata = chart.one_of_kind(found, "Deployment")["metadata"]["labels"]
    assert metadata["app.kubernetes.io/part-of"] == "controller.labels", metadata
    assert chart.pod_template(found)["metadata"]["labels"]["owner"] == "controller.podLabels"
    account = chart.one_of_kind(found, "ServiceAccount")["metadata"]["labels"]
    assert account["app.kubernetes.io/part-of"] == account["owner"] == "commonLabels", account


def what_goes_out_is_what_was_asked_for():
    policy = chart.one_of_kind(chart.of_case("everything"), "NetworkPolicy")["spec"]
    assert policy["egress"] == [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}], policy
    on = chart.objects("--set", "controller.networkPolicy.enabled=true")
    assert chart.one_of_kind(on, "NetworkPolicy")["spec"]["egress"] == [{}]


def a_new_version_of_the_chart_alone_replaces_no_pod():
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / "sealway"
        shutil.copytree(CHART, copy)
        chart_yaml = copy / "Chart.yaml"
        about = yaml.safe_load(chart_yaml.read_text())
        chart_yaml.write_text(yaml.safe_dump({**about, "version": "9.9.9"}))
        new = chart.objects(chart=copy)
    assert chart.pod_template(new) == chart.pod_template(chart.objects())
    assert new != chart.objects()


def _notes(*args):
    """What `helm install` would say: Helm renders it, and shows it with a cluster only."""
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory) / "sealway"
        shutil.copytree(CHART, copy)
        shutil.copy(CHART / "templates" / "NOTES.txt", copy / "notes")
        (copy / "templates" / "notes.yaml").write_text(
            'kind: Notes\nsays: {{ tpl (.Files.Get "notes") . | toJson }}\n')
        return chart.one_of_kind(chart.objects(*args, chart=copy), "Notes")["says"]


def notes_name_what_was_installed():
    said = _notes()
    for words in ("-n sealway rollout status deployment/sealway\n", "--class=sealway ",
                  "exec deployment/sealway -c controller -- /usr/bin/sealway routes\n",
                  "get service sealway -o jsonpath='{.status.loadBalancer.ingress}'",
                  "helm -n sealway test sealway", "tries image and rights in a pod of its own"):
        assert words in said, said
    assert "NOTE" not in said, said


def notes_say_what_is_left_to_do():
    for name, words in (("namespaced", "no IngressClass was created"),
                        ("daemonset-hostport", "enforce=privileged"),
                        ("daemonset-hostport", "port 443 of the nodes"),
                        ("daemonset-hostnetwork", "runs as root, with NET_BIND_SERVICE"),
                        ("daemonset-hostnetwork", "routes --admin localhost:10354"),
                        ("daemonset-hostnetwork", "are on port 10354 of every address of the nodes"),
                        ("legacy", "set controller.replicaCount to 2")):
        assert words in _notes(*chart.case(name)), (name, words, _notes(*chart.case(name)))
    scoped = _notes("--set", "controller.scope.enabled=true", "--set",
                    "controller.scope.namespaces={team-a}")
    assert "add sealway, or set controller.publishAddresses" in scoped, scoped
