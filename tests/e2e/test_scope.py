"""Instances with other rights: in some namespaces only, or with the older Endpoints."""

from network import OTHER_PORT, name_of
from objects import endpoints, ingress, service, site, slice_of

LEGACY_CLASS = "sealway.io/legacy"


def _of_class(items, name):
    items[-1]["spec"]["ingressClassName"] = name
    return items


def an_instance_with_roles_only_serves_its_namespaces_and_no_other(scene):
    ours = _of_class(site("ours", ["10.77.0.1"], ns="team-a"), "scoped")
    theirs = _of_class(site("theirs", ["10.77.0.2"], ns="team-b"), "scoped")
    scene.put(*theirs, *ours)
    instance = scene.instance("scoped", "scoped",
                              ["--watch-namespace", "team-a", "--ingress-class", "scoped"]).start()
    instance.wait_reached("ours.e2e.test", name_of("10.77.0.1"))
    assert instance.client.reached("theirs.e2e.test") is None
    scene.put(slice_of("ours", "ours", ["10.77.0.3"], ns="team-a"))
    instance.wait_reached("ours.e2e.test", name_of("10.77.0.3"))
    instance.stop()
    denied = {(e.verb, e.resource) for e in instance.requests() if e.decision != "allow"}
    assert denied <= {("list", "ingressclasses")}, denied


def an_instance_told_so_takes_endpoints_and_sees_them_change(scene):
    scene.put(service("legacy"), slice_of("legacy", "legacy", ["10.77.0.9"]),
              endpoints("legacy", ["10.77.0.1", "10.77.0.2"], not_ready=["10.77.0.3"]),
              ingress("legacy", "legacy.e2e.test", class_name="legacy"))
    instance = scene.instance("legacy", "legacy", [
        "--endpoints-api", "endpoints", "--controller-class", LEGACY_CLASS,
        "--ingress-class", "legacy"]).start()
    see = instance.wait_reached_set
    see("legacy.e2e.test", [name_of("10.77.0.1"), name_of("10.77.0.2")])
    scene.put(endpoints("legacy", ["10.77.0.3"], port=OTHER_PORT))
    see("legacy.e2e.test", [name_of("10.77.0.3", OTHER_PORT)])
    scene.delete(endpoints("legacy", []))
    instance.wait_reached("legacy.e2e.test", None)
    scene.put(endpoints("legacy", ["10.77.0.4"]))
    see("legacy.e2e.test", [name_of("10.77.0.4")])
    instance.stop()
