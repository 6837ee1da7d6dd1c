"""What is to be seen of it: lines of its log, and all that the dashboard and the alerts ask for."""

import contextlib
import json
import re
import socket
import time

import paths
import objects
from atwork import ADMIN_PORT, Work, delete, host_of, put, site
from prometheus import OPERATIONS, Prometheus

DASHBOARD = paths.CHART / "dashboards" / "sealway.json"
RULES = paths.CHART / "rules" / "sealway.rules.yaml"
VARIABLES = {"$job": ".*", "$instance": ".*", "$namespace": ".*", "$route": ".*", "$top": "10",
             "$__rate_interval": "1m"}
CLOSED_PORT = 9

# Panels that have nothing to show while all is well: they list what is wrong.
EMPTY_WHEN_WELL = {"Services without ready endpoints", "Rejected objects"}

BEGUN_BY_FAULTS = {"SealwayObjectsRejected", "SealwayServiceWithoutEndpoints"}


def _expressions():
    """[(title of the panel, expression)], as Grafana would ask for them."""
    found = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            assert "$" not in expression, expression
            found.append((panel["title"], expression))
    return found


def _empty(prometheus):
    """Panels that show nothing; an expression that is no good is an error."""
    return {title for title, expression in _expressions() if not prometheus.query(expression)}


def _send_plain_text(work):
    with work.client.node.as_client(), contextlib.suppress(OSError), socket.create_connection(
            (work.client.address, work.client.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        plain.recv(1024)


def _faults(work):
    """A host whose endpoint nobody is at, one whose Service has none, and one without a Service."""
    release, node = work.release, work.release.node
    ns, by = release.namespace, release.name
    return [*site(node, "closed", ns, by, CLOSED_PORT),
            objects.service("nobody", ns, selector=None),
            objects.ingress("nobody", host_of("nobody"), ns=ns, class_name=by),
            objects.ingress("no-service", host_of("no-service"), ns=ns, class_name=by)]


def _wait_targets(work, prometheus, pods):
    """Until it scrapes these pods by the labels of the document, and no other."""
    wanted = {f"{pod.ip}:{ADMIN_PORT}": ("up", pod.name) for pod in pods}

    def are_up():
        work.ask_often(5)
        return wanted == {instance: (health, labels.get("pod"))
                          for instance, (health, labels) in prometheus.targets().items()}
    began = time.monotonic()
    work.release.node.wait(are_up, 60, f"the targets {', '.join(wanted)}")
    return time.monotonic() - began


def a_prometheus_that_finds_pods_by_itself_scrapes_both_and_fills_every_panel(node):
    work = Work.at(node)
    pods = work.release.wait_ready(2)
    with Prometheus(node, work.release.namespace, RULES) as prometheus:
        _wait_targets(work, prometheus, pods)
        _check_discovered(prometheus, pods)
        _check_pods_that_come_and_go(work, prometheus, pods)
        try:
            _check_panels(work, prometheus)
            _check_alerts(prometheus)
        finally:
            delete(node, *_faults(work))


def _check_discovered(prometheus, pods):
    """It gives more than is kept: all ports, with the labels of Kubernetes' objects."""
    found = prometheus.discovered()
    assert len(found) > len(pods), found
    for pod in pods:
        labels = found[f"{pod.ip}:{ADMIN_PORT}"]
        said = {name: labels[f"__meta_kubernetes_{name}"]
                for name in ("namespace", "pod_name", "pod_uid", "pod_ready", "pod_node_name",
                             "pod_controller_kind", "pod_container_port_name")}
        assert said == {
            "namespace": prometheus.namespace, "pod_name": pod.name, "pod_ready": "true",
            "pod_uid": pod.item["metadata"]["uid"], "pod_node_name": pod.item["spec"]["nodeName"],
            "pod_controller_kind": "ReplicaSet", "pod_container_port_name": "admin"}, said


def _check_pods_that_come_and_go(work, prometheus, pods):
    """One deleted is a target no more, and the one in its place is one."""
    work.release.kubectl("delete", "pod", pods[0].name, "--wait=false")
    work.release.node.wait(lambda: pods[0].name not in [p.name for p in work.release.instances()],
                           60, f"{pods[0].name} to go")
    now = work.release.wait_ready(2)
    assert pods[0].name not in [pod.name for pod in now], "it was not replaced"
    took = _wait_targets(work, prometheus, now)
    print(f"{'':13}a pod deleted and the one in its place: targets {took:.1f} s after it was ready")


def _check_panels(work, prometheus):
    node = work.release.node
    seen = set()

    def are(wanted, ask):
        def holds():
            ask()
            seen.clear()
            seen.update(_empty(prometheus))
            return seen <= wanted
        try:
            node.wait(holds, 90, f"nothing empty but {wanted or 'nothing'}")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {seen - wanted}") from None
    are(EMPTY_WHEN_WELL, lambda: work.ask_often(5))
    print(f"{'':13}{len(_expressions())} expressions; while all is well these panels are empty: "
          f"{', '.join(sorted(seen))}")
    put(node, *_faults(work))

    def ask_for_trouble():
        _send_plain_text(work)
        for name in ("closed", "nobody", "unknown"):
            work.client.reached(host_of(name))
    are(set(), ask_for_trouble)


def _check_alerts(prometheus):
    """Each can be evaluated; those that are about the faults begin, and none has seen enough."""
    def evaluated():
        groups = prometheus.get("rules", type="alert")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        begun = {rule["name"] for rule in rules if rule["state"] == "pending"}
        # One evaluation that comes late fails, and the next one is well.
        wrong.clear()
        wrong.update({rule["name"]: rule.get("lastError") for rule in rules
                      if rule["health"] != "ok"})
        return BEGUN_BY_FAULTS <= begun and not wrong and rules
    wrong = {}
    try:
        rules = prometheus.node.wait(evaluated, 60, f"{BEGUN_BY_FAULTS} to begin")
    except TimeoutError as error:
        raise AssertionError(f"{error}: not well: {wrong}") from None
    assert len(rules) == len(re.findall(r"- alert:", RULES.read_text()))
    firing = [rule["name"] for rule in rules if rule["state"] == "firing"]
    assert not firing, firing


def _documented_fields():
    """Names in the table of an access line."""
    section = OPERATIONS.read_text().split("\n## Logs\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def _line_of(work, name, pattern):
    """What the pods' logs have of a connection for a host."""
    work.client.reached(host_of(name))

    def logged():
        text = "".join(work.release.logs(pod) for pod in work.release.instances())
        found = [line for line in text.splitlines() if re.search(pattern, line)]
        return found and found[-1]
    return work.release.node.wait(logged, 60, f"a line about {name}")


def each_connection_is_a_line_of_kubectl_logs_with_the_fields_of_the_document(node):
    work = Work.at(node)
    work.release.wait_ready(2)
    line = _line_of(work, "shop", rf"\bsni=\"?{re.escape(host_of('shop'))}")
    fields = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))
    assert fields.keys() == _documented_fields(), fields.keys() ^ _documented_fields()
    assert fields["client"].strip('"').startswith(f"{node.client_ip}:"), line
    assert (fields["ingress"], fields["service"]) == ("shop", "shop"), line
    refused = _line_of(work, "unknown", rf"\bsni=\"?{re.escape(host_of('unknown'))}")
    assert "reason=no_route" in refused, refused
